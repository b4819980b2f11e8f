// See control.h.
#include "core/control.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace scanlogd {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::string_view kDone = "scanlogd 1 ok";
constexpr std::string_view kFailed = "scanlogd 1 error ";
constexpr std::string_view kCut = "cut yes\n";

struct Verb {
  ControlVerb verb;
  std::string_view name;
  bool has_source;
};
constexpr std::array kVerbs = {
    Verb{ControlVerb::status, "status", false},
    Verb{ControlVerb::reload, "reload", false},
    Verb{ControlVerb::explain, "explain", true},
    Verb{ControlVerb::trace, "trace", true},
};

bool is_printable(char c) noexcept { return c >= 0x20 && c <= 0x7e; }

bool is_printable(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return is_printable(c); });
}

std::string printable(std::string_view text) {
  std::string result(text);
  std::ranges::replace_if(
      result, [](char c) { return !is_printable(c); }, '?');
  return result;
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

/// Takes what stands before the first `separator` off `text`; all of it where there is none.
std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

}  // namespace

std::string to_string(const ControlRequest& request) {
  const auto* const verb = std::ranges::find(kVerbs, request.verb, &Verb::verb);
  const std::string text = std::string(kVersion) + ' ' + std::string(verb->name);
  return verb->has_source ? text + ' ' + to_string(request.source) : text;
}

Result<ControlRequest> parse_control_request(std::string_view text) {
  if (text.size() > kMostControlRequest) return fail("request: is too long");
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!is_printable(text)) return fail("request: is not one line of text");
  if (take_until(text, ' ') != kVersion) {
    return fail("request: is not of version " + std::string(kVersion) + " of the protocol");
  }
  const std::string_view name = take_until(text, ' ');
  const auto* const verb = std::ranges::find(kVerbs, name, &Verb::name);
  if (verb == kVerbs.end()) {
    return fail("request: must be status, reload, explain ADDRESS or trace ADDRESS");
  }
  ControlRequest request{.verb = verb->verb};
  if (!verb->has_source) {
    if (!text.empty()) return fail("request: has more words than this one takes");
    return request;
  }
  const auto source = parse_address(text);
  if (!source) return fail("request: lacks the address of a source");
  request.source = *source;
  return request;
}

ControlAnswer::ControlAnswer(std::string_view why) : is_failure_(true), reason_(printable(why)) {}

void ControlAnswer::add(std::string_view name, std::string_view value) {
  lines_.emplace_back(name, printable(value));
}

std::optional<std::string_view> ControlAnswer::find(std::string_view name) const {
  const auto found = std::ranges::find(lines_, name, &std::pair<std::string, std::string>::first);
  if (found == lines_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> ControlAnswer::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [each, value] : lines_) {
    if (each == name) values.emplace_back(value);
  }
  return values;
}

std::uint64_t ControlAnswer::number(std::string_view name) const {
  const std::string_view text = find(name).value_or("");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::string ControlAnswer::format() const {
  if (is_failure_) {
    return std::string(kFailed) + reason_.substr(0, kMostControlAnswer - kFailed.size() - 1) + '\n';
  }
  std::string text = std::string(kDone) + '\n';
  for (const auto& [name, value] : lines_) {
    const std::size_t size = name.size() + value.size() + 2;
    if (text.size() + size > kMostControlAnswer - kCut.size()) return text += kCut;
    text.append(name).append(" ").append(value).append("\n");
  }
  return text;
}

Result<ControlAnswer> ControlAnswer::parse(std::string_view text) {
  const auto refuse = [] { return fail("answer: is none of scanlogd's control protocol"); };
  if (text.size() > kMostControlAnswer || !text.ends_with('\n')) return refuse();
  const std::string_view first = take_until(text, '\n');
  if (!is_printable(first)) return refuse();
  if (first.starts_with(kFailed)) {
    if (!text.empty()) return refuse();
    return ControlAnswer(first.substr(kFailed.size()));
  }
  if (first != kDone) return refuse();
  ControlAnswer answer;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (!is_printable(line) || line.find(' ') == std::string_view::npos) return refuse();
    const std::string_view name = take_until(line, ' ');
    if (!is_name(name)) return refuse();
    answer.add(name, line);
  }
  return answer;
}

}  // namespace scanlogd
