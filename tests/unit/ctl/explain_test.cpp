// `scanlogctl explain`; with a daemon in tests/live/test_control.py.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "support/ctl.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

TEST(CtlExplain, WithoutADaemonItFailsAndPrintsNothing) {
  const TemporaryDirectory home;
  ctl::Request request;
  request.control = home.file("socket");
  std::string out;
  const auto done = ctl::explain_source(request, [&](std::string_view text) { out += text; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ENOENT);
  EXPECT_EQ(out, "");
}

TEST(CtlExplain, TakesOneAddress) {
  EXPECT_EQ(parse({"explain", "2001:db8::1"})->source, parse_address("2001:db8::1").value());
  EXPECT_FALSE(parse({"explain"}));
  EXPECT_FALSE(parse({"explain", "192.0.2.0/24"}));
}

}  // namespace
}  // namespace scanlogd::test
