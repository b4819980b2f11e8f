// See blind_interval.h.
#include "core/blind_interval.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace scanlogd {
namespace {

using Time = std::chrono::system_clock::time_point;

std::string_view describe(BlindCause cause, bool is_over) {
  switch (cause) {
    case BlindCause::overload:
      return is_over ? "packets came faster than they were read"
                     : "packets come faster than they are read";
    case BlindCause::stopped:
      return "the process was stopped";
    case BlindCause::interface_down:
      return is_over ? "interface was down" : "interface is down";
    case BlindCause::interface_gone:
      return is_over ? "interface was gone" : "interface is gone";
    case BlindCause::not_watched:
      return is_over ? "interface was not watched"
                     : "interface cannot be watched without a restart";
  }
  return "unknown";
}

std::string timestamp(Time time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::time_t{seconds.count()}),
                     (milliseconds - seconds).count());
}

}  // namespace

std::string to_string(const BlindInterval& blind) {
  const std::string where = blind.interface.empty() ? "every interface" : blind.interface;
  const std::string start = timestamp(blind.start);
  std::string text;
  if (blind.end) {
    const auto length = std::chrono::duration<double>(*blind.end - blind.start).count();
    text = fmt::format("blind on {} from {} to {} ({:.3f} s): {}", where, start,
                       timestamp(*blind.end), length, describe(blind.cause, true));
  } else {
    text = fmt::format("blind on {} since {}: {}", where, start, describe(blind.cause, false));
  }
  if (blind.packets) return text + fmt::format("; packets lost: {}", *blind.packets);
  return blind.end ? text + "; packets lost: unknown" : text;
}

}  // namespace scanlogd
