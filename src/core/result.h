// How a function that may fail says so. Start-up, configuration and I/O return `Result<T>`; the hot
// path never does (it counts instead). No exceptions of our own anywhere.
#pragma once

#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace scanlogd {

/// Why something failed, ready to print: `operation(object): reason`, lower case, no full stop.
struct Error {
  int code = 0;      ///< errno value where one exists, else 0
  std::string what;  ///< never holds bytes taken from a packet
};

/// A value or an `Error`; ignoring one is a compile-time warning, which std::expected alone is not.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

/// The failed `Result` of any type, for `return fail(...)`.
[[nodiscard]] inline std::unexpected<Error> fail(std::string what, int code = 0) {
  return std::unexpected(Error{code, std::move(what)});
}

/// `operation(object): strerror(code)` as a failed `Result`.
[[nodiscard]] inline std::unexpected<Error> fail_errno(std::string_view operation,
                                                       std::string_view object, int code) {
  std::string what;
  what.append(operation).append("(").append(object).append("): ").append(std::strerror(code));
  return fail(std::move(what), code);
}

}  // namespace scanlogd
