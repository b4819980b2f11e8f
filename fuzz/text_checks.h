// What fuzzers ask of text that goes to other programs: is it printable, is it JSON (RFC 8259), is
// it a message of RFC 5424 or of the Common Event Format? Strict, and no parser: nothing is kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace scanlogd {

/// Is each byte printable ASCII?
[[nodiscard]] inline bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) { return byte >= 0x20 && byte <= 0x7e; });
}

/// Reads one JSON value to its end.
class JsonCheck {
 public:
  /// Is `text` one value and nothing else?
  [[nodiscard]] static bool accepts(std::string_view text) {
    JsonCheck check(text);
    return check.value(0) && check.rest_.empty();
  }

 private:
  static constexpr int kDeepest = 16;

  explicit JsonCheck(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  [[nodiscard]] bool text() {
    if (!take("\"")) return false;
    while (!rest_.empty() && rest_.front() != '"') {
      if (!character()) return false;
    }
    return take("\"");
  }

  [[nodiscard]] bool character() {
    if (!is_printable(rest_.substr(0, 1))) return false;
    if (!take("\\")) {
      rest_.remove_prefix(1);
      return true;
    }
    if (!take("u")) {
      const bool is_known = !rest_.empty() && std::string_view("\"\\/bfnrt").contains(rest_[0]);
      rest_.remove_prefix(is_known ? 1 : 0);
      return is_known;
    }
    const std::string_view digits = rest_.substr(0, 4);
    rest_.remove_prefix(digits.size());
    return digits.size() == 4 &&
           digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  }

  [[nodiscard]] bool number() {
    const std::size_t size = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const bool is_one = size == 1 || (size > 1 && rest_.front() != '0');
    rest_.remove_prefix(size);
    return is_one;  // none of ours has a sign, a fraction or an exponent
  }

  template <class Item>
  [[nodiscard]] bool list(std::string_view begin, std::string_view end, Item item) {
    if (!take(begin)) return false;
    if (take(end)) return true;
    do {
      if (!item()) return false;
    } while (take(","));
    return take(end);
  }

  [[nodiscard]] bool value(int depth) {
    if (rest_.empty() || depth == kDeepest) return false;
    switch (rest_.front()) {
      case '{':
        return list("{", "}", [&] { return text() && take(":") && value(depth + 1); });
      case '[':
        return list("[", "]", [&] { return value(depth + 1); });
      case '"':
        return text();
      case 't':
        return take("true");
      case 'f':
        return take("false");
      default:
        return number();
    }
  }

  std::string_view rest_;
};

/// Takes what stands before the first ` ` off `rest`.
inline std::string_view take_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

/// Takes a value in quotes, in which `"`, `\` and `]` are escaped, off `rest`.
[[nodiscard]] inline bool take_quoted(std::string_view& rest) {
  if (!rest.starts_with('"')) return false;
  for (std::size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == '\\') {
      ++at;
    } else if (rest[at] == ']') {
      return false;
    } else if (rest[at] == '"') {
      rest.remove_prefix(at + 1);
      return true;
    }
  }
  return false;
}

/// Is it a message as RFC 5424 has it, with one element of structured data or none?
[[nodiscard]] inline bool is_rfc5424(std::string_view message) {
  const std::string_view priority = take_word(message);
  if (!priority.starts_with('<') || !priority.ends_with(">1")) return false;
  for (int field = 0; field < 5; ++field) {  // time, host, name, process, kind
    if (take_word(message).empty()) return false;
  }
  if (message.starts_with("- ")) return true;
  if (!message.starts_with('[')) return false;
  message.remove_prefix(std::min(message.find_first_of(" ]"), message.size()));
  while (message.starts_with(' ')) {
    message.remove_prefix(std::min(message.find('='), message.size() - 1) + 1);
    if (!take_quoted(message)) return false;
  }
  return message.starts_with("] ");
}

/// Is it a header of RFC 3164 and an event of CEF: seven fields that end with `|`, then
/// `key=value`?
[[nodiscard]] inline bool is_cef(std::string_view message) {
  const std::size_t begin = message.find(" CEF:0|");
  if (!message.starts_with('<') || begin == std::string_view::npos) return false;
  message.remove_prefix(begin);
  int fields = 0;
  std::size_t at = 0;
  for (; at < message.size() && fields < 7; ++at) {
    if (message[at] == '\\')
      ++at;
    else if (message[at] == '|')
      ++fields;
  }
  if (fields < 7) return false;
  message.remove_prefix(at);
  for (at = 0; at < message.size(); ++at) {
    if (message[at] == '\\' &&
        (++at == message.size() || (message[at] != '\\' && message[at] != '='))) {
      return false;
    }
  }
  return message.find('=') != std::string_view::npos;
}

}  // namespace scanlogd
