// Options of one plug-in: a thin, typed view of `key = value` pairs that remembers where each came
// from, so that every complaint names the option or `file:line`. Each plug-in reads its own keys
// and then calls `reject_unknown`; there is no central list of options.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace scanlogd {

/// The options given to one plug-in. Values are text; the getters convert and say what is wrong.
class Section {
 public:
  /// Sets `key`; `origin` is printed before complaints about it ("--delay", "scanlogd.toml:12").
  void set(std::string_view key, std::string_view value, std::string_view origin);

  /// Forgets `key`, if it was given.
  void erase(std::string_view key);

  /// Sets all that `other` has, over what is here.
  void update(const Section& other);

  /// Was `key` given?
  [[nodiscard]] bool has(std::string_view key) const noexcept;

  /// The text of `key`, or nullopt.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) const noexcept;

  /// A whole decimal number within [least, most], or `fallback` where the key is absent.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view key, std::uint64_t fallback,
                                             std::uint64_t least, std::uint64_t most) const;

  /// `true` or `false` (also yes/no, on/off, 1/0), or `fallback`.
  [[nodiscard]] Result<bool> boolean(std::string_view key, bool fallback) const;

  /// A time such as `3s`, `1500ms`, `2.5s`, `5m`; a bare number is seconds. Within [least, most].
  [[nodiscard]] Result<std::chrono::milliseconds> duration(std::string_view key,
                                                           std::chrono::milliseconds fallback,
                                                           std::chrono::milliseconds least,
                                                           std::chrono::milliseconds most) const;

  /// Bytes such as `16M`, `512k`, `1G` (of 1024 each), `small` (1M); a bare number is bytes. Within
  /// [least, most].
  [[nodiscard]] Result<std::uint64_t> size(std::string_view key, std::uint64_t fallback,
                                           std::uint64_t least, std::uint64_t most) const;

  /// Where `key` was set, for messages; the key itself where it was not.
  [[nodiscard]] std::string origin(std::string_view key) const;

  /// An error for the first key not in `known`, with the nearest known one as a suggestion.
  [[nodiscard]] Result<void> reject_unknown(std::initializer_list<std::string_view> known) const;

  /// The keys that have not the same value in `other`, or only one of the two has.
  [[nodiscard]] std::vector<std::string> differences(const Section& other) const;

  /// Calls `look(key, value)` for all there is.
  template <class Look>
  void for_each(Look look) const {
    for (const Entry& entry : entries_) {
      look(std::string_view(entry.key), std::string_view(entry.value));
    }
  }

  /// The same values for the same keys, wherever they come from?
  friend bool operator==(const Section& one, const Section& other) noexcept;

 private:
  struct Entry {
    std::string key, value, origin;
  };
  [[nodiscard]] const Entry* find(std::string_view key) const noexcept;

  std::vector<Entry> entries_;
};

/// ` (did you mean '...'?)` with the one of `known` that `word` is probably a misspelling of; empty
/// where there is none.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> known);

/// Parses a time as `Section::duration` does; nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Parses bytes as `Section::size` does; nullopt for anything else.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

}  // namespace scanlogd
