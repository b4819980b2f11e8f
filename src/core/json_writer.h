// Writes JSON (RFC 8259) piece by piece into a string: no tree, nothing kept but what is open.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace scanlogd {

/// Appends to a string of the caller's. The order of the calls is the document: what is opened has
/// to be closed, members belong into objects, values into arrays.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) noexcept : out_(out) {}

  /// Opens an object: the document's, or one in an array.
  void open_object();
  /// Opens an object that is a member.
  void open_object(std::string_view key);
  void close_object();
  /// Opens an array: the document's, or one in an array.
  void open_array();
  /// Opens an array that is a member.
  void open_array(std::string_view key);
  void close_array();

  /// A value of an array. Bytes of `text` outside printable ASCII are escaped, each for itself.
  void value(std::string_view text);
  /// A value of an array.
  void value(std::uint64_t number);

  /// A member of an object.
  void member(std::string_view key, std::string_view text);
  /// A member of an object; not the overload for numbers, to which a literal would convert.
  void member(std::string_view key, const char* text) { member(key, std::string_view(text)); }
  /// A member of an object.
  template <std::unsigned_integral Number>
  void member(std::string_view key, Number number) {
    put_key(key);
    put_number(number);
  }
  /// A member of an object.
  void member(std::string_view key, bool is_true);

 private:
  void separate();
  void put_key(std::string_view key);
  void put_text(std::string_view text);
  void put_number(std::uint64_t number);

  std::string& out_;
  bool is_first_ = true;  ///< in what is open
};

}  // namespace scanlogd
