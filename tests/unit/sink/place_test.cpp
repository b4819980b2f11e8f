// Files and sockets by their directory.
#include "sink/place.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "support/temporary_directory.h"

namespace scanlogd {
namespace {

class PlaceOf : public ::testing::Test {
 protected:
  std::string in(const std::string& name) const { return directory_.file(name); }

  test::TemporaryDirectory directory_;
};

TEST_F(PlaceOf, AppendsToTheFileThereOrMakesIt) {
  const auto place = Place::open(in("log"));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->path(), in("log"));
  for (int i = 0; i < 2; ++i) {
    const auto file = place->append(0600);
    ASSERT_TRUE(file);
    EXPECT_EQ(::write(file->get(), "x", 1), 1);
  }
  struct stat status {};
  ASSERT_EQ(::stat(in("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 2);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(PlaceOf, FollowsTheDirectoryAndNotItsName) {
  const auto place = Place::open(in("log"));
  ASSERT_TRUE(place);
  const std::string moved = directory_.path() + "-moved";
  std::filesystem::rename(directory_.path(), moved);
  EXPECT_TRUE(place->append(0600));
  EXPECT_TRUE(std::filesystem::exists(moved + "/log"));
  std::filesystem::rename(moved, directory_.path());
}

TEST_F(PlaceOf, EndsALineThatIsCutShort) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""}, {"whole\n", "whole\n"}, {"\n", "\n"}, {"cut", "cut\n"}, {"one\nc", "one\nc\n"}};
  for (const auto& [before, after] : cases) {
    const std::string path = in("log");
    std::ofstream(path, std::ios::trunc) << before;
    const Place place = Place::open(path).value();
    EXPECT_TRUE(place.end_line(place.append(0600).value()));
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), after);
  }
}

TEST_F(PlaceOf, WhereNothingIsKeptThereIsNoLineToEnd) {
  const Place place = Place::open("/dev/null").value();
  EXPECT_TRUE(place.end_line(place.append(0600).value()));
}

TEST_F(PlaceOf, FollowsNoLink) {
  std::ofstream(in("victim")) << "kept";
  std::filesystem::create_symlink(in("victim"), in("log"));
  const auto place = Place::open(in("log"));
  ASSERT_TRUE(place);
  const auto file = place->append(0600);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().what, "open(" + in("log") + "): Too many levels of symbolic links");
}

TEST_F(PlaceOf, RefusesPathsThatAreNone) {
  EXPECT_FALSE(Place::open("relative"));
  EXPECT_FALSE(Place::open(directory_.path() + "/"));
  EXPECT_FALSE(Place::open(""));
  const auto missing = Place::open(in("none/log"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what, "open(" + in("none") + "): No such file or directory");
}

TEST_F(PlaceOf, ConnectingNeedsAListener) {
  const auto place = Place::open(in("socket"));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->connect(SOCK_DGRAM).error().what,
            "connect(" + in("socket") + "): No such file or directory");
}

TEST_F(PlaceOf, ASocketsNameHasItsLongestLength) {
  const auto place = Place::open(in(std::string(108, 'x')));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->connect(SOCK_DGRAM).error().code, ENAMETOOLONG);
}

TEST_F(PlaceOf, WhatRootOpensIsGivenToTheOwnerOfTheDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t kOwner = 65534;
  ASSERT_EQ(::chown(directory_.path().c_str(), kOwner, kOwner), 0);
  const auto place = Place::open(in("log"));
  ASSERT_TRUE(place);
  const auto file = place->append(0600);
  ASSERT_TRUE(file);
  EXPECT_TRUE(place->give(*file));
  struct stat status {};
  ASSERT_EQ(::stat(in("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kOwner);
  EXPECT_EQ(status.st_gid, kOwner);
}

TEST_F(PlaceOf, WhatHasASecondNameIsNotGivenAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  std::ofstream(in("victim")) << "kept";
  ASSERT_EQ(::link(in("victim").c_str(), in("log").c_str()), 0);
  ASSERT_EQ(::chown(directory_.path().c_str(), 65534, 65534), 0);
  const auto place = Place::open(in("log"));
  ASSERT_TRUE(place);
  const auto file = place->append(0600);
  ASSERT_TRUE(file);
  EXPECT_TRUE(place->give(*file));
  struct stat status {};
  ASSERT_EQ(::stat(in("victim").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U);
}

}  // namespace
}  // namespace scanlogd
