// Ports that ordinary clients try one after the other, because they belong to one kind of service:
// a mail program that looks for its server is no scanner. The lists are those of autoconfiguration
// in common clients.
#pragma once

#include <cstdint>

#include "core/packet.h"

namespace scanlogd {

/// The kinds of service. `none`: the port has no relatives.
enum class PortFamily : std::uint8_t {
  none,
  mail,
  web,
  windows,
  panels,
  print,
  ftp,
  dns,
  voip,
  discovery,
  traceroute,
};

/// The family of `port`.
[[nodiscard]] constexpr PortFamily family_of(Port port) noexcept {
  switch (port) {
    case 25:
    case 110:
    case 143:
    case 465:
    case 587:
    case 993:
    case 995:
    case 2525:
    case 4190:
      return PortFamily::mail;
    case 80:
    case 443:
    case 3000:
    case 8000:
    case 8008:
    case 8080:
    case 8443:
    case 8888:
      return PortFamily::web;
    case 88:
    case 135:
    case 136:
    case 137:
    case 138:
    case 139:
    case 389:
    case 445:
    case 464:
    case 593:
    case 636:
    case 3268:
    case 3269:
    case 3389:
    case 5985:
    case 5986:
      return PortFamily::windows;
    case 2082:
    case 2083:
    case 2086:
    case 2087:
    case 2095:
    case 2096:
    case 7080:
    case 8880:
    case 10000:
      return PortFamily::panels;
    case 161:
    case 515:
    case 631:
    case 9100:
    case 9101:
    case 9102:
      return PortFamily::print;
    case 20:
    case 21:
    case 989:
    case 990:
      return PortFamily::ftp;
    case 53:
    case 853:
    case 5353:
      return PortFamily::dns;
    case 3478:
    case 3479:
    case 5060:
    case 5061:
    case 5349:
      return PortFamily::voip;
    default:
      break;
  }
  if (port >= 49152 && port <= 49160) return PortFamily::discovery;  // UPnP devices look for a port
  if (port >= 33434 && port <= 33534) return PortFamily::traceroute;
  return PortFamily::none;
}

}  // namespace scanlogd
