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

}  // namespace

Dispatcher::Dispatcher(std::vector<NamedSink> sinks, Backlog* backlog) noexcept
    : backlog_(backlog) {
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
    if (outlet.queue.empty()) outlet.cursor.sequence = last_;
  }
}

void Dispatcher::lose(Outlet& outlet, std::uint64_t messages, std::uint64_t scans) {
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
  if (outlet.queue.empty() && !outlet.is_behind && outlet.untold > 0) {
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
    ++outlet.cursor.delivered;
    outlet.cursor.scans_delivered += scans;
  } else {
    lose(outlet, 1, scans);
  }
  outlet.cursor.sequence =
      outlet.queue.empty() ? outlet.read : outlet.queue.front().stamp.sequence - 1;
  if (backlog_ != nullptr) backlog_->note(outlet.cursor);
}

void Dispatcher::read_more(Outlet& outlet) {
  // Not for ever where nothing of all that is for this sink.
  constexpr int kMaxPages = 16;
  for (int page = 0; outlet.is_behind && outlet.queue.empty() && page < kMaxPages; ++page) {
    const auto messages = backlog_->read(outlet.read, kInMemory);
    const std::uint64_t waits = waiting(outlet.cursor);
    std::uint64_t too_many = waits > kMaxWaiting ? waits - kMaxWaiting : 0;
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
    if (outlet.queue.empty()) outlet.cursor.sequence = outlet.read;
    if (messages.size() == kInMemory) continue;
    if (!backlog_->is_complete() || outlet.read < last_) return;
    // All that there was. What the store had no room for is not among it.
    outlet.is_behind = false;
    const auto scans =
        static_cast<std::uint64_t>(std::ranges::count_if(outlet.queue, is_scan_line));
    const Cursor& cursor = outlet.cursor;
    const std::uint64_t missing =
        waiting(cursor) - std::min<std::uint64_t>(waiting(cursor), outlet.queue.size());
    const std::uint64_t scans_waiting =
        cursor.scans_taken - cursor.scans_delivered - cursor.scans_lost;
    lose(outlet, missing, scans_waiting - std::min(scans_waiting, scans));
  }
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
    // All again from there, in order; what it has had since the start of this process, twice.
    outlet.is_behind = true;
    outlet.read = mine.sequence = found->sequence;
    outlet.queue.resize(outlet.is_in_hand ? 1 : 0);
  }
}

std::vector<Cursor> Dispatcher::cursors() const {
  std::vector<Cursor> cursors;
  cursors.reserve(outlets_.size());
  for (const Outlet& outlet : outlets_) cursors.push_back(outlet.cursor);
  return cursors;
}

bool Dispatcher::is_waiting() const noexcept {
  return std::ranges::any_of(
      outlets_, [](const Outlet& outlet) { return !outlet.queue.empty() || outlet.is_behind; });
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
