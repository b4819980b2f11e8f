// The first contacts of sources, for the line that tells of a scan: what the table of sources has
// no room for. Fewer than sources: of those that share a set of places the ones with more and later
// contacts have them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "detect/source_key.h"

namespace scanlogd {

/// What is kept of one source; three cache lines.
struct FirstContacts {
  static constexpr std::size_t kPorts = 20;
  static constexpr std::size_t kOpen = 6;
  static constexpr std::size_t kHosts = 15;

  SourceKey owner;  ///< 0: none
  std::chrono::nanoseconds started;
  Tick last;
  AddressBytes source;  ///< of the first packet
  AddressBytes target;  ///< of the first packet
  std::uint32_t techniques;
  std::uint32_t syn_options;  ///< bits of a `SynSummary`
  std::uint16_t syn_window;
  Port source_port;
  Family family;
  IpProto protocol;
  Technique technique;  ///< of the last contact
  Tool tool;            ///< that the last mark belongs to
  std::uint8_t tool_votes;
  std::uint8_t flags_or;
  std::uint8_t flags_and;
  std::uint8_t varies;
  std::uint8_t tos;
  std::uint8_t ttl;
  std::uint8_t ttl_spread;  ///< highest less lowest, about
  std::uint8_t contacts;    ///< as in the table, to tell who may take the place
  std::uint8_t port_count;  ///< valid entries of `ports`
  std::uint8_t open_count;  ///< of `open`
  std::uint8_t host_count;  ///< of `hosts`
  std::uint8_t closed;      ///< ports that answered so
  std::array<Port, kOpen> open;
  std::array<Port, kPorts> ports;           ///< in the order first seen
  std::array<std::uint32_t, kHosts> hosts;  ///< see `host`

  /// Distinct target number `i`; of IPv6 targets the upper 96 bits are taken to be the first one's.
  [[nodiscard]] Address host(std::size_t i) const noexcept;
  /// A port answered that it is open.
  void add_open(Port port) noexcept;

  [[nodiscard]] std::span<const Port> port_view() const noexcept {
    return {ports.data(), port_count};
  }
  [[nodiscard]] std::span<const Port> open_view() const noexcept {
    return {open.data(), open_count};
  }
};
static_assert(sizeof(FirstContacts) == 192);

/// A fixed number of them.
class FirstContactsTable {
 public:
  /// For a table of `sources`.
  [[nodiscard]] static Result<FirstContactsTable> make(std::size_t sources);

  /// That of the entry `index` of `owner`, or nullptr.
  [[nodiscard]] FirstContacts* find(std::uint32_t index, SourceKey owner) noexcept;

  /// Asks the processor for what `find` looks at.
  void prefetch(std::uint32_t index) const noexcept {
    for (const FirstContacts& each : set_of(index)) __builtin_prefetch(&each, 1);
  }

  /// Enters a contact of the entry `index`, which has made `contacts` with it.
  void note(std::uint32_t index, SourceKey owner, std::uint8_t contacts, const Packet& packet,
            Technique technique, Tool tool) noexcept;

  /// The same for a later packet of `first`.
  static void add(FirstContacts& first, const Packet& packet, Technique technique,
                  Tool tool) noexcept;

  [[nodiscard]] std::size_t memory() const noexcept { return slots_.items().size_bytes(); }

 private:
  explicit FirstContactsTable(ReservedMemory<FirstContacts> slots) noexcept
      : slots_(std::move(slots)) {}
  static constexpr std::size_t kWays = 4;
  [[nodiscard]] std::span<FirstContacts> set_of(std::uint32_t index) const noexcept {
    return slots_.items().subspan(index * kWays & (slots_.items().size() - 1), kWays);
  }

  ReservedMemory<FirstContacts> slots_;
};

}  // namespace scanlogd
