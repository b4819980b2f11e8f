// Options of a plug-in: what is accepted, and what each complaint says.
#include "core/section.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Section with(std::string_view key, std::string_view value, std::string_view origin = "--it") {
  Section section;
  section.set(key, value, origin);
  return section;
}

TEST(Section, ReturnsTheTextOfAKeyThatWasGivenAndNothingElse) {
  const Section section = with("device", "eth0");
  EXPECT_TRUE(section.has("device"));
  EXPECT_EQ(section.text("device"), "eth0");
  EXPECT_FALSE(section.has("devic"));
  EXPECT_EQ(section.text("devic"), std::nullopt);
}

TEST(Section, TellsAnEmptyValueFromAnAbsentKey) {
  EXPECT_EQ(with("device", "").text("device"), "");
  EXPECT_FALSE(with("count", "").number("count", 5, 0, 9));
}

TEST(Section, LastValueOfAKeyCountsAndBringsItsOrigin) {
  Section section = with("device", "eth0", "scanlogd.toml:3");
  section.set("device", "eth1", "--device");
  EXPECT_EQ(section.text("device"), "eth1");
  EXPECT_EQ(section.origin("device"), "--device");
}

TEST(Section, OriginOfAKeyThatWasNotGivenIsTheKey) {
  EXPECT_EQ(Section().origin("device"), "device");
}

TEST(Section, AbsentKeysGiveTheFallbackEvenOutsideTheLimits) {
  EXPECT_EQ(Section().number("count", 5, 10, 20).value(), 5u);
  EXPECT_EQ(Section().boolean("fast", true).value(), true);
  EXPECT_EQ(Section().boolean("fast", false).value(), false);
  EXPECT_EQ(Section().duration("delay", 5s, 10s, 20s).value(), 5s);
}

TEST(SectionSize, TakesBytesAndUnitsOf1024) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("3k"), 3072u);
  EXPECT_EQ(parse_size("16M"), 16u << 20);
  EXPECT_EQ(parse_size("1G"), 1u << 30);
  EXPECT_EQ(parse_size("small"), 1u << 20);
}

TEST(SectionSize, RefusesEverythingElse) {
  for (const std::string_view text : {"", "M", "-1", "1.5M", "1 M", "1K", "1m", "1MB", "tiny"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(SectionSize, ReachesTheLargestOf64BitsAndNotBeyond) {
  EXPECT_EQ(parse_size("17179869183G"), 17179869183u << 30);
  EXPECT_EQ(parse_size("17179869184G"), std::nullopt);
  EXPECT_EQ(parse_size("18446744073709551616"), std::nullopt);
}

TEST(SectionSize, IsAcceptedWithinItsLimitsOnly) {
  const auto size = [](std::string_view text) {
    return with("m", text).size("m", 0, 1 << 10, 1 << 20);
  };
  EXPECT_FALSE(size("1023"));
  EXPECT_EQ(size("1k").value(), 1024u);
  EXPECT_EQ(size("1M").value(), 1u << 20);
  EXPECT_EQ(size("1048577").error().what, "--it: '1048577' is not within 1k and 1M");
  EXPECT_EQ(size("much").error().what, "--it: 'much' is not a size such as 16M, 512k, 1G or small");
  EXPECT_EQ(Section().size("m", 7, 10, 20).value(), 7u);
}

TEST(Section, ErasedIsAsNeverGiven) {
  Section section = with("device", "eth0");
  section.erase("devices");
  EXPECT_TRUE(section.has("device"));
  section.erase("device");
  EXPECT_FALSE(section.has("device"));
}

TEST(Section, UpdateSetsWhatTheOtherHasAndKeepsTheRest) {
  Section section = with("device", "eth0");
  section.set("count", "3", "x.toml:4");
  Section other = with("count", "4", "--count");
  section.update(other);
  EXPECT_EQ(section.text("device"), "eth0");
  EXPECT_EQ(section.text("count"), "4");
  EXPECT_EQ(section.origin("count"), "--count");
}

TEST(Section, EqualityIsOfKeysAndValuesInAnyOrderFromAnywhere) {
  Section one = with("a", "1", "--a");
  one.set("b", "2", "--b");
  Section other = with("b", "2", "x.toml:1");
  EXPECT_NE(one, other);
  other.set("a", "1", "x.toml:2");
  EXPECT_EQ(one, other);
  other.set("a", "2", "x.toml:2");
  EXPECT_NE(one, other);
  EXPECT_EQ(Section(), Section());
}

TEST(Section, DifferencesAreOtherValuesAndKeysOfOneOnly) {
  Section one = with("same", "1", "--same");
  one.set("other", "2", "--other");
  one.set("mine", "3", "--mine");
  Section other = with("same", "1", "x.toml:1");
  other.set("other", "3", "x.toml:2");
  other.set("theirs", "4", "x.toml:3");
  EXPECT_EQ(one.differences(other), (std::vector<std::string>{"other", "mine", "theirs"}));
  EXPECT_TRUE(one.differences(one).empty());
}

TEST(SectionNumber, IsAcceptedWithinItsLimitsOnly) {
  const auto number = [](std::string_view text) { return with("n", text).number("n", 0, 10, 20); };
  EXPECT_FALSE(number("9"));
  EXPECT_EQ(number("10").value(), 10u);
  EXPECT_EQ(number("20").value(), 20u);
  EXPECT_FALSE(number("21"));
  EXPECT_EQ(number("21").error().what, "--it: '21' is not a whole number from 10 to 20");
}

TEST(SectionNumber, ReachesTheLargestOf64BitsAndNotBeyond) {
  const auto number = [](std::string_view text) {
    return with("n", text).number("n", 0, 0, UINT64_MAX);
  };
  EXPECT_EQ(number("18446744073709551615").value(), UINT64_MAX);
  EXPECT_FALSE(number("18446744073709551616"));
}

TEST(SectionNumber, TextThatIsNotAWholeDecimalNumberIsRefused) {
  for (const std::string_view text :
       {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "1k", "one"})
    EXPECT_FALSE(with("n", text).number("n", 0, 0, 100)) << text;
}

TEST(SectionBoolean, HasFourWordsForEachAnswer) {
  for (const std::string_view text : {"true", "yes", "on", "1"})
    EXPECT_EQ(with("fast", text).boolean("fast", false).value(), true) << text;
  for (const std::string_view text : {"false", "no", "off", "0"})
    EXPECT_EQ(with("fast", text).boolean("fast", true).value(), false) << text;
}

TEST(SectionBoolean, AnyOtherWordIsRefused) {
  EXPECT_EQ(with("fast", "maybe", "scanlogd.toml:7").boolean("fast", true).error().what,
            "scanlogd.toml:7: 'maybe' is neither true nor false");
  for (const std::string_view text : {"", "True", "2", "y", "true "})
    EXPECT_FALSE(with("fast", text).boolean("fast", true)) << text;
}

TEST(ParseDuration, KnowsFourUnitsAndTakesABareNumberForSeconds) {
  EXPECT_EQ(parse_duration("3"), 3s);
  EXPECT_EQ(parse_duration("3s"), 3s);
  EXPECT_EQ(parse_duration("1500ms"), 1500ms);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0"), 0ms);
}

TEST(ParseDuration, TakesDecimalFractionsOfEachUnit) {
  EXPECT_EQ(parse_duration("2.5s"), 2500ms);
  EXPECT_EQ(parse_duration("2.5"), 2500ms);
  EXPECT_EQ(parse_duration("0.001s"), 1ms);
  EXPECT_EQ(parse_duration("2.3s"), 2300ms);
  EXPECT_EQ(parse_duration("1.25m"), 75s);
  EXPECT_EQ(parse_duration("0.5h"), 30min);
}

TEST(ParseDuration, DropsPartsOfAMillisecond) {
  EXPECT_EQ(parse_duration("1.9ms"), 1ms);
  EXPECT_EQ(parse_duration("0.0019s"), 1ms);
}

TEST(ParseDuration, AnythingElseIsNoTime) {
  for (const std::string_view text :
       {"",    "s",  "ms",   ".",   ".5s", "1.",   "1.s",    "-1s", "+1s", "1 s",  " 1s",
        "1s ", "1S", "1min", "1us", "1d",  "1e3s", "1.2.3s", "inf", "nan", "0x1s", "1s2s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, RefusesWhatItCannotHoldExactly) {
  EXPECT_EQ(parse_duration("1000000000000h"), milliseconds{3'600'000'000'000'000'000});
  EXPECT_EQ(parse_duration("1000000000001h"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999s"), std::nullopt);
  EXPECT_EQ(parse_duration("0.123456789h"), milliseconds{444'444});
  EXPECT_EQ(parse_duration("0.1234567890h"), std::nullopt);
}

TEST(SectionDuration, IsAcceptedWithinItsLimitsOnly) {
  const auto duration = [](std::string_view text) {
    return with("delay", text).duration("delay", 0s, 100ms, 10min);
  };
  EXPECT_FALSE(duration("99ms"));
  EXPECT_EQ(duration("100ms").value(), 100ms);
  EXPECT_EQ(duration("600").value(), 10min);
  EXPECT_FALSE(duration("600.001"));
  EXPECT_EQ(duration("11m").error().what, "--it: '11m' is not within 100ms and 10m");
}

TEST(SectionDuration, NamesItsLimitsInTheLargestWholeUnit) {
  const auto complaint = [](milliseconds least, milliseconds most) {
    return with("delay", "9h").duration("delay", 0s, least, most).error().what;
  };
  EXPECT_EQ(complaint(0s, 90s), "--it: '9h' is not within 0s and 90s");
  EXPECT_EQ(complaint(1500ms, 2h), "--it: '9h' is not within 1500ms and 2h");
}

TEST(SectionDuration, TextThatIsNoTimeIsRefusedWithExamples) {
  EXPECT_EQ(with("delay", "soon").duration("delay", 0s, 0s, 1h).error().what,
            "--it: 'soon' is not a time such as 3s, 1500ms, 2.5s or 5m");
}

TEST(SectionRejectUnknown, PassesWhenAllKeysAreKnownOrThereAreNone) {
  EXPECT_TRUE(with("delay", "3").reject_unknown({"device", "delay"}));
  EXPECT_TRUE(Section().reject_unknown({}));
}

TEST(SectionRejectUnknown, NamesTheFirstUnknownKeyAndWhereItStands) {
  Section section = with("delay", "3", "scanlogd.toml:1");
  section.set("colour", "red", "scanlogd.toml:2");
  section.set("shape", "round", "scanlogd.toml:3");
  EXPECT_EQ(section.reject_unknown({"delay"}).error().what,
            "scanlogd.toml:2: unknown key 'colour'");
}

TEST(SectionRejectUnknown, SuggestsTheNearestKnownKey) {
  const auto complaint = [](std::string_view key) {
    return with(key, "1").reject_unknown({"timeout", "threshold", "delay"}).error().what;
  };
  EXPECT_EQ(complaint("treshold"), "--it: unknown key 'treshold' (did you mean 'threshold'?)");
  EXPECT_EQ(complaint("delaay"), "--it: unknown key 'delaay' (did you mean 'delay'?)");
  EXPECT_EQ(complaint("timeuot"), "--it: unknown key 'timeuot' (did you mean 'timeout'?)");
}

TEST(SectionRejectUnknown, SuggestsNothingWhereMoreThanAThirdOfTheLettersAreWrong) {
  EXPECT_EQ(with("abcdef", "1").reject_unknown({"abcdxy"}).error().what,
            "--it: unknown key 'abcdef' (did you mean 'abcdxy'?)");
  EXPECT_EQ(with("abcdef", "1").reject_unknown({"abcxyz"}).error().what,
            "--it: unknown key 'abcdef'");
}

}  // namespace
}  // namespace scanlogd
