// The state directory stays open whatever becomes of its name.
#include "record/state_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

TEST(StateDirectory, IsReachedByItsDescriptor) {
  const TemporaryDirectory home;
  const std::string path = home.file("state");
  std::filesystem::create_directory(path);
  const auto directory = StateDirectory::open(path);
  ASSERT_TRUE(directory) << directory.error().what;
  EXPECT_EQ(directory->path(), path);
  std::filesystem::rename(path, home.file("elsewhere"));
  const UniqueFd made(::openat(directory->fd(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_TRUE(made);
  EXPECT_TRUE(std::filesystem::exists(home.file("elsewhere/file")));
}

TEST(StateDirectory, WhatIsNotThereOrNoDirectoryIsAnError) {
  const TemporaryDirectory home;
  const auto missing = StateDirectory::open(home.file("state"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_EQ(missing.error().what, "open(" + home.file("state") + "): No such file or directory");
  const UniqueFd file(::open(home.file("file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const auto wrong = StateDirectory::open(home.file("file"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ENOTDIR);
}

}  // namespace
}  // namespace scanlogd::test
