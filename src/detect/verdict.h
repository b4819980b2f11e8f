// Whether the address of a source can be believed, and whether somebody else speaks through it.
// Whoever acts on scans may act on `proven` only: docs/detection.md, the contract.
#pragma once

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/contact_table.h"
#include "detect/first_contacts.h"
#include "detect/source_key.h"

namespace scanlogd {

/// What is known of the address of `source`; `first` may be nullptr.
[[nodiscard]] Verdict verdict_of(const ContactSource& source, const FirstContacts* first) noexcept;

/// Can nobody have this address as a source: unspecified, loopback seen on a wire, multicast,
/// broadcast?
[[nodiscard]] inline bool is_impossible(Family family, const AddressBytes& source) noexcept {
  if (family == Family::ipv4) {
    constexpr std::uint8_t kLoopback = 127;
    constexpr std::uint8_t kFirstMulticast = 224;
    return source[0] == 0 || source[0] == kLoopback || source[0] >= kFirstMulticast;
  }
  constexpr std::uint8_t kMulticast = 0xff;
  // ::/8 holds the unspecified, loopback and mapped addresses, and no host's.
  return source[0] == kMulticast || source[0] == 0;
}

/// Is it from and to loopback addresses, as what never leaves this machine is? Such a packet on a
/// wire goes nowhere.
[[nodiscard]] inline bool stays_on_loopback(const Packet& packet) noexcept {
  constexpr std::uint8_t kLoopback = 127;
  if (packet.family == Family::ipv4) {
    return packet.source[0] == kLoopback && packet.target[0] == kLoopback;
  }
  constexpr AddressBytes kOne = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return is_same(packet.source, kOne) && is_same(packet.target, kOne);
}

/// Does a packet to this address go to many?
[[nodiscard]] inline bool is_group(Family family, const AddressBytes& target) noexcept {
  constexpr std::uint8_t kFirstMulticast = 224;  // up to the broadcast address
  constexpr std::uint8_t kMulticast = 0xff;
  return family == Family::ipv4 ? target[0] >= kFirstMulticast : target[0] == kMulticast;
}

/// Do these contacts come from the data port of an FTP server that somebody makes connect to us?
[[nodiscard]] bool is_ftp_bounce(const FirstContacts& first) noexcept;

}  // namespace scanlogd
