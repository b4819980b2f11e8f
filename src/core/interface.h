// A network interface of this machine, and what may happen to it.
#pragma once

#include <cstdint>
#include <string>

namespace scanlogd {

/// One interface as the kernel lists it (netdevice(7)).
struct Interface {
  int index = 0;           ///< its number; one that was used is not used again
  std::string name;        ///< at most 15 bytes
  std::uint16_t type = 0;  ///< ARPHRD_ number of its link layer (linux/if_arp.h)
  bool is_up = false;      ///< switched on (IFF_UP); with or without a cable
};

/// What happened to an interface.
struct InterfaceChange {
  enum class Kind : std::uint8_t {
    appeared,  ///< it is new, or was there when we began to look
    gone,      ///< removed; `interface` is what it was
    up,        ///< switched on
    down,      ///< switched off
    renamed,   ///< `interface` has the new name, `old_name` the other
  };

  Kind kind = Kind::appeared;
  Interface interface;
  std::string old_name;
};

/// What a capture says to a change.
enum class Coverage : std::uint8_t {
  watched,        ///< its packets are seen, as far as it is up
  watched_aside,  ///< seen, in a way that costs more, until the next start
  not_watched,    ///< they would have to be seen, and cannot be
  no_concern,     ///< nobody asked for them
};

}  // namespace scanlogd
