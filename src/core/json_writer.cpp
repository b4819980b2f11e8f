// See json_writer.h.
#include "core/json_writer.h"

#include <fmt/format.h>

#include <iterator>

namespace scanlogd {

void JsonWriter::open_object() {
  separate();
  out_ += '{';
  is_first_ = true;
}

void JsonWriter::open_object(std::string_view key) {
  put_key(key);
  out_ += '{';
  is_first_ = true;
}

void JsonWriter::close_object() {
  out_ += '}';
  is_first_ = false;
}

void JsonWriter::open_array() {
  separate();
  out_ += '[';
  is_first_ = true;
}

void JsonWriter::open_array(std::string_view key) {
  put_key(key);
  out_ += '[';
  is_first_ = true;
}

void JsonWriter::close_array() {
  out_ += ']';
  is_first_ = false;
}

void JsonWriter::value(std::string_view text) {
  separate();
  put_text(text);
}

void JsonWriter::value(std::uint64_t number) {
  separate();
  put_number(number);
}

void JsonWriter::member(std::string_view key, std::string_view text) {
  put_key(key);
  put_text(text);
}

void JsonWriter::member(std::string_view key, bool is_true) {
  put_key(key);
  out_ += is_true ? "true" : "false";
}

void JsonWriter::separate() {
  if (!is_first_) out_ += ',';
  is_first_ = false;
}

void JsonWriter::put_key(std::string_view key) {
  separate();
  put_text(key);
  out_ += ':';
}

void JsonWriter::put_text(std::string_view text) {
  out_ += '"';
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out_ += '\\';
      out_ += byte;
    } else if (byte >= 0x20 && byte <= 0x7e) {
      out_ += byte;
    } else {
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned char>(byte));
    }
  }
  out_ += '"';
}

void JsonWriter::put_number(std::uint64_t number) {
  const fmt::format_int digits(number);
  out_.append(digits.data(), digits.size());
}

}  // namespace scanlogd
