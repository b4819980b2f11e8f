// `scanlogctl live`: a full screen of scans as they grow. ncurses(3X); what is shown is
// live_view.cpp's.
#include <langinfo.h>
#include <ncurses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "ctl/client.h"
#include "ctl/live_view.h"
#include "ctl/subcommands.h"

namespace scanlogd::ctl {
namespace {

using std::chrono::steady_clock;

constexpr int kLookMs = 1000;
constexpr std::size_t kScans = 200;
constexpr std::size_t kRates = 300;

volatile std::sig_atomic_t is_ended = 0;

void end_it(int /*signal*/) { is_ended = 1; }

/// The terminal, as long as it is ours; given back whatever happens.
class Terminal {
 public:
  [[nodiscard]] static Result<Terminal> open() {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
      return fail("live: needs a terminal", ENOTTY);
    }
    struct sigaction ending {};
    ending.sa_handler = end_it;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) (void)::sigaction(signal, &ending, nullptr);
    SCREEN* const screen = ::newterm(nullptr, stdout, stdin);
    if (screen == nullptr) return fail("newterm: the terminal of TERM is not known here", ENOTTY);
    (void)::cbreak();
    (void)::noecho();
    (void)::keypad(stdscr, true);
    (void)::curs_set(0);
    (void)::set_escdelay(25);
    if (::has_colors()) {
      (void)::start_color();
      (void)::use_default_colors();
      (void)::init_pair(kRed, COLOR_RED, -1);
    }
    return Terminal(screen);
  }
  Terminal(Terminal&& other) noexcept : screen_(std::exchange(other.screen_, nullptr)) {}
  Terminal& operator=(Terminal&&) = delete;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (screen_ == nullptr) return;
    (void)::endwin();
    ::delscreen(screen_);
  }

  [[nodiscard]] static std::size_t rows() {
    return static_cast<std::size_t>(std::max(::getmaxy(stdscr), 0));
  }
  [[nodiscard]] static std::size_t columns() {
    return static_cast<std::size_t>(std::max(::getmaxx(stdscr), 0));
  }

  static void paint(const std::vector<LiveLine>& screen) {
    (void)::werase(stdscr);
    for (std::size_t at = 0; at < screen.size(); ++at) {
      const bool is_red = screen[at].style == LiveStyle::alarming && ::has_colors();
      (void)::wattr_set(stdscr, attributes_of(screen[at].style), is_red ? kRed : short{0}, nullptr);
      (void)::mvwaddstr(stdscr, static_cast<int>(at), 0, screen[at].text.c_str());
    }
    (void)::wattr_set(stdscr, A_NORMAL, 0, nullptr);
    (void)::wrefresh(stdscr);
  }

  /// The next key within `milliseconds`.
  [[nodiscard]] static LiveKey wait(int milliseconds) {
    ::wtimeout(stdscr, milliseconds);
    switch (::wgetch(stdscr)) {
      case KEY_UP:
      case 'k':
        return LiveKey::up;
      case KEY_DOWN:
      case 'j':
        return LiveKey::down;
      case KEY_PPAGE:
        return LiveKey::page_up;
      case KEY_NPAGE:
      case ' ':
        return LiveKey::page_down;
      case KEY_HOME:
        return LiveKey::first;
      case KEY_END:
        return LiveKey::last;
      case KEY_ENTER:
      case '\n':
      case '\r':
        return LiveKey::open;
      case kEscape:
      case KEY_BACKSPACE:
      case KEY_LEFT:
        return LiveKey::back;
      case 's':
        return LiveKey::sort;
      case 'g':
        return LiveKey::going_on;
      case 'p':
        return LiveKey::pause;
      case '?':
      case 'h':
        return LiveKey::help;
      case 'q':
        return LiveKey::quit;
      default:
        return LiveKey::none;
    }
  }

 private:
  explicit Terminal(SCREEN* screen) noexcept : screen_(screen) {}

  [[nodiscard]] static attr_t attributes_of(LiveStyle style) {
    switch (style) {
      case LiveStyle::plain:
        break;
      case LiveStyle::title:
      case LiveStyle::alarming:
        return A_BOLD;
      case LiveStyle::chosen:
        return A_REVERSE;
      case LiveStyle::faint:
        return A_DIM;
    }
    return A_NORMAL;
  }

  static constexpr int kEscape = 27;
  static constexpr short kRed = 1;

  SCREEN* screen_;
};

/// What is looked at each second, and what is too dear for that.
class Watcher {
 public:
  Watcher(const StoreReader& store, const Request& request) : store_(store), request_(request) {}

  [[nodiscard]] Result<void> look(LiveModel& model, bool only_going_on) {
    model.now = std::chrono::system_clock::now();
    const auto now = steady_clock::now();
    ScanFilter filter = request_.filter;
    filter.limit = kScans;
    filter.goes_on = only_going_on;
    auto scans = store_.list(filter);
    if (!scans) return std::unexpected(scans.error());
    model.scans = std::move(*scans);
    if (const auto rate = meter_.look(model.scans, now)) {
      model.rates.push_back(*rate);
      if (model.rates.size() > kRates) model.rates.pop_front();
    }
    // Counting all scans and asking a daemon that may be slow: every few seconds is enough.
    constexpr std::chrono::seconds kSeldom{5};
    if (counted_ && now - *counted_ < kSeldom) return {};
    counted_ = now;
    const auto summary = store_.summary();
    if (!summary) return std::unexpected(summary.error());
    model.on_record = summary->scans;
    model.going_on = summary->going_on;
    auto daemon = ask_daemon(request_.control, {.verb = ControlVerb::status});
    model.daemon.reset();
    if (daemon) {
      model.daemon = std::move(*daemon);
    } else {
      model.no_daemon = daemon.error().what;
    }
    return {};
  }

 private:
  const StoreReader& store_;
  const Request& request_;
  RateMeter meter_;
  std::optional<steady_clock::time_point> counted_;
};

/// What `show` says of the opened scan.
void look_into(const StoreReader& store, std::uint64_t id, std::size_t columns, LiveView& view) {
  Request request;
  request.id = id;
  request.width = columns;
  std::string text;
  const auto done = show_scan(store, request, [&](std::string_view piece) { text += piece; });
  // It may be too old by now to be on record.
  view.show(done ? text : done.error().what);
}

}  // namespace

Result<void> watch_live(const StoreReader& store, const Request& request) {
  (void)std::setlocale(LC_ALL, "");
  const bool unicode = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  const auto terminal = Terminal::open();
  if (!terminal) return std::unexpected(terminal.error());
  LiveModel model;
  LiveView view(unicode);
  Watcher watcher(store, request);
  auto next = steady_clock::now();
  while (is_ended == 0) {
    if (const auto now = steady_clock::now(); now >= next) {
      if (!view.is_paused()) {
        if (auto done = watcher.look(model, view.only_going_on()); !done) return done;
      }
      next = now + std::chrono::milliseconds(kLookMs);
    }
    if (view.opened() && !view.is_paused()) {
      look_into(store, *view.opened(), Terminal::columns(), view);
    }
    Terminal::paint(view.draw(model, Terminal::rows(), Terminal::columns()));
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next - steady_clock::now());
    const LiveKey key =
        Terminal::wait(static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, kLookMs)));
    const bool was_filtered = view.only_going_on();
    if (!view.press(key, model, Terminal::rows())) break;
    if (view.only_going_on() != was_filtered) next = steady_clock::now();
  }
  return {};
}

}  // namespace scanlogd::ctl
