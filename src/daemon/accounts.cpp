// See accounts.h.
#include "daemon/accounts.h"

#include <fmt/format.h>

#include <iterator>

namespace scanlogd {
namespace {

void add(CaptureStats& sum, const CaptureStats& one) noexcept {
  sum.seen += one.seen;
  sum.received += one.received;
  sum.dropped += one.dropped;
  sum.position += one.position;
  sum.size += one.size;
  sum.not_ip += one.not_ip;
  sum.truncated += one.truncated;
  sum.bad_header += one.bad_header;
  sum.filtered += one.filtered;
  sum.other_host += one.other_host;
  sum.bad_checksum += one.bad_checksum;
  sum.fragments += one.fragments;
  sum.reassembled += one.reassembled;
}

}  // namespace

EngineAccounts& EngineAccounts::operator+=(const EngineAccounts& other) noexcept {
  add(captures, other.captures);
  inspected += other.inspected;
  not_local += other.not_local;
  found += other.found;
  unsent += other.unsent;
  for (std::size_t i = 0; i < counters.size(); ++i) counters[i] += other.counters[i];
  return *this;
}

CaptureStats sum_of(const Captures& captures) noexcept {
  CaptureStats sum;
  for (const auto& capture : captures) add(sum, capture->stats());
  return sum;
}

std::string packets_to_string(const EngineAccounts& accounts, std::span<const CounterNames> names) {
  const CaptureStats& captures = accounts.captures;
  // What the kernel has counted and we have not fetched yet; nothing at the end.
  std::string waiting;
  if (const std::uint64_t fetched = captures.received + captures.dropped; captures.seen > fetched) {
    waiting = fmt::format(" + waiting {}", captures.seen - fetched);
  }
  std::string text = fmt::format(
      "seen {} = processed {} + dropped {}{}; processed = inspected {} + not_local {} + filtered "
      "{} "
      "+ other_host {} + fragments {} + not_ip {} + truncated {} + bad_header {} + bad_checksum {}",
      captures.seen, captures.received, captures.dropped, waiting, accounts.inspected,
      accounts.not_local, captures.filtered, captures.other_host, captures.fragments,
      captures.not_ip, captures.truncated, captures.bad_header, captures.bad_checksum);
  std::size_t at = 0;
  for (const CounterNames& each : names) {
    fmt::format_to(std::back_inserter(text), "; {}:", each.detector);
    std::string_view separator = " ";
    for (const std::string_view counter : each.counters) {
      fmt::format_to(std::back_inserter(text), "{}{} {}", separator, counter,
                     accounts.counters[at++]);
      separator = " + ";
    }
  }
  return text;
}

std::string to_string(const EngineAccounts& accounts, std::span<const CounterNames> names,
                      const BookStats& book, const SinkStats& sinks,
                      const std::optional<StoreStats>& store, Recorded recorded) {
  std::string text = packets_to_string(accounts, names);
  if (recorded == Recorded::elsewhere) {
    fmt::format_to(std::back_inserter(text), "; found {} = recorded {} + unsent {}", accounts.found,
                   book.recorded, accounts.unsent);
  }
  fmt::format_to(std::back_inserter(text),
                 "; detected {} = delivered {} + spooled {} + digested {} + held_back {} + lost {}",
                 book.detected, book.delivered, book.waiting + book.pending, book.digested,
                 book.held_back, book.lost);
  fmt::format_to(std::back_inserter(text), "; messages {} = delivered {} + waiting {} + lost {}",
                 sinks.written, sinks.delivered, sinks.waiting, sinks.lost);
  if (store) {
    fmt::format_to(std::back_inserter(text), "; stored {} = written {} + waiting {} + lost {}",
                   store->taken, store->written, store->waiting, store->lost);
  }
  return text;
}

}  // namespace scanlogd
