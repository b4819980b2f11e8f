// A file that is there as a whole or not at all.
#include "ctl/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using ctl::OutputFile;

class OutputFileTest : public ::testing::Test {
 protected:
  std::string content() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t files() const {
    const std::filesystem::directory_iterator all(home_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  TemporaryDirectory home_;
  std::string path_ = home_.file("report.html");
};

TEST_F(OutputFileTest, IsThereOnceItIsFinished) {
  auto file = OutputFile::open(path_);
  ASSERT_TRUE(file) << file.error().what;
  file->write("one ");
  EXPECT_FALSE(std::filesystem::exists(path_));
  file->write("two");
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(content(), "one two");
  EXPECT_EQ(files(), 1U);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137, 0U) << "others may not read it";
}

TEST_F(OutputFileTest, LeavesNothingWhereItIsNotFinished) {
  std::ofstream(path_) << "before";
  {
    auto file = OutputFile::open(path_);
    ASSERT_TRUE(file);
    file->write(std::string(1 << 20, 'x'));
  }
  EXPECT_EQ(content(), "before");
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, ReplacesALinkRatherThanWhatItLeadsTo) {
  const std::string other = home_.file("other");
  std::ofstream(other) << "other";
  std::filesystem::create_symlink(other, path_);
  auto file = OutputFile::open(path_);
  ASSERT_TRUE(file);
  file->write("report");
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(content(), "report");
  EXPECT_FALSE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(std::filesystem::file_size(other), 5U);
}

TEST_F(OutputFileTest, WritesDirectlyToADevice) {
  auto file = OutputFile::open("/dev/null");
  ASSERT_TRUE(file);
  file->write("x");
  EXPECT_TRUE(file->finish());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, AFullDiskIsAnError) {
  auto file = OutputFile::open("/dev/full");
  ASSERT_TRUE(file);
  file->write("x");
  const auto done = file->finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "write(/dev/full): No space left on device");
}

TEST_F(OutputFileTest, ADirectoryThatIsNotThereIsAnError) {
  const auto file = OutputFile::open(home_.file("none/report.html"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ENOENT);
}

}  // namespace
}  // namespace scanlogd::test
