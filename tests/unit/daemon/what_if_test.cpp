// Two ways to judge the same packets.
#include "daemon/what_if.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "support/detector_bench.h"
#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Section with(std::string_view key, std::string_view value) {
  Section section;
  section.set(key, value, "test");
  return section;
}

Analysis analysis(std::string_view profile, const Section& options, std::string_view local) {
  std::vector<NamedDetector> detectors;
  auto made = make_detector(profile, options);
  EXPECT_TRUE(made) << made.error().what;
  if (made) detectors.push_back({profile, std::move(*made), profile == "full"});
  return {std::move(detectors), parse_networks(local).value()};
}

/// Both ways, and packets for them.
class Judges {
 public:
  Judges(std::string_view profile, const Section& as_is, const Section& other,
         std::string_view local_other = kOurs)
      : what_if_(analysis(profile, as_is, kOurs), analysis(profile, other, local_other)) {}

  void see(Packet packet) {
    now_ += 1ms;
    packet.time = now_;
    batch_->size = 0;
    batch_->push(packet);
    what_if_.process(*batch_);
  }
  /// `count` ports from 1024 on: as many points of the classic rule.
  void ask(std::string_view source, int count) {
    for (int i = 0; i < count; ++i) {
      see(tcp().from(source).to(kHost, static_cast<Port>(1024 + i)).flags("S"));
    }
  }
  void refuse(std::string_view source, int count) {
    for (int i = 0; i < count; ++i) {
      const Packet syn = system_syn(source, kHost, static_cast<Port>(601 + i));
      see(syn);
      see(answer_to(syn, "RA"));
    }
  }
  ScanComparison finish() {
    what_if_.advance(Detector::kEndOfTime, {});
    what_if_.end({});
    return what_if_.comparison();
  }
  std::string text() { return to_text(finish(), {.settings = "x=1", .notes = {}}); }

  const std::string& accounts() const { return what_if_.accounts(); }

 private:
  WhatIf what_if_;
  std::chrono::nanoseconds now_ = 1000h;
  std::unique_ptr<PacketBatch> batch_ = std::make_unique<PacketBatch>();
};

TEST(WhatIf, WithoutAChangeThereIsNoneMoreAndNoneFewer) {
  Judges judges("classic", {}, {});
  judges.ask("192.0.2.1", 20);
  judges.ask("192.0.2.2", 21);
  judges.ask("192.0.2.3", 22);
  EXPECT_EQ(judges.text(), "0 more, 0 fewer, 2 the same\nwith x=1 instead of what is configured\n");
}
TEST(WhatIf, AScanOfExactlyTheThresholdIsFewerIfThatIsRaisedByOne) {
  Judges judges("classic", {}, with("threshold", "22"));
  judges.ask("192.0.2.1", 20);
  judges.ask("192.0.2.2", 21);
  judges.ask("192.0.2.3", 22);
  const ScanComparison result = judges.finish();
  EXPECT_TRUE(result.more.empty());
  ASSERT_EQ(result.fewer.size(), 1U);
  EXPECT_EQ(to_string(result.fewer.front().source), "192.0.2.2");
  EXPECT_EQ(result.fewer.front().probes_to_find, 21U);
  ASSERT_EQ(result.same.size(), 1U);
  EXPECT_EQ(to_string(result.same.front().one.source), "192.0.2.3");
  EXPECT_TRUE(result.same.front().is_later());
  EXPECT_EQ(result.same.front().other.probes_to_find, 22U);
}
TEST(WhatIf, AScanOfOneLessThanTheThresholdIsMoreIfThatIsLoweredByOne) {
  Judges judges("classic", {}, with("threshold", "20"));
  judges.ask("192.0.2.0", 19);
  judges.ask("192.0.2.1", 20);
  judges.ask("192.0.2.2", 21);
  const ScanComparison result = judges.finish();
  EXPECT_TRUE(result.fewer.empty());
  ASSERT_EQ(result.more.size(), 1U);
  EXPECT_EQ(to_string(result.more.front().source), "192.0.2.1");
  ASSERT_EQ(result.same.size(), 1U);
  EXPECT_TRUE(result.same.front().is_earlier());
}
TEST(WhatIf, AScanThatOnlyAHighSensitivityFindsIsMore) {
  Judges judges("full", {}, with("sensitivity", "high"));
  // 4 contacts of 2 points: less than the 9 of normal.
  judges.refuse(kClient, 4);
  const std::string text = judges.text();
  EXPECT_THAT(text, StartsWith("1 more, 0 fewer, 0 the same\n"));
  EXPECT_THAT(text, HasSubstr("\nmore, found only with it:\n"));
  EXPECT_THAT(text, HasSubstr("203.0.113.7"));
  EXPECT_THAT(text, Not(HasSubstr("fewer, found")));
}
TEST(WhatIf, PortsThatAreNotJudgedMakeFewer) {
  Judges judges("full", {}, with("ignore_ports", "601-640"));
  judges.refuse(kClient, 10);
  EXPECT_THAT(judges.text(), StartsWith("0 more, 1 fewer, 0 the same\n"));
}
TEST(WhatIf, OtherLocalNetworksTakeNothingFromTheOneThatIsConfigured) {
  Judges judges("classic", {}, {}, "10.0.0.0/8");
  judges.ask("192.0.2.2", 21);
  EXPECT_THAT(judges.text(), StartsWith("0 more, 1 fewer, 0 the same\n"));
  EXPECT_THAT(judges.accounts(), HasSubstr("inspected 21"));
}
TEST(WhatIf, TheListsAreBounded) {
  ScanComparison many;
  many.more.resize(kMostListed);
  EXPECT_THAT(to_text(many, {}), Not(HasSubstr("others")));
  many.more.resize(kMostListed + 1);
  const std::string text = to_text(many, {});
  EXPECT_THAT(text, StartsWith("21 more, 0 fewer, 0 the same\n"));
  EXPECT_THAT(text, HasSubstr("\nand 1 others\n"));
  many.more.resize(kMostInJson + 1);
  const std::string json = to_json(many, {});
  EXPECT_THAT(json, HasSubstr("\"more\":1001,"));
  std::size_t objects = 0;
  for (std::size_t at = 0; (at = json.find("\"started\"", at)) != std::string::npos; ++at)
    ++objects;
  EXPECT_EQ(objects, kMostInJson);
}
TEST(WhatIf, SaysInJsonWhatItSaysInText) {
  Judges judges("classic", {}, with("threshold", "22"));
  judges.ask("192.0.2.2", 21);
  judges.ask("192.0.2.3", 22);
  const std::string json =
      to_json(judges.finish(), {.settings = "threshold=22", .notes = {"a note"}});
  EXPECT_THAT(json, StartsWith("{\"settings\":\"threshold=22\",\"more\":0,\"fewer\":1,\"same\":1,"
                               "\"earlier\":0,\"later\":1,\"notes\":[\"a note\"],"
                               "\"scans_more\":[],\"scans_fewer\":[{\"started\":\""));
  EXPECT_THAT(json, HasSubstr("\"source\":\"192.0.2.2\",\"target\":\"198.51.100.1\",\"kind\":"
                              "\"vertical\",\"technique\":\"syn_or_connect\",\"rule\":\"classic\","
                              "\"found_after\":21,\"probes\":21,\"ports\":21,\"hosts\":1}"));
  EXPECT_THAT(json, HasSubstr("\"found_after\":22,\"found_after_instead_of\":21}]}\n"));
}

}  // namespace
}  // namespace scanlogd::test
