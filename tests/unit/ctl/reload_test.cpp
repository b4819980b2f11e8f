// `scanlogctl reload`; with a daemon in tests/live/test_control.py.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "ctl/subcommands.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

TEST(CtlReload, WithoutADaemonItFailsAndPrintsNothing) {
  const TemporaryDirectory home;
  ctl::Request request;
  request.control = home.file("socket");
  std::string out;
  const auto done = ctl::reload_daemon(request, [&](std::string_view text) { out += text; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ENOENT);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace scanlogd::test
