// Whether the address of a source can be believed, and whether somebody else speaks through it.
// Whoever acts on scans may act on `proven` only: docs/detection.md, the contract.
#pragma once

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/contact_table.h"
#include "detect/first_contacts.h"

namespace scanlogd {

/// What is known of the address of `source`; `first` may be nullptr.
[[nodiscard]] Verdict verdict_of(const ContactSource& source, const FirstContacts* first) noexcept;

/// Can nobody have this address as a source: unspecified, loopback seen on a wire, multicast,
/// broadcast?
[[nodiscard]] bool is_impossible(Family family, const AddressBytes& source) noexcept;

/// Is it from and to loopback addresses, as what never leaves this machine is? Such a packet on a
/// wire goes nowhere.
[[nodiscard]] bool stays_on_loopback(const Packet& packet) noexcept;

/// Does a packet to this address go to many?
[[nodiscard]] bool is_group(Family family, const AddressBytes& target) noexcept;

/// Do these contacts come from the data port of an FTP server that somebody makes connect to us?
[[nodiscard]] bool is_ftp_bounce(const FirstContacts& first) noexcept;

}  // namespace scanlogd
