// JSON piece by piece.
#include "core/json_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace scanlogd {
namespace {

TEST(JsonWriter, SeparatesMembersAndValuesHoweverTheyNest) {
  std::string out;
  JsonWriter json(out);
  json.open_object();
  json.open_array("none");
  json.close_array();
  json.open_array("some");
  json.value(1U);
  json.value("two");
  json.open_object();
  json.member("three", 3U);
  json.close_object();
  json.open_array();
  json.close_array();
  json.close_array();
  json.open_object("inner");
  json.close_object();
  json.member("yes", true);
  json.member("no", false);
  json.close_object();
  EXPECT_EQ(out, R"({"none":[],"some":[1,"two",{"three":3},[]],"inner":{},"yes":true,"no":false})");
}

TEST(JsonWriter, AppendsToWhatIsThere) {
  std::string out = "before ";
  JsonWriter json(out);
  json.open_array();
  json.close_array();
  EXPECT_EQ(out, "before []");
}

TEST(JsonWriter, WritesTheLargestNumberInFull) {
  std::string out;
  JsonWriter json(out);
  json.open_array();
  json.value(std::numeric_limits<std::uint64_t>::max());
  json.close_array();
  EXPECT_EQ(out, "[18446744073709551615]");
}

TEST(JsonWriter, EscapesAllThatIsNotPrintableAscii) {
  std::string out;
  JsonWriter json(out);
  json.open_object();
  json.member("a\"b", std::string_view("\\\"/\x1f\x20\x7e\x7f\xff\n\0", 10));
  json.close_object();
  EXPECT_EQ(out, "{\"a\\\"b\":\"\\\\\\\"/\\u001f ~\\u007f\\u00ff\\u000a\\u0000\"}");
}

TEST(JsonWriter, ALiteralIsTextAndNotATruth) {
  std::string out;
  JsonWriter json(out);
  json.open_object();
  json.member("key", "text");
  json.close_object();
  EXPECT_EQ(out, R"({"key":"text"})");
}

}  // namespace
}  // namespace scanlogd
