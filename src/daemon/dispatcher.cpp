// See dispatcher.h.
#include "daemon/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "core/classic_line.h"

namespace scanlogd {
namespace {

/// Does this message bring a scan its line?
bool is_scan_line(const Message& message) noexcept {
  const auto* const scan = std::get_if<Scan>(&message.content);
  return scan != nullptr && scan->event.phase == Phase::begin && has_line(*scan);
}

std::uint64_t waiting(const Cursor& cursor) noexcept {
  return cursor.taken - cursor.delivered - cursor.lost;
}

/// How much more `all` is than `some`.
std::uint64_t excess(std::uint64_t all, std::uint64_t some) noexcept {
  return all > some ? all - some : 0;
}

std::uint64_t scans_waiting(const Cursor& cursor) noexcept {
  return cursor.scans_taken - cursor.scans_delivered - cursor.scans_lost;
}

}  // namespace

Dispatcher::Dispatcher(std::vector<NamedSink> sinks, Backlog* backlog) : backlog_(backlog) {
  for (NamedSink& sink : sinks) {
    Outlet& outlet = outlets_.emplace_back();
    outlet.cursor.sink = sink.name;
    outlet.named = std::move(sink);
  }
}

bool Dispatcher::is_for(const Outlet& outlet, const Message& message) noexcept {
  const auto* const scan = std::get_if<Scan>(&message.content);
  return scan == nullptr || outlet.named.sink->takes(*scan);
}

void Dispatcher::add(const Message& message) {
  last_ = message.stamp.sequence;
  for (Outlet& outlet : outlets_) {
    const bool is_wanted = is_for(outlet, message);
    if (is_wanted) {
      ++outlet.cursor.taken;
      outlet.cursor.scans_taken += is_scan_line(message) ? 1U : 0U;
    }
    if (outlet.is_behind) continue;  // it comes from the store in its turn
    const std::size_t most = backlog_ != nullptr ? kInMemory : kMaxWaiting;
    if (is_wanted && outlet.queue.size() >= most) {
      if (backlog_ != nullptr) {
        outlet.is_behind = true;
        continue;
      }
      lose(outlet, 1, is_scan_line(message) ? 1 : 0);
    } else if (is_wanted) {
      outlet.queue.push_back(message);
    }
    outlet.read = last_;
    if (outlet.queue.empty()) set_cursor(outlet);
  }
}

void Dispatcher::lose(Outlet& outlet, std::uint64_t messages, std::uint64_t scans) {
  messages = std::min(messages, waiting(outlet.cursor));
  scans = std::min(scans, scans_waiting(outlet.cursor));
  outlet.cursor.lost += messages;
  outlet.cursor.scans_lost += scans;
  outlet.untold += scans;
}

void Dispatcher::deliver() {
  for (Outlet& outlet : outlets_) deliver(outlet);
}

void Dispatcher::deliver(Outlet& outlet) {
  if (outlet.is_in_hand) {
    outlet.named.sink->flush(Flush::waiting);
    const SinkStats now = outlet.named.sink->stats();
    if (now.waiting > 0) return;
    settle_first(outlet, now.delivered > outlet.delivered);
  }
  for (int turn = 0; turn < kPerTurn; ++turn) {
    if (outlet.queue.empty()) read_more(outlet);
    if (outlet.queue.empty() || !give_first(outlet)) break;
  }
  const bool is_done = outlet.queue.empty() && !outlet.is_behind && outlet.gaps.empty();
  if (is_done && outlet.untold > 0) {
    news_.push_back(fmt::format("{} could not be reached: {} scans lost", outlet.named.name,
                                std::exchange(outlet.untold, 0)));
  }
}

bool Dispatcher::give_first(Outlet& outlet) {
  const Message& message = outlet.queue.front();
  Sink& sink = *outlet.named.sink;
  const SinkStats before = sink.stats();
  const auto* const scan = std::get_if<Scan>(&message.content);
  const auto written = scan != nullptr
                           ? sink.write(*scan, message.stamp)
                           : sink.write(std::get<Notice>(message.content), message.stamp);
  if (!written && failure_.empty()) failure_ = written.error().what;
  const SinkStats after = sink.stats();
  outlet.delivered = before.delivered;
  if (after.waiting > 0) {
    outlet.is_in_hand = true;
    return false;
  }
  settle_first(outlet, after.delivered > before.delivered);
  return true;
}

void Dispatcher::settle_first(Outlet& outlet, bool is_delivered) {
  const std::uint64_t scans = is_scan_line(outlet.queue.front()) ? 1 : 0;
  outlet.is_in_hand = false;
  outlet.queue.pop_front();
  if (is_delivered) {
    // What a sink is given again is counted once.
    outlet.cursor.delivered += std::min<std::uint64_t>(waiting(outlet.cursor), 1);
    outlet.cursor.scans_delivered += std::min(scans_waiting(outlet.cursor), scans);
  } else {
    lose(outlet, 1, scans);
  }
  set_cursor(outlet);
  if (backlog_ != nullptr) backlog_->note(outlet.cursor);
}

void Dispatcher::read_more(Outlet& outlet) {
  // Not for ever where nothing of all that is for this sink.
  constexpr int kMaxPages = 16;
  bool had_more = false;
  for (int page = 0; outlet.queue.empty() && page < kMaxPages; ++page) {
    if (!outlet.gaps.empty() && backlog_->is_readable()) {
      fill_gap(outlet);
    } else if (outlet.is_behind) {
      read_next(outlet);
    } else {
      break;
    }
    had_more = true;
  }
  if (!had_more) return;
  if (outlet.queue.empty()) set_cursor(outlet);
  if (outlet.is_behind || !outlet.gaps.empty()) return;
  // All that there was. What there was no room for is not among it.
  const auto scans = static_cast<std::uint64_t>(std::ranges::count_if(outlet.queue, is_scan_line));
  lose(outlet, excess(waiting(outlet.cursor), outlet.queue.size()),
       excess(scans_waiting(outlet.cursor), scans));
}

void Dispatcher::read_next(Outlet& outlet) {
  const auto [messages, is_whole] = backlog_->read(outlet.read, kInMemory);
  if (!is_whole) {
    leave_gap(outlet, messages.empty() ? last_ : messages.front().stamp.sequence - 1);
  }
  std::uint64_t too_many = outlet.gaps.empty() ? excess(waiting(outlet.cursor), kMaxWaiting) : 0;
  for (const Message& message : messages) {
    outlet.read = message.stamp.sequence;
    if (!is_for(outlet, message)) continue;
    if (too_many > 0) {
      --too_many;
      lose(outlet, 1, is_scan_line(message) ? 1 : 0);
    } else {
      outlet.queue.push_back(message);
    }
  }
  outlet.is_behind = messages.size() == kInMemory;
  if (!outlet.is_behind) outlet.read = last_;
}

void Dispatcher::leave_gap(Outlet& outlet, std::uint64_t last) {
  if (last <= outlet.read) return;
  if (outlet.gaps.size() < kMaxGaps) outlet.gaps.push_back({.after = outlet.read, .last = last});
  outlet.read = last;
}

void Dispatcher::fill_gap(Outlet& outlet) {
  Gap& gap = outlet.gaps.front();
  const auto [messages, is_whole] = backlog_->read(gap.after, kInMemory);
  if (!is_whole) return;
  bool is_filled = messages.size() < kInMemory;
  for (const Message& message : messages) {
    is_filled = is_filled || message.stamp.sequence >= gap.last;
    if (message.stamp.sequence > gap.last) break;
    gap.after = message.stamp.sequence;
    if (is_for(outlet, message)) outlet.queue.push_back(message);
  }
  if (is_filled) outlet.gaps.pop_front();
}

void Dispatcher::set_cursor(Outlet& outlet) noexcept {
  std::uint64_t done = outlet.queue.empty() ? outlet.read : outlet.queue.front().stamp.sequence - 1;
  // After a restart all is read from there on, in part again.
  if (!outlet.gaps.empty()) done = std::min(done, outlet.gaps.front().after);
  outlet.cursor.sequence = done;
}

void Dispatcher::reopen() {
  for (Outlet& outlet : outlets_) outlet.named.sink->flush(Flush::reopen);
  deliver();
}

void Dispatcher::restore(const std::vector<Cursor>& cursors, std::uint64_t last, std::uint64_t ids,
                         std::uint64_t scans_before) {
  last_ += last;
  for (Outlet& outlet : outlets_) {
    Cursor& mine = outlet.cursor;
    for (Message& message : outlet.queue) {
      message.stamp.sequence += last;
      if (auto* const scan = std::get_if<Scan>(&message.content)) scan->id += ids;
    }
    mine.sequence += last;
    outlet.read += last;
    for (Gap& gap : outlet.gaps) gap = {.after = gap.after + last, .last = gap.last + last};
    const auto found = std::ranges::find(cursors, mine.sink, &Cursor::sink);
    if (found == cursors.end()) {
      // What was before it came is no concern of this sink.
      mine.scans_taken += scans_before;
      mine.scans_delivered += scans_before;
      continue;
    }
    mine.taken += found->taken;
    mine.delivered += found->delivered;
    mine.lost += found->lost;
    mine.scans_taken += found->scans_taken;
    mine.scans_delivered += found->scans_delivered;
    mine.scans_lost += found->scans_lost;
    if (found->sequence >= last) continue;
    if (outlet.read == last) {  // this process has had nothing for it yet
      outlet.is_behind = true;
      outlet.read = mine.sequence = found->sequence;
      continue;
    }
    outlet.gaps.push_front({.after = found->sequence, .last = last});
    set_cursor(outlet);
  }
}

std::vector<Cursor> Dispatcher::cursors() const {
  std::vector<Cursor> cursors;
  cursors.reserve(outlets_.size());
  for (const Outlet& outlet : outlets_) cursors.push_back(outlet.cursor);
  return cursors;
}

bool Dispatcher::is_waiting() const noexcept {
  return std::ranges::any_of(outlets_, [](const Outlet& outlet) {
    return !outlet.queue.empty() || outlet.is_behind || !outlet.gaps.empty();
  });
}

SinkStats Dispatcher::stats() const noexcept {
  SinkStats sum;
  for (const Outlet& outlet : outlets_) {
    sum.written += outlet.cursor.taken;
    sum.delivered += outlet.cursor.delivered;
    sum.waiting += waiting(outlet.cursor);
    sum.lost += outlet.cursor.lost;
  }
  return sum;
}

std::uint64_t Dispatcher::scans_delivered() const noexcept {
  const auto least = std::ranges::min_element(
      outlets_, {}, [](const Outlet& outlet) { return outlet.cursor.scans_delivered; });
  return least == outlets_.end() ? 0 : least->cursor.scans_delivered;
}

std::uint64_t Dispatcher::scans_lost() const noexcept {
  const auto most = std::ranges::max_element(
      outlets_, {}, [](const Outlet& outlet) { return outlet.cursor.scans_lost; });
  return most == outlets_.end() ? 0 : most->cursor.scans_lost;
}

Needs Dispatcher::needs() const {
  Needs needs;
  for (const Outlet& outlet : outlets_) {
    const Sink& sink = *outlet.named.sink;
    if (const int directory = sink.directory(); directory >= 0) {
      needs.writable.push_back(directory);
    }
    if (const Port port = sink.tcp_port(); port != 0) needs.tcp_ports.push_back(port);
    for (const AllowedCall& call : sink.calls()) needs.calls.push_back(call);
  }
  return needs;
}

Result<void> Dispatcher::failure() const {
  if (failure_.empty()) return {};
  return fail(failure_);
}

}  // namespace scanlogd
