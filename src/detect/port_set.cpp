// See port_set.h.
#include "detect/port_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "core/section.h"
#include "core/text.h"

namespace scanlogd {
namespace {

// In the order of the rows; the last has no ports.
constexpr std::array<std::string_view, 4> kProtocols = {"tcp", "udp", "sctp", "icmp"};

constexpr std::string_view kWhatIsMeant =
    "a port, a range or a protocol, such as 22, 53/udp, 8000-8100 or icmp";

std::optional<Port> port_of(std::string_view text) noexcept {
  Port port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return port;
}

/// Ports from the first to the last, both included.
struct Range {
  Port first = 0;
  Port last = 0xffff;
};

// Two numbers with `between` between them, or one.
std::optional<Range> range_of(std::string_view text, char between) noexcept {
  const std::size_t at = text.find(between);
  const auto first = port_of(text.substr(0, at));
  const auto last = at == std::string_view::npos ? first : port_of(text.substr(at + 1));
  if (!first || !last) return std::nullopt;
  return Range{.first = *first, .last = *last};
}

// The number of a protocol; that of none where there is no such.
std::size_t protocol_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::find(kProtocols, text) - kProtocols.begin());
}

// What somebody meant who wrote `text`, as far as one can tell.
std::string meant(std::string_view text) {
  const auto propose = [](std::string_view what) {
    return fmt::format(" (did you mean '{}'?)", what);
  };
  const std::size_t slash = text.find('/');
  const std::string_view before = text.substr(0, slash);
  if (slash != std::string_view::npos) {
    const std::string_view after = text.substr(slash + 1);
    if (protocol_of(before) < kProtocols.size() && range_of(after, '-')) {
      return propose(fmt::format("{}/{}", after, before));
    }
  } else if (const auto colon = range_of(text, ':'); colon && colon->first <= colon->last) {
    return propose(fmt::format("{}-{}", colon->first, colon->last));
  }
  return suggestion(text, kProtocols);
}

}  // namespace

Result<PortSet> PortSet::parse(std::string_view text) {
  PortSet set;
  if (trim(text).empty()) return set;
  set.bits_.resize(kRows * kWords);
  for (std::size_t entries = 1;; ++entries) {
    if (entries > kMostEntries) {
      return fail(fmt::format("more than {} entries", kMostEntries));
    }
    const std::size_t comma = text.find(',');
    if (auto added = set.add(trim(text.substr(0, comma))); !added) {
      return std::unexpected(added.error());
    }
    if (comma == std::string_view::npos) return set;
    text.remove_prefix(comma + 1);
  }
}

Result<void> PortSet::add(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  const std::string_view ports = entry.substr(0, slash);
  if (slash == std::string_view::npos) {
    if (const std::size_t row = protocol_of(entry); row < kRows) {
      insert(row, 0, Range().last);
      return {};
    }
    if (entry == kProtocols[kIcmp]) {
      has_icmp_ = true;
      return {};
    }
  }
  const auto range = range_of(ports, '-');
  if (!range) return fail(fmt::format("'{}' is not {}{}", entry, kWhatIsMeant, meant(entry)));
  if (range->first > range->last) {
    return fail(fmt::format("'{}' is the wrong way round (did you mean '{}-{}{}'?)", entry,
                            range->last, range->first, entry.substr(ports.size())));
  }
  if (slash == std::string_view::npos) {
    for (std::size_t row = 0; row < kRows; ++row) insert(row, range->first, range->last);
    return {};
  }
  const std::string_view protocol = entry.substr(slash + 1);
  const std::size_t row = protocol_of(protocol);
  if (row < kRows) {
    insert(row, range->first, range->last);
    return {};
  }
  if (row == kIcmp)
    return fail(fmt::format("'{}': icmp has no ports (did you mean 'icmp'?)", entry));
  // Each begins with another letter.
  const auto* const guessed = std::ranges::find_if(kProtocols, [&](std::string_view each) {
    constexpr int kLowerCase = 0x20;
    return !protocol.empty() && (protocol.front() | kLowerCase) == each.front();
  });
  const std::string guess =
      guessed == kProtocols.end() ? "" : fmt::format(" (did you mean '{}/{}'?)", ports, *guessed);
  return fail(fmt::format("'{}' has no protocol that has ports: tcp, udp, sctp{}", entry, guess));
}

void PortSet::insert(std::size_t row, Port first, Port last) noexcept {
  for (std::size_t port = first; port <= last; ++port) {
    bits_[row * kWords + port / kWordBits] |= std::uint64_t{1} << port % kWordBits;
  }
}

}  // namespace scanlogd
