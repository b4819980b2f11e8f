// The words of the control protocol.
#include "core/control.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace scanlogd::test {
namespace {

std::string refusal(std::string_view text) {
  const auto request = parse_control_request(text);
  return request ? "" : request.error().what;
}

TEST(ControlRequest, IsUnderstoodAsItIsWritten) {
  for (const std::string text :
       {"1 status", "1 reload", "1 explain 192.0.2.1", "1 trace 2001:db8::1"}) {
    const auto request = parse_control_request(text);
    ASSERT_TRUE(request) << text;
    EXPECT_EQ(to_string(*request), text);
  }
  EXPECT_TRUE(parse_control_request("1 status\n")) << "from a line of a shell";
}

TEST(ControlRequest, WhatIsNoneIsRefusedWithoutItsBytes) {
  EXPECT_EQ(refusal(""), "request: is not of version 1 of the protocol");
  EXPECT_EQ(refusal("2 status"), "request: is not of version 1 of the protocol");
  EXPECT_EQ(refusal("1 halt"), "request: must be status, reload, explain ADDRESS or trace ADDRESS");
  EXPECT_EQ(refusal("1 status now"), "request: has more words than this one takes");
  EXPECT_EQ(refusal("1 explain"), "request: lacks the address of a source");
  EXPECT_EQ(refusal("1 explain 192.0.2.0/24"), "request: lacks the address of a source");
  EXPECT_EQ(refusal("1 sta\x01tus"), "request: is not one line of text");
  EXPECT_EQ(refusal("1 status\n1 status\n"), "request: is not one line of text");
}

TEST(ControlRequest, IsOfBoundedLength) {
  EXPECT_NE(refusal("1 explain " + std::string(kMostControlRequest - 10, '1')),
            "request: is too long");
  EXPECT_EQ(refusal("1 explain " + std::string(kMostControlRequest - 9, '1')),
            "request: is too long");
}

TEST(ControlAnswer, ComesBackAsItWasGiven) {
  ControlAnswer answer;
  answer.add("packets.seen", std::uint64_t{12});
  answer.add("sink", "syslog taken=1");
  answer.add("sink", "eve taken=2");
  answer.add("empty", "");
  const auto again = ControlAnswer::parse(answer.format());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->lines(), answer.lines());
  EXPECT_EQ(again->number("packets.seen"), 12U);
  EXPECT_EQ(again->number("sink"), 0U) << "no number";
  EXPECT_EQ(again->find("sink"), "syslog taken=1");
  EXPECT_EQ(again->find_all("sink"),
            (std::vector<std::string_view>{"syslog taken=1", "eve taken=2"}));
  EXPECT_FALSE(again->find("other"));
}

TEST(ControlAnswer, AFailureHasAReason) {
  const auto failed = ControlAnswer::parse(ControlAnswer("x.toml:3: wrong").format());
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->is_failure());
  EXPECT_EQ(failed->reason(), "x.toml:3: wrong");
}

TEST(ControlAnswer, HoldsNoLineEndsButItsOwn) {
  ControlAnswer answer;
  answer.add("a", "x\ny z\x1b[2J");
  EXPECT_EQ(answer.format(), "scanlogd 1 ok\na x?y z?[2J\n");
  EXPECT_EQ(ControlAnswer("a\nb").format(), "scanlogd 1 error a?b\n");
}

TEST(ControlAnswer, IsOfBoundedLengthAndSaysSo) {
  ControlAnswer answer;
  for (int i = 0; i < 100; ++i) answer.add("trouble", std::string(1000, 'x'));
  const std::string text = answer.format();
  EXPECT_LE(text.size(), kMostControlAnswer);
  const auto again = ControlAnswer::parse(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->find("cut"), "yes");
  EXPECT_LE(ControlAnswer(std::string(100'000, 'x')).format().size(), kMostControlAnswer);
}

TEST(ControlAnswer, WhatIsNoneIsRefused) {
  for (const std::string_view text :
       {"", "\n", "scanlogd 1 ok", "scanlogd 2 ok\n", "scanlogd 1 ok\nx\n", "scanlogd 1 ok\n\n",
        "scanlogd 1 ok\nX y\n", "scanlogd 1 ok\nx \x07\n", "scanlogd 1 error a\nb c\n"}) {
    EXPECT_FALSE(ControlAnswer::parse(text)) << text;
  }
}

}  // namespace
}  // namespace scanlogd::test
