// See live_view.h.
#include "ctl/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "ctl/daemon_status.h"
#include "ctl/scan_table.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kHead = 3;  // lines above the table
constexpr std::size_t kFoot = 1;
constexpr std::size_t kTitles = 1;  // of the table

constexpr std::string_view kKeys =
    "Up/Down choose  Enter look into  s sort  g going on  p pause  ? help  q quit";

constexpr std::array<std::string_view, 12> kHelp = {
    "Up, Down, PgUp, PgDn, Home, End   choose a scan, or scroll",
    "Enter                             look into the chosen scan",
    "Esc, Backspace                    back to the list",
    "s                                 the widest scans first, or the newest",
    "g                                 only scans that go on, or all",
    "p                                 hold everything still, or go on",
    "q                                 quit",
    "",
    "ports/s: by how many ports all scans together grew, each second.",
    "OPEN: ports that answered. VERDICT: how far the source address is to be",
    "believed; scanlogctl(8) and docs/detection.md say what each means.",
    "",
};

/// `left`, and `right` at the other end of the line, if there is room for both.
std::string spread(std::string left, std::string_view right, std::size_t columns) {
  if (left.size() + right.size() + 1 <= columns) {
    left.append(columns - left.size() - right.size(), ' ').append(right);
  }
  left.resize(std::min(left.size(), columns));
  return left;
}

std::string health_of(const LiveModel& model) {
  if (!model.daemon) return "no daemon";
  const auto ailments = ailments_of(*model.daemon);
  if (ailments.empty()) return "well";
  return fmt::format("UNWELL: {}{}", ailments.front(),
                     ailments.size() > 1 ? fmt::format(" and {} more", ailments.size() - 1) : "");
}

std::string counters_of(const LiveModel& model) {
  std::string text = fmt::format("on record {}  going on {}", format_count(model.on_record),
                                 format_count(model.going_on));
  if (!model.daemon) return text;
  std::uint64_t waiting = 0;
  for (const Cursor& sink : sinks_of(*model.daemon)) {
    waiting += sink.taken - sink.delivered - sink.lost;
  }
  return text + fmt::format("  packets {}  dropped {}  messages waiting {}",
                            format_count(model.daemon->number("packets.seen")),
                            format_count(model.daemon->number("packets.dropped")),
                            format_count(waiting));
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

}  // namespace

std::optional<double> RateMeter::look(const std::vector<Scan>& scans,
                                      std::chrono::steady_clock::time_point now) {
  std::map<std::uint64_t, std::uint64_t> ports;
  std::uint64_t grown = 0;
  std::uint64_t newest = newest_;
  for (const Scan& scan : scans) {
    const std::uint64_t count = count_ports(scan);
    ports.emplace(scan.id, count);
    newest = std::max(newest, scan.id);
    const auto before = ports_.find(scan.id);
    if (before != ports_.end()) {
      grown += count - std::min(count, before->second);
    } else if (scan.id > newest_) {
      grown += count;
    }
  }
  std::optional<double> rate;
  if (last_ && now > *last_) {
    rate = static_cast<double>(grown) / std::chrono::duration<double>(now - *last_).count();
  }
  ports_ = std::move(ports);
  newest_ = newest;
  last_ = now;
  return rate;
}

std::string sparkline(const std::deque<double>& values, std::size_t columns, bool unicode) {
  constexpr std::array<std::string_view, 9> kBlocks = {
      " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
  constexpr std::string_view kLetters = " .:-=+*#@";
  const std::size_t shown = std::min(values.size(), columns);
  const double most =
      values.empty()
          ? 0
          : *std::max_element(values.end() - static_cast<std::ptrdiff_t>(shown), values.end());
  std::string line(columns - shown, ' ');
  for (std::size_t at = values.size() - shown; at < values.size(); ++at) {
    // Whatever is not nothing shows.
    std::size_t height = 0;
    if (values[at] > 0) {
      height = 1 + static_cast<std::size_t>(values[at] / most * 7.0);
    }
    if (unicode) {
      line += kBlocks[height];
    } else {
      line += kLetters[height];
    }
  }
  return line;
}

std::vector<const Scan*> LiveView::arranged(const LiveModel& model) const {
  std::vector<const Scan*> scans;
  for (const Scan& scan : model.scans) {
    if (!only_going_on_ || !scan.has_ended()) scans.push_back(&scan);
  }
  if (by_ports_) {
    std::ranges::sort(scans, [](const Scan* one, const Scan* other) {
      return std::pair(count_ports(*one), one->id) > std::pair(count_ports(*other), other->id);
    });
  }
  return scans;
}

void LiveView::move(std::int64_t by, const LiveModel& model) {
  const auto scans = arranged(model);
  if (scans.empty()) return;
  const auto chosen = std::ranges::find(scans, chosen_, &Scan::id);
  const auto at = chosen == scans.end() ? 0 : chosen - scans.begin();
  const auto last = static_cast<std::int64_t>(scans.size()) - 1;
  chosen_ = scans[static_cast<std::size_t>(std::clamp<std::int64_t>(at + by, 0, last))]->id;
}

void LiveView::scroll(std::int64_t by) {
  const auto last = static_cast<std::int64_t>(text_.size()) - 1;
  scrolled_ = static_cast<std::size_t>(std::clamp<std::int64_t>(
      static_cast<std::int64_t>(scrolled_) + by, 0, std::max<std::int64_t>(last, 0)));
}

void LiveView::show(const std::string& text) { text_ = split(text); }

bool LiveView::press(LiveKey key, const LiveModel& model, std::size_t rows) {
  constexpr std::int64_t kFar = 1'000'000;
  const auto page = static_cast<std::int64_t>(std::max(rows, kHead + kFoot + kTitles + 1) - kHead -
                                              kFoot - kTitles);
  if (is_helping_ && key != LiveKey::none && key != LiveKey::quit) {
    is_helping_ = false;
    return true;
  }
  const auto go = [&](std::int64_t by) {
    if (opened_) {
      scroll(by);
    } else {
      move(by, model);
    }
  };
  switch (key) {
    case LiveKey::none:
      break;
    case LiveKey::up:
      go(-1);
      break;
    case LiveKey::down:
      go(1);
      break;
    case LiveKey::page_up:
      go(-page);
      break;
    case LiveKey::page_down:
      go(page);
      break;
    case LiveKey::first:
      go(-kFar);
      break;
    case LiveKey::last:
      go(kFar);
      break;
    case LiveKey::open: {
      const auto scans = arranged(model);
      if (opened_ || scans.empty()) break;
      move(0, model);
      opened_ = chosen_;
      text_.clear();
      scrolled_ = 0;
      break;
    }
    case LiveKey::back:
      if (!opened_) break;
      opened_.reset();
      break;
    case LiveKey::sort:
      by_ports_ = !by_ports_;
      break;
    case LiveKey::going_on:
      only_going_on_ = !only_going_on_;
      break;
    case LiveKey::pause:
      is_paused_ = !is_paused_;
      break;
    case LiveKey::help:
      is_helping_ = true;
      break;
    case LiveKey::quit:
      return false;
  }
  return true;
}

void LiveView::draw_scans(std::vector<LiveLine>& screen, const LiveModel& model, std::size_t rows,
                          std::size_t columns) const {
  const auto scans = arranged(model);
  if (scans.empty()) {
    screen.push_back({only_going_on_ ? "no scan goes on" : "no scans yet", LiveStyle::faint});
    return;
  }
  const std::size_t room = rows - kHead - kFoot - kTitles;
  const auto found = std::ranges::find(scans, chosen_, &Scan::id);
  const auto chosen = static_cast<std::size_t>(found == scans.end() ? 0 : found - scans.begin());
  const std::size_t first = chosen < room ? 0 : chosen - room + 1;
  const std::size_t end = std::min(scans.size(), first + room);
  Table table = make_scan_table();
  for (std::size_t at = first; at < end; ++at) add_scan(table, *scans[at], model.now);
  auto lines = split(table.format(columns));
  for (std::size_t at = 0; at < lines.size(); ++at) {
    LiveStyle style = LiveStyle::title;
    if (at > 0) {
      const std::size_t number = first + at - 1;
      style = number == chosen                      ? LiveStyle::chosen
              : scans[number]->event.open_total > 0 ? LiveStyle::alarming
              : scans[number]->has_ended()          ? LiveStyle::faint
                                                    : LiveStyle::plain;
    }
    screen.push_back({std::move(lines[at]), style});
  }
}

std::vector<LiveLine> LiveView::draw(const LiveModel& model, std::size_t rows,
                                     std::size_t columns) const {
  std::vector<LiveLine> screen;
  constexpr std::size_t kLeastRows = kHead + kFoot + kTitles + 1;
  constexpr std::size_t kLeastColumns = 40;
  if (rows < kLeastRows || columns < kLeastColumns) {
    screen.push_back({"too small", LiveStyle::alarming});
    screen.resize(rows);
    for (LiveLine& line : screen) line.text.resize(std::min(line.text.size(), columns));
    return screen;
  }
  const std::string health = health_of(model);
  const bool is_well = !health.starts_with("UNWELL");
  screen.push_back({spread("scanlogctl live  " + health,
                           (is_paused_ ? "PAUSED  " : "") + format_time(model.now), columns),
                    is_well ? LiveStyle::title : LiveStyle::alarming});
  screen.push_back({spread(counters_of(model), "", columns), LiveStyle::plain});
  const double now = model.rates.empty() ? 0 : model.rates.back();
  const std::string label = fmt::format("ports/s {:>7.1f} ", now);
  screen.push_back({label + sparkline(model.rates, columns - label.size(), unicode_)});
  if (is_helping_) {
    for (const std::string_view line : kHelp) screen.push_back({std::string(line)});
  } else if (opened_) {
    for (std::size_t at = scrolled_; at < text_.size(); ++at) screen.push_back({text_[at]});
  } else {
    draw_scans(screen, model, rows, columns);
  }
  screen.resize(rows - kFoot);
  screen.push_back(
      {opened_ ? "Up/Down scroll  Esc back  q quit" : std::string(kKeys), LiveStyle::title});
  for (std::size_t at = 0; at < screen.size(); ++at) {
    constexpr std::size_t kSparkline = 2;
    if (at != kSparkline) screen[at].text.resize(std::min(screen[at].text.size(), columns));
  }
  return screen;
}

}  // namespace scanlogd::ctl
