// Reads an input as a request and as an answer of the control protocol: it gives what can be
// written and read again, or a complaint in printable characters of its own.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/control.h"

namespace scanlogd {
namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void check_request(std::string_view text) {
  const auto request = parse_control_request(text);
  if (!request) {
    require(is_printable(request.error().what) && request.error().what.starts_with("request: "));
    return;
  }
  const std::string again = to_string(*request);
  require(again.size() <= kMostControlRequest);
  const auto same = parse_control_request(again);
  require(same && same->verb == request->verb && same->source == request->source);
}

void check_answer(std::string_view text) {
  const auto answer = ControlAnswer::parse(text);
  if (!answer) return;
  require(is_printable(answer->reason()));
  for (const auto& [name, value] : answer->lines()) {
    require(is_printable(name) && is_printable(value));
    (void)answer->number(name);
  }
  const std::string again = answer->format();
  require(again.size() <= kMostControlAnswer);
  const auto same = ControlAnswer::parse(again);
  require(same && same->is_failure() == answer->is_failure());
  // What has just come fits, but for the word that it was cut.
  require(same->find("cut") || same->lines() == answer->lines());
}

/// What is said must not be able to leave its line.
void check_value(std::string_view text) {
  ControlAnswer answer;
  answer.add("value", text);
  const auto parsed = ControlAnswer::parse(answer.format());
  require(parsed && parsed->lines().size() == 1);
  const auto failed = ControlAnswer::parse(ControlAnswer(text).format());
  require(failed && failed->is_failure());
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  check_answer(text);
  check_value(text);
  return 0;
}
