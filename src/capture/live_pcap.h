// Frames from the network through libpcap, for the back ends that want frames. Implemented in
// pcap.cpp, the only code that speaks to that library. Leaves decoding to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/frame.h"
#include "core/allowed_call.h"
#include "core/interest.h"
#include "core/link.h"
#include "core/result.h"
#include "core/unique_fd.h"

struct pcap;  // libpcap's pcap_t

namespace scanlogd {

/// `link type 127 (IEEE802_11_RADIO)`: a LINKTYPE_ or DLT_ number, with libpcap's name if it has
/// one.
[[nodiscard]] std::string describe_link(int type);

/// Closes a libpcap handle.
struct PcapCloser {
  void operator()(pcap* handle) const noexcept;
};

/// A network interface, or all of them. Not copyable; single-threaded.
class LivePcap {
 public:
  /// What to capture.
  struct Options {
    std::string interface = "any";  ///< "any": all, those that come later too
    bool promiscuous = false;       ///< also what is not addressed to this machine
    int snap_length = 0;            ///< bytes of each frame, link header included
    Interest interest;              ///< what may not be left out
  };

  /// Starts capturing, without what `can_matter` can do without where the kernel can tell (it is
  /// let through where not). Delivers within 50 ms. An unknown link layer is an error.
  [[nodiscard]] static Result<LivePcap> open(const Options& options);

  /// Readable when `dispatch` has work; also while an interface is down, to see if it went for
  /// good.
  [[nodiscard]] int fd() const noexcept { return ready_.get(); }

  [[nodiscard]] LinkType link() const noexcept { return link_; }

  /// Are packets of the interface of this name captured? Of one that was removed and came back only
  /// if all are; otherwise `dispatch` fails when it finds out.
  [[nodiscard]] bool covers(std::string_view name) const noexcept {
    return interface_ == "any" || interface_ == name;
  }

  /// Calls `take(frame)` for up to `limit` frames that wait, in order, and returns how many those
  /// were. `Frame::time` is not set; `Frame::bytes` are valid during the call.
  template <class Take>
  [[nodiscard]] Result<std::size_t> dispatch(std::size_t limit, Take take) {
    return dispatch(
        limit, [](void* it, const Frame& frame) { (*static_cast<Take*>(it))(frame); }, &take);
  }

  /// May `dispatch` be called again after this failure of it? The kernel refused, maybe for a
  /// moment; `errno` says why.
  [[nodiscard]] static bool passes(const Error& failure) noexcept;

  /// Frames lost in the kernel since `open`, for want of room. One system call.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

  /// The system calls of all that, as in `Capture::calls`.
  [[nodiscard]] std::vector<AllowedCall> calls() const;

 private:
  using Handler = void (*)(void* context, const Frame& frame);

  LivePcap() = default;
  [[nodiscard]] Result<std::size_t> dispatch(std::size_t limit, Handler handler, void* context);
  [[nodiscard]] Result<void> make_ready();
  void watch_for_removal() noexcept;

  std::string interface_;
  std::unique_ptr<pcap, PcapCloser> handle_;
  LinkType link_{};
  UniqueFd timer_;  ///< runs while the interface is down
  UniqueFd ready_;  ///< epoll set of the packet socket and `timer_`
  bool timer_runs_ = false;
  mutable std::uint64_t dropped_ = 0;
};

}  // namespace scanlogd
