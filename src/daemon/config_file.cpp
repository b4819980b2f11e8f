// See config_file.h.
#include "daemon/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "daemon/settings.h"
#include "detect/detector.h"
#include "sink/sink.h"

namespace scanlogd {
namespace {

/// What a key has to be followed by.
enum class Kind : std::uint8_t {
  text,    ///< a string
  scalar,  ///< a string or a whole number
  flag,    ///< true or false
  list,    ///< a list of strings, or one string
};

constexpr std::string_view describe(Kind kind) noexcept {
  switch (kind) {
    case Kind::text:
      return "a string";
    case Kind::scalar:
      return "a string or a whole number";
    case Kind::flag:
      return "true or false";
    case Kind::list:
      return "a list of strings";
  }
  return {};
}

/// A value of the file; the member that its kind says.
struct Value {
  std::string text;  ///< of a list: its members, separated by commas
  std::vector<std::string> list;
  bool flag = false;
  std::string origin;  ///< FILE:LINE
};

/// A key that we understand ourselves, and what it sets.
struct Key {
  std::string_view name;
  Kind kind;
  Result<void> (*set)(Options& options, const Value& value);
};

template <class Plugin>
std::vector<std::string_view> names_of(std::span<const Plugin* const> table) {
  std::vector<std::string_view> names;
  for (const Plugin* const plugin : table) names.push_back(plugin->name);
  return names;
}

Result<void> set_backend(Options& options, const Value& value) {
  std::vector<std::string_view> known = names_of(capture_table());
  std::erase(known, "file");  // what --read uses
  known.emplace_back("auto");
  if (auto sound = require_built_in(value.text, known, value.origin); !sound) return sound;
  options.capture = value.text;
  return {};
}

Result<void> set_profile(Options& options, const Value& value) {
  const auto known = names_of(detector_table());
  if (auto sound = require_built_in(value.text, known, value.origin); !sound) return sound;
  options.profile = value.text;
  return {};
}

Result<void> set_sinks(Options& options, const Value& value) {
  const auto known = names_of(sink_table());
  for (const std::string& name : value.list) {
    if (auto sound = require_built_in(name, known, value.origin); !sound) return sound;
  }
  options.sinks = value.list;
  return {};
}

Result<void> set_networks(Options& options, const Value& value) {
  options.local.clear();
  return value.list.empty() ? Result<void>() : set_local(options, value.text, value.origin);
}

/// For every detector whose section, which was read before, says nothing about its size.
Result<void> set_memories(Options& options, const Value& value) {
  for (const std::string_view name : names_of(detector_table())) {
    Section& section = options.profile_options[std::string(name)];
    if (section.has("memory") || section.has("sources")) continue;
    if (auto set = set_memory(section, value.text, value.origin); !set) return set;
  }
  return {};
}

Result<void> set_text(std::string& option, const Value& value) {
  if (value.text.empty()) return fail(value.origin + ": must not be empty");
  option = value.text;
  return {};
}

constexpr std::array kDaemonKeys = {
    Key{"accounts", Kind::scalar,
        [](Options& o, const Value& v) { return set_accounts(o, v.text, v.origin); }},
    Key{"chroot", Kind::text, [](Options& o, const Value& v) { return set_text(o.chroot, v); }},
    Key{"control", Kind::text,
        [](Options& o, const Value& v) { return set_control(o, v.text, v.origin); }},
    Key{"control_group", Kind::text,
        [](Options& o, const Value& v) { return set_text(o.control_group, v); }},
    Key{"engines", Kind::scalar,
        [](Options& o, const Value& v) { return set_engines(o, v.text, v.origin); }},
    Key{"sandbox", Kind::flag,
        [](Options& o, const Value& v) {
          o.sandbox = v.flag;
          return Result<void>();
        }},
    Key{"single", Kind::flag,
        [](Options& o, const Value& v) {
          o.single = v.flag;
          return Result<void>();
        }},
    Key{"state", Kind::text,
        [](Options& o, const Value& v) { return set_state(o, v.text, v.origin); }},
    Key{"user", Kind::text, [](Options& o, const Value& v) { return set_text(o.user, v); }},
};

constexpr std::array kCaptureKeys = {
    Key{"backend", Kind::text, set_backend},
    Key{"interfaces", Kind::list,
        [](Options& o, const Value& v) {
          o.interfaces = v.list;
          return Result<void>();
        }},
    Key{"local", Kind::list, set_networks},
    Key{"outgoing", Kind::flag,
        [](Options& o, const Value& v) {
          o.outgoing = v.flag;
          return Result<void>();
        }},
    Key{"promiscuous", Kind::flag,
        [](Options& o, const Value& v) {
          // A back end that does not know the word must not be told that it does not hold.
          if (v.flag) o.capture_options.set("promiscuous", "true", v.origin);
          return Result<void>();
        }},
};

constexpr std::array kDetectKeys = {
    Key{"memory", Kind::scalar, set_memories},
    Key{"profile", Kind::text, set_profile},
};

constexpr std::array kLogKeys = {
    Key{"sinks", Kind::list, set_sinks},
};

constexpr std::array<std::string_view, 4> kSections = {"capture", "daemon", "detect", "log"};

std::vector<std::string_view> names_of(std::span<const Key> keys) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

/// Fit for a log, whatever the file holds.
std::string printable(std::string_view text) {
  std::string result(text);
  std::ranges::replace_if(
      result, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return result;
}

/// Control characters in a path or a name are a mistake at best.
bool is_plain(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

/// The text of a member of a list, which must not look like two.
std::optional<std::string> member_text(const toml::node& node) {
  const auto* const text = node.as_string();
  if (text == nullptr || !is_plain(text->get()) || text->get().empty() ||
      text->get().find(',') != std::string::npos) {
    return std::nullopt;
  }
  return text->get();
}

/// A string, a number or a truth value as text.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* const text = node.as_string()) {
    if (!is_plain(text->get())) return std::nullopt;
    return text->get();
  }
  if (const auto* const number = node.as_integer()) return std::to_string(number->get());
  if (const auto* const number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* const flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

/// Any value as a plug-in is given it: text. nullopt for dates, sections, and lists of such.
std::optional<std::string> plain_text(const toml::node& node) {
  const auto* const list = node.as_array();
  if (list == nullptr) return scalar_text(node);
  std::string joined;
  for (const toml::node& each : *list) {
    const auto text = each.is_string() ? member_text(each) : scalar_text(each);
    if (!text) return std::nullopt;
    if (&each != &list->front()) joined += ',';
    joined += *text;
  }
  return joined;
}

/// The value of a key of ours; nullopt if it is of another kind.
std::optional<Value> typed_value(const toml::node& node, Kind kind) {
  Value value;
  if (kind == Kind::flag) {
    const auto* const flag = node.as_boolean();
    if (flag == nullptr) return std::nullopt;
    value.flag = flag->get();
    return value;
  }
  if (kind == Kind::list && node.is_array()) {
    for (const toml::node& each : *node.as_array()) {
      auto text = member_text(each);
      if (!text) return std::nullopt;
      if (!value.list.empty()) value.text += ',';
      value.text += *text;
      value.list.push_back(std::move(*text));
    }
    return value;
  }
  const bool fits = node.is_string() || (kind == Kind::scalar && node.is_integer());
  auto text = fits ? scalar_text(node) : std::nullopt;
  if (!text) return std::nullopt;
  if (kind == Kind::list) value.list = split(*text);
  value.text = std::move(*text);
  return value;
}

/// Goes through a file once and remembers the complaint that stands first in it.
class Reader {
 public:
  Reader(std::string_view name, Options& options) noexcept : name_(name), options_(options) {}

  void read(const toml::table& root);

  /// Empty: the file is right.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }

 private:
  using Line = toml::source_index;
  /// What to do with a key that is none of ours; false: nobody knows it.
  using Other = std::function<bool(const toml::key& key, const toml::node& node)>;

  [[nodiscard]] std::string origin(Line line) const { return fmt::format("{}:{}", name_, line); }
  void complain(Line line, std::string text);
  void read_section(std::string_view name, const toml::table& table);
  void read_keys(const toml::table& table, std::span<const Key> known, const Other& other);
  /// For a plug-in.
  void pass(Section& section, const toml::key& key, const toml::node& node);
  /// For the plug-in that the section `key` names, in `parent`.
  bool pass_section(std::string_view parent, const toml::key& key, const toml::node& node,
                    std::span<const std::string_view> known, Sections& sections);

  std::string_view name_;
  Options& options_;
  Line first_ = 0;  ///< of the complaint
  std::string complaint_;
};

void Reader::complain(Line line, std::string text) {
  if (!complaint_.empty() && line >= first_) return;
  first_ = line;
  complaint_ = std::move(text);
}

void Reader::read(const toml::table& root) {
  for (const auto& [key, node] : root) {
    const Line line = key.source().begin.line;
    const auto* const table = node.as_table();
    if (table != nullptr && std::ranges::find(kSections, key.str()) != kSections.end()) {
      read_section(key.str(), *table);
    } else if (table != nullptr) {
      complain(line, fmt::format("{}: unknown section '{}'{}", origin(line), printable(key.str()),
                                 suggestion(key.str(), kSections)));
    } else {
      complain(line, fmt::format("{}: '{}' is in no section; there are [daemon], [capture], "
                                 "[detect] and [log]",
                                 origin(line), printable(key.str())));
    }
  }
}

void Reader::read_section(std::string_view name, const toml::table& table) {
  if (name == "daemon") {
    read_keys(table, kDaemonKeys, [](const auto&, const auto&) { return false; });
  } else if (name == "capture") {
    read_keys(table, kCaptureKeys, [&](const toml::key& key, const toml::node& node) {
      if (node.is_table() || !suggestion(key.str(), names_of(kCaptureKeys)).empty()) return false;
      pass(options_.capture_options, key, node);
      return true;
    });
  } else if (name == "detect") {
    read_keys(table, kDetectKeys, [&](const toml::key& key, const toml::node& node) {
      return pass_section(name, key, node, names_of(detector_table()), options_.profile_options);
    });
  } else {
    read_keys(table, kLogKeys, [&](const toml::key& key, const toml::node& node) {
      return pass_section(name, key, node, names_of(sink_table()), options_.sink_options);
    });
  }
}

void Reader::read_keys(const toml::table& table, std::span<const Key> known, const Other& other) {
  // Ours last: what a section says for all of its parts is for those that say nothing else.
  for (const bool ours : {false, true}) {
    for (const auto& [key, node] : table) {
      const auto found = std::ranges::find(known, key.str(), &Key::name);
      if ((found != known.end()) != ours) continue;
      const Line line = key.source().begin.line;
      if (!ours) {
        if (other(key, node)) continue;
        complain(line, fmt::format("{}: unknown key '{}'{}", origin(line), printable(key.str()),
                                   suggestion(key.str(), names_of(known))));
        continue;
      }
      auto value = typed_value(node, found->kind);
      if (!value) {
        complain(line, fmt::format("{}: '{}' must be {}", origin(line), key.str(),
                                   describe(found->kind)));
        continue;
      }
      value->origin = origin(line);
      if (auto set = found->set(options_, *value); !set)
        complain(line, printable(set.error().what));
    }
  }
}

bool Reader::pass_section(std::string_view parent, const toml::key& key, const toml::node& node,
                          std::span<const std::string_view> known, Sections& sections) {
  const auto* const table = node.as_table();
  if (table == nullptr) return false;
  const Line line = key.source().begin.line;
  if (std::ranges::find(known, key.str()) == known.end()) {
    complain(line, fmt::format("{}: unknown section '{}.{}'{}", origin(line), parent,
                               printable(key.str()), suggestion(key.str(), known)));
    return true;
  }
  Section& section = sections[std::string(key.str())];
  for (const auto& [inner, value] : *table) pass(section, inner, value);
  return true;
}

void Reader::pass(Section& section, const toml::key& key, const toml::node& node) {
  const Line line = key.source().begin.line;
  const auto text = plain_text(node);
  if (!text) {
    complain(line, fmt::format("{}: '{}' must be a string, a number, true or false, or a list of "
                               "them",
                               origin(line), printable(key.str())));
    return;
  }
  // As --threshold and the rules of firewalls have it: 21,3s,3,1.
  if (key.str() == "threshold" && text->find(',') != std::string::npos) {
    if (auto set = set_threshold(section, *text, origin(line)); !set) {
      complain(line, printable(set.error().what));
    }
    return;
  }
  section.set(printable(key.str()), *text, origin(line));
}

bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

// toml++ 3.3 goes astray over many a character that is not ASCII where it expects a key or a blank
// (is_non_ascii_horizontal_whitespace: undefined behaviour), so that it gets to see none: in
// comments a '?' takes their place, elsewhere they are refused, by number of the line.
Result<std::string> as_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string ascii(text);
  int line = 1;
  char quote = 0;
  bool comment = false;
  bool escaped = false;
  for (char& c : ascii) {
    if (c == '\n') {
      ++line;
      quote = 0;
      comment = false;
    } else if (comment) {
      if (!is_ascii(c)) c = '?';
    } else if (!is_ascii(c)) {
      return fail(fmt::format("{}: characters other than ASCII are for comments only", line));
    } else if (quote != 0) {
      if (c == quote && !escaped) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else {
      comment = c == '#';
    }
    escaped = quote == '"' && c == '\\' && !escaped;
  }
  return ascii;
}

}  // namespace

Result<Options> parse_config(std::string_view text, std::string_view name, Options base) {
  const auto ascii = as_ascii(text);
  if (!ascii) return fail(fmt::format("{}:{}", name, ascii.error().what));
  const toml::parse_result parsed = toml::parse(*ascii, name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    std::string reason = printable(error.description());
    if (reason.starts_with('E')) reason[0] = 'e';  // "Error while parsing ..."
    return fail(fmt::format("{}:{}: {}", name, error.source().begin.line, reason));
  }
  Reader reader(name, base);
  reader.read(parsed.table());
  if (!reader.complaint().empty()) return fail(reader.complaint());
  return base;
}

}  // namespace scanlogd
