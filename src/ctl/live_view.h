// What `scanlogctl live` shows and how it answers keys, without a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/control.h"
#include "core/scan.h"

namespace scanlogd::ctl {

/// What is known at a moment.
struct LiveModel {
  std::chrono::system_clock::time_point now;
  std::vector<Scan> scans;  ///< the newest first
  std::uint64_t on_record = 0;
  std::uint64_t going_on = 0;
  std::optional<ControlAnswer> daemon;  ///< its status, if one answers
  std::string no_daemon;                ///< why none does
  std::deque<double> rates;             ///< ports asked for a second, the oldest first
};

/// How many ports a second all scans together ask for, by how much they grow from one look to the
/// next.
class RateMeter {
 public:
  /// Takes the scans as they are at `now`; the rate since the last look, nullopt at the first.
  [[nodiscard]] std::optional<double> look(const std::vector<Scan>& scans,
                                           std::chrono::steady_clock::time_point now);

 private:
  std::map<std::uint64_t, std::uint64_t> ports_;  ///< of each scan, by id
  std::uint64_t newest_ = 0;                      ///< id
  std::optional<std::chrono::steady_clock::time_point> last_;
};

/// `values` as a line of blocks, the latest at the right end, `columns` wide; the greatest fills
/// the height. Without Unicode by ASCII characters of growing weight.
[[nodiscard]] std::string sparkline(const std::deque<double>& values, std::size_t columns,
                                    bool unicode);

/// What a key is for.
enum class LiveKey : std::uint8_t {
  none,
  up,
  down,
  page_up,
  page_down,
  first,
  last,
  open,      ///< look into the chosen scan
  back,      ///< out of it, or end
  sort,      ///< by ports instead of by time, and back
  going_on,  ///< only scans that go on, and back
  pause,     ///< nothing moves until it is pressed again
  help,
  quit,
};

/// What a line is to look like.
enum class LiveStyle : std::uint8_t { plain, title, chosen, faint, alarming };

/// One line of the screen; no longer than it is wide.
struct LiveLine {
  std::string text;
  LiveStyle style = LiveStyle::plain;
};

/// Where the user is.
class LiveView {
 public:
  /// `unicode`: the terminal shows more than ASCII.
  explicit LiveView(bool unicode) noexcept : unicode_(unicode) {}

  /// Answers a key; false: the user wants to leave.
  [[nodiscard]] bool press(LiveKey key, const LiveModel& model, std::size_t rows);

  /// The screen, exactly `rows` lines of at most `columns`.
  [[nodiscard]] std::vector<LiveLine> draw(const LiveModel& model, std::size_t rows,
                                           std::size_t columns) const;

  /// The scan that is looked into, if one is; its text is to be given to `show`.
  [[nodiscard]] std::optional<std::uint64_t> opened() const noexcept { return opened_; }
  /// What is to be shown of it.
  void show(const std::string& text);

  [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }
  [[nodiscard]] bool only_going_on() const noexcept { return only_going_on_; }

 private:
  [[nodiscard]] std::vector<const Scan*> arranged(const LiveModel& model) const;
  void move(std::int64_t by, const LiveModel& model);
  void scroll(std::int64_t by);
  void draw_scans(std::vector<LiveLine>& screen, const LiveModel& model, std::size_t rows,
                  std::size_t columns) const;

  bool unicode_;
  bool is_paused_ = false;
  bool only_going_on_ = false;
  bool by_ports_ = false;
  bool is_helping_ = false;
  std::uint64_t chosen_ = 0;  ///< id; 0: the first
  std::optional<std::uint64_t> opened_;
  std::vector<std::string> text_;  ///< of the opened one
  std::size_t scrolled_ = 0;       ///< lines of it above the screen
};

}  // namespace scanlogd::ctl
