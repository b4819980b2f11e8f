// From the number of a directory to the unit, in a tree that looks like that of cgroups.
#include "record/units.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

class UnitsTest : public ::testing::Test {
 protected:
  /// Makes a group and returns its number.
  std::uint64_t make(const std::string& path) {
    const std::string whole = home_.file(path);
    std::filesystem::create_directories(whole);
    struct stat status {};
    EXPECT_EQ(::stat(whole.c_str(), &status), 0);
    return status.st_ino;
  }
  [[nodiscard]] Units units() const {
    return Units(UniqueFd(::open(home_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  }

  TemporaryDirectory home_;
};

TEST_F(UnitsTest, AGroupIsNamedByItsInnermostUnit) {
  const auto service = make("system.slice/cron.service");
  const auto below = make("system.slice/docker.service/sub/group");
  const auto of_user = make("user.slice/user-1000.slice/user@1000.service/app.slice/x.service");
  const auto session = make("user.slice/user-1000.slice/session-3.scope");
  const auto other = make("lxc/web");
  const Units known = units();
  EXPECT_EQ(known.name(service), "cron.service");
  EXPECT_EQ(known.name(below), "docker.service");
  EXPECT_EQ(known.name(of_user), "x.service");
  EXPECT_EQ(known.name(session), "session-3.scope");
  EXPECT_EQ(known.name(other), "web");
}

TEST_F(UnitsTest, AGroupThatIsNotThereHasNoName) {
  const auto gone = make("gone.service");
  std::filesystem::remove(home_.file("gone.service"));
  EXPECT_EQ(units().name(gone), "");
  EXPECT_EQ(units().name(0), "");
  EXPECT_EQ(Units().name(1), "");
}

TEST_F(UnitsTest, NamesAreCleaned) {
  const auto evil = make("a b\x1b[31m, end: @00:00:00.service");
  EXPECT_EQ(units().name(evil), "a?b??31m??end:?@00:00:00.service");
}

TEST_F(UnitsTest, LinksAreNotFollowed) {
  (void)make("real.slice");
  std::filesystem::create_directory_symlink("/", home_.file("real.slice/outside.service"));
  struct stat root {};
  ASSERT_EQ(::stat("/etc", &root), 0);
  EXPECT_EQ(units().name(root.st_ino), "");
}

}  // namespace
}  // namespace scanlogd::test
