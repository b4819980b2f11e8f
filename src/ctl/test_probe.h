// Probes for testing: frames as if they had come in through an interface, though nobody sent them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd::ctl {

/// Of an Ethernet interface.
using MacAddress = std::array<std::uint8_t, 6>;

/// An Ethernet frame with a SYN from `source` to `port` of `target`, all checksums right. Both are
/// of one family. RFC 9293 3.1, RFC 791 3.1, RFC 8200 3.
[[nodiscard]] std::vector<std::byte> build_test_probe(const MacAddress& to, const Address& source,
                                                      const Address& target, Port port,
                                                      std::uint32_t sequence);

/// An address for documentation (RFC 5737, RFC 3849), which nobody on the Internet has, of the
/// family of `own`, and in no network of it; `random` chooses among them.
[[nodiscard]] Address choose_test_source(const Address& own, std::uint64_t random) noexcept;

/// An interface that can be tested.
struct TestedInterface {
  std::string name;
  unsigned index = 0;
  bool is_up = false;
  MacAddress mac{};
  Address address;  ///< one of its own, IPv4 if it has any
};

/// The Ethernet interface of that name; with an empty one the first that is up and not loopback, or
/// else loopback. An error: there is none, or it has no address.
[[nodiscard]] Result<TestedInterface> find_tested_interface(const std::string& name);

/// Lets frames in where an interface's driver would: what captures them, filters them and answers
/// them does so as with any other. XDP's live frames, Linux 5.18 or later
/// (Documentation/bpf/bpf_prog_run.rst); needs root.
class FrameInjector {
 public:
  /// For frames of the interface of that index.
  [[nodiscard]] static Result<FrameInjector> open(unsigned interface);

  /// Lets one in, as received just now.
  [[nodiscard]] Result<void> inject(std::span<const std::byte> frame) const;

 private:
  FrameInjector(UniqueFd program, unsigned interface) noexcept
      : program_(std::move(program)), interface_(interface) {}

  UniqueFd program_;
  unsigned interface_;
};

}  // namespace scanlogd::ctl
