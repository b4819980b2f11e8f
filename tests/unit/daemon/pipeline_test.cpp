// From packets to sinks: what counts as local, what the accounts say.
#include "daemon/pipeline.h"

#include <gtest/gtest.h>

#include "support/detector_bench.h"
#include "support/packet_builder.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class PipelineTest : public ::testing::Test {
 protected:
  Pipeline make(std::vector<Network> local = {}) {
    std::vector<NamedDetector> detectors;
    detectors.push_back({"classic", make_detector("classic").value()});
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape_)});
    reporter_.emplace(std::move(sinks));
    return {Analysis(std::move(detectors), std::move(local)), *reporter_};
  }
  static void scan(PacketBatch& batch, std::string_view target, int ports = 7) {
    batch.size = 0;
    for (int i = 0; i < ports; ++i) {
      batch.push(tcp().to(target, static_cast<Port>(20 + i)).at(5s));
    }
  }

  RecordingSink::Tape tape_;
  std::optional<Reporter> reporter_;
  std::unique_ptr<PacketBatch> batch_ = std::make_unique<PacketBatch>();
  std::vector<std::unique_ptr<Capture>> no_captures_;
};

TEST_F(PipelineTest, AScanReachesTheSinkWithItsWallClockTime) {
  Pipeline pipeline = make();
  scan(*batch_, "10.9.0.1");
  batch_->wall_minus_monotonic = 100s;
  pipeline.process(*batch_);
  pipeline.settle();
  ASSERT_EQ(tape_.scans.size(), 1U);
  EXPECT_EQ(tape_.scans[0].id, 1U);
  EXPECT_EQ(tape_.scans[0].started.time_since_epoch(), 105s);
}

TEST_F(PipelineTest, OnlyLocalTargetsCountWhenLocalNetworksAreGiven) {
  Pipeline pipeline = make({parse_network("10.9.0.0/24").value()});
  scan(*batch_, "10.9.1.1");
  pipeline.process(*batch_);
  pipeline.settle();
  EXPECT_TRUE(tape_.scans.empty());
  scan(*batch_, "10.9.0.255");
  pipeline.process(*batch_);
  pipeline.settle();
  EXPECT_EQ(tape_.scans.size(), 1U);
  EXPECT_NE(pipeline.accounts(no_captures_).find("inspected 7 + not_local 7"), std::string::npos);
}

TEST_F(PipelineTest, OtherSettingsHoldFromNowOn) {
  Pipeline pipeline = make({parse_network("10.9.0.0/24").value()});
  Options options;
  options.local = {parse_network("10.9.1.0/24").value()};
  options.detector_options.set("threshold", "15", "x.toml:1");
  options.detector_options.set("low_weight", "2", "x.toml:2");
  pipeline.adopt(EngineSettings::pack(options).value());
  scan(*batch_, "10.9.0.1", 8);
  pipeline.process(*batch_);
  scan(*batch_, "10.9.1.1", 7);
  pipeline.process(*batch_);
  pipeline.settle();
  EXPECT_TRUE(tape_.scans.empty());
  scan(*batch_, "10.9.1.1", 8);
  pipeline.process(*batch_);
  pipeline.settle();
  EXPECT_EQ(tape_.scans.size(), 1U);
  options.local.clear();
  pipeline.adopt(EngineSettings::pack(options).value());
  pipeline.settle();
  EXPECT_TRUE(tape_.notices.empty());
}

TEST_F(PipelineTest, TheSixthScanIsTheLimitersAndTheSinksSeeAll) {
  Pipeline pipeline = make();
  for (int source = 1; source <= 8; ++source) {
    batch_->size = 0;
    for (int i = 0; i < 7; ++i) {
      batch_->push(tcp()
                       .from("192.0.2." + std::to_string(source))
                       .to("10.9.0.1", static_cast<Port>(20 + i))
                       .at(5s));
    }
    pipeline.process(*batch_);
    pipeline.settle();
  }
  EXPECT_EQ(tape_.scans.size(), 8U);
  ASSERT_EQ(tape_.lines.size(), 6U);
  EXPECT_EQ(tape_.lines[5], "More possible port scans follow");
  EXPECT_NE(pipeline.accounts(no_captures_)
                .find("detected 8 = delivered 6 + spooled 0 + digested 0 + held_back 2 + lost 0"),
            std::string::npos);
}

TEST_F(PipelineTest, NoticesReachTheSinks) {
  Pipeline pipeline = make();
  pipeline.notify(Severity::warning, "something");
  pipeline.settle();
  EXPECT_EQ(tape_.notices, std::vector<std::string>{"something"});
}

TEST_F(PipelineTest, TheAccountsFitIntoANotice) {
  Pipeline pipeline = make();
  EXPECT_LT(pipeline.accounts(no_captures_).size() + 30 * 20, Notice::kCapacity)
      << "thirty counters of twenty digits must fit";
}

TEST_F(PipelineTest, TheLastAccountsCountWhatWasFoundAtTheVeryEnd) {
  Pipeline pipeline = make();
  scan(*batch_, "10.9.0.1");
  pipeline.process(*batch_);
  pipeline.end(no_captures_);
  ASSERT_FALSE(tape_.notices.empty());
  EXPECT_NE(tape_.notices.back().find("messages 1 = delivered 1 + waiting 0"), std::string::npos)
      << tape_.notices.back();
}

TEST_F(PipelineTest, LiveSourcesThatAreGivenUpAreToldWithinASecond) {
  Section options;
  options.set("memory", "128k", "test");
  std::vector<NamedDetector> detectors;
  detectors.push_back({"classic", make_detector("classic", options).value()});
  std::vector<NamedSink> sinks;
  sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape_)});
  reporter_.emplace(std::move(sinks));
  Pipeline pipeline(Analysis(std::move(detectors), {}), *reporter_);
  std::chrono::nanoseconds now = 1s;
  for (int i = 0; i < 16; ++i) {
    batch_->size = 0;
    for (int j = 0; j < 256; ++j) {
      const std::string source = "10.0." + std::to_string(i) + "." + std::to_string(j);
      batch_->push(tcp().from(source).at(now += 100us));
    }
    pipeline.process(*batch_);
    pipeline.settle();
  }
  EXPECT_TRUE(pipeline.has_open_scans()) << "time is to be told";
  pipeline.advance(now + 1s, 0ns);
  pipeline.settle();
  ASSERT_EQ(tape_.notices.size(), 1U);
  EXPECT_EQ(tape_.notices[0].substr(0, 16), "state pressure: ");
  pipeline.advance(Detector::kEndOfTime, 0ns);
  pipeline.settle();
  ASSERT_EQ(tape_.notices.size(), 2U);
  EXPECT_EQ(tape_.notices[1].substr(0, 23), "state pressure is over:");
  EXPECT_FALSE(pipeline.has_open_scans());
}

}  // namespace
}  // namespace scanlogd::test
