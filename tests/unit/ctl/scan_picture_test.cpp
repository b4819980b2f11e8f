// Pictures of scans tell a sequential, a random and a slow one apart, and stay in their frame.
#include "ctl/scan_picture.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using ctl::PictureAxis;
using ctl::ProbeOrder;

constexpr Address kHost{Family::ipv4, ipv4_bytes(0x0a090001)};

ProbeSample sample_of(std::size_t count, std::chrono::nanoseconds pause, auto port_of) {
  ProbeSample sample;
  for (std::size_t i = 0; i < count; ++i) {
    sample.points.push_back(
        {.time = i * pause, .target = kHost, .port = static_cast<Port>(port_of(i))});
  }
  return sample;
}
ProbeSample sequential() {
  return sample_of(100, 1ms, [](auto i) { return i + 1; });
}
ProbeSample random() {
  std::mt19937 random(1);  // NOLINT: the same each time
  return sample_of(100, 1ms, [&](auto) { return random() % 1000; });
}

class ScanPicture : public StoreTest {
 protected:
  static Scan some(std::chrono::nanoseconds length = 1s) {
    Scan some = scan(7);
    some.last = some.started + std::chrono::ceil<std::chrono::microseconds>(length);
    return some;
  }
  static std::size_t count(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator(text.begin(), text.end(), expression), {}));
  }
};

TEST_F(ScanPicture, OrdersAreToldApart) {
  EXPECT_EQ(ctl::order_of(sequential()), ProbeOrder::ascending);
  EXPECT_EQ(ctl::order_of(sample_of(100, 1ms, [](auto i) { return 200 - i; })),
            ProbeOrder::descending);
  EXPECT_EQ(ctl::order_of(random()), ProbeOrder::mixed);
  EXPECT_EQ(ctl::order_of(sample_of(5, 1ms, [](auto i) { return i; })), ProbeOrder::unclear);
  EXPECT_EQ(ctl::order_of(sample_of(6, 1ms, [](auto i) { return i; })), ProbeOrder::ascending);
  EXPECT_EQ(ctl::order_of(sample_of(100, 1ms, [](auto) { return 22; })), ProbeOrder::unclear);
  EXPECT_EQ(ctl::order_of({}), ProbeOrder::unclear);
}

TEST_F(ScanPicture, APaceCountsTheProbesThatWereNotSampled) {
  ProbeSample sample = sequential();
  EXPECT_EQ(ctl::pace_of(sample), 1ms);
  sample.shift = 3;
  EXPECT_EQ(ctl::pace_of(sample), 125us);
  EXPECT_FALSE(ctl::pace_of({}));
  EXPECT_FALSE(ctl::pace_of(sample_of(1, 1ms, [](auto) { return 1; })));
}

TEST_F(ScanPicture, ACourseIsDescribed) {
  EXPECT_EQ(ctl::describe_course(sequential()),
            "ports in ascending order, fast: a probe every 1 ms");
  EXPECT_EQ(ctl::describe_course(random()), "ports in random order, fast: a probe every 1 ms");
  EXPECT_EQ(ctl::describe_course(sample_of(20, 5min, [](auto i) { return i * 7 % 20; })),
            "ports in random order, slow: a probe every 5 min");
  EXPECT_EQ(ctl::describe_course(sample_of(2, 1500ms, [](auto i) { return i; })),
            "steady: a probe every 1.5 s");
  EXPECT_EQ(ctl::describe_course({}), "");
}

TEST_F(ScanPicture, EachPointIsDrawnInsideTheFrame) {
  const std::string picture = ctl::draw_scan(some(), random());
  EXPECT_EQ(count(picture, "class=\"p u\""), 100U);
  const std::regex expression("cx=\"([0-9.-]+)\" cy=\"([0-9.-]+)\"");
  for (std::sregex_iterator at(picture.begin(), picture.end(), expression), end; at != end; ++at) {
    EXPECT_GE(std::stod((*at)[1]), 110);
    EXPECT_LE(std::stod((*at)[1]), 680);
    EXPECT_GE(std::stod((*at)[2]), 14);
    EXPECT_LE(std::stod((*at)[2]), 216);
  }
}

TEST_F(ScanPicture, AnswersHaveTheirShapes) {
  ProbeSample sample = sequential();
  sample.points[3].outcome = ProbeOutcome::open;
  sample.points[4].outcome = ProbeOutcome::closed;
  const std::string picture = ctl::draw_scan(some(), sample);
  EXPECT_EQ(count(picture, "<path class=\"p o\""), 1U);
  EXPECT_EQ(count(picture, "<circle class=\"p c\""), 1U);
  EXPECT_EQ(count(picture, "<circle class=\"p u\""), 98U);
}

TEST_F(ScanPicture, OpenPortsAreNamedThoughTheirProbesAreNotInTheSample) {
  Scan scan = some();
  scan.event.open_count = 3;
  scan.event.open = {100, 22, 21};
  const std::string picture = ctl::draw_scan(scan, sequential());
  EXPECT_NE(picture.find(">100 open</text>"), std::string::npos);
  EXPECT_NE(picture.find(">21,22 open</text>"), std::string::npos);
}

TEST_F(ScanPicture, ASweepIsDrawnByHosts) {
  ProbeSample sweep;
  for (std::uint32_t i = 0; i < 50; ++i) {
    sweep.points.push_back(
        {.time = i * 1s, .target = {Family::ipv4, ipv4_bytes(0x0a090001 + i)}, .port = 22});
  }
  EXPECT_EQ(ctl::axis_of(sweep), PictureAxis::hosts);
  EXPECT_EQ(ctl::order_of(sweep), ProbeOrder::ascending);
  EXPECT_EQ(ctl::axis_of(sequential()), PictureAxis::ports);
  const std::string picture = ctl::draw_scan(some(50s), sweep);
  EXPECT_NE(picture.find(">10.9.0.1</text>"), std::string::npos);
  EXPECT_NE(picture.find(">10.9.0.50</text>"), std::string::npos);
}

TEST_F(ScanPicture, AxesHaveRoundMarks) {
  const std::string minutes =
      ctl::draw_scan(some(1h), sample_of(61, 1min, [](auto i) { return i; }));
  EXPECT_NE(minutes.find(">10 min</text>"), std::string::npos) << minutes;
  EXPECT_NE(minutes.find(">60 min</text>"), std::string::npos);
  const std::string quick = ctl::draw_scan(some(3ms), sample_of(4, 1ms, [](auto i) { return i; }));
  EXPECT_NE(quick.find(">500 us</text>"), std::string::npos) << quick;
  const std::string days =
      ctl::draw_scan(some(24h * 30), sample_of(4, 24h, [](auto i) { return i; }));
  EXPECT_NE(days.find(">5 d</text>"), std::string::npos) << days;
}

TEST_F(ScanPicture, NoSampleIsTooOddToBeDrawn) {
  const std::vector<std::chrono::nanoseconds> times = {-1h, 0ns, 1ns, 24h * 365 * 100};
  for (const auto one : times) {
    for (const auto other : times) {
      ProbeSample sample{.shift = 56,
                         .points = {{.time = one, .port = 0}, {.time = other, .port = 65535}}};
      const std::string picture = ctl::draw_scan(some(0s), sample);
      EXPECT_EQ(count(picture, "class=\"p u\""), 2U);
      EXPECT_EQ(count(picture, "nan|inf"), 0U) << picture;
      EXPECT_LT(picture.size(), 20'000U);
    }
  }
}

TEST_F(ScanPicture, WithoutASampleTheOrderOfTheFirstPortsIsDrawn) {
  const std::string picture = ctl::draw_first_ports(some());
  EXPECT_EQ(count(picture, "class=\"p u\""), 2U);
  EXPECT_NE(picture.find("not time"), std::string::npos);
}

TEST_F(ScanPicture, ATableHasTheSamePoints) {
  ProbeSample sample = sequential();
  sample.points[1].outcome = ProbeOutcome::open;
  const std::string table = ctl::list_points(sample);
  EXPECT_EQ(count(table, "<tr><td"), 100U);
  EXPECT_NE(table.find("<td class=\"n\">0.001000</td><td>10.9.0.1</td><td class=\"n\">2</td>"
                       "<td>open</td>"),
            std::string::npos);
}

}  // namespace
}  // namespace scanlogd::test
