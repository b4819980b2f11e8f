// The way from a sink to whoever is behind it: a bounded spool before a file or a socket that is
// opened anew whenever that fails. All sinks but standard output go this way. Nothing here blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "core/unique_fd.h"
#include "sink/sink.h"
#include "sink/spool.h"

namespace scanlogd {

/// Takes messages and gets them out, in order, each whole, as soon as somebody takes them.
class Delivery {
 public:
  /// What messages are written to.
  enum class Carrier : std::uint8_t {
    file,
    datagrams,
    stream,  ///< a socket whose other end may close it
  };

  /// Where they go just now. Descriptors must not block.
  struct Way {
    UniqueFd out;
    Carrier carrier = Carrier::file;
    std::string_view end = {};  ///< what follows each message
  };
  /// Opens a way, or returns one without a descriptor. It is called often while nobody is there, so
  /// it must not allocate memory.
  using Open = std::function<Way()>;

  /// Room for `bytes` of messages.
  Delivery(std::size_t bytes, Open open) : open_(std::move(open)), spool_(bytes) {}

  /// A way that is open already.
  void use(Way way) noexcept { way_ = std::move(way); }

  /// Takes `message`, delivers what it can of all that waits. What there is no room for is lost.
  void submit(std::string_view message);

  /// As `Sink::flush`.
  void flush(Flush how);

  /// How many messages were lost, to be told once: 0 while any still waits.
  [[nodiscard]] std::uint64_t take_losses() noexcept {
    return spool_.empty() ? std::exchange(untold_, 0) : 0;
  }

  [[nodiscard]] SinkStats stats() const noexcept;

 private:
  void close() noexcept;
  [[nodiscard]] bool reopen();
  [[nodiscard]] bool is_closed_by_peer() const noexcept;
  /// Sends of the oldest message what can be sent; 0, or errno.
  [[nodiscard]] int send_front();
  void deliver();
  void lose() noexcept;

  Open open_;
  Way way_;
  Spool spool_;
  std::size_t sent_of_front_ = 0;
  std::uint64_t untold_ = 0;
  SinkStats stats_;
};

}  // namespace scanlogd
