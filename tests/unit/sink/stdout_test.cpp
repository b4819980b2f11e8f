// Standard output as a sink, with a pipe in its place.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include "core/eve.h"
#include "core/unique_fd.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

/// Puts a pipe in the place of a standard descriptor until it goes.
class Redirected {
 public:
  explicit Redirected(int standard) : standard_(standard), saved_(::dup(standard)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reader_.reset(ends[0]);
    EXPECT_GE(::dup2(ends[1], standard), 0);
    (void)::close(ends[1]);
  }
  ~Redirected() { (void)::dup2(saved_.get(), standard_); }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

  std::string read() {
    std::string text(1 << 20, '\0');
    const ssize_t size = ::read(reader_.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
  void hang_up() { reader_.reset(); }

 private:
  int standard_;
  UniqueFd saved_;
  UniqueFd reader_;
};

class StdoutSink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }
};

TEST_F(StdoutSink, WritesOneLineAScan) {
  auto sink = open_sink("stdout");
  ASSERT_TRUE(sink);
  std::string text;
  {
    Redirected out(STDOUT_FILENO);
    EXPECT_TRUE((*sink)->write(some_scan(1), {}));
    EXPECT_TRUE((*sink)->write(some_scan(2), {}));
    text = out.read();
  }
  EXPECT_EQ(text, some_line(1) + "\n" + some_line(2) + "\n");
  EXPECT_EQ((*sink)->stats().delivered, 2U);
}

TEST_F(StdoutSink, AScanThatIsHeldBackIsNoMessageForALogOfLines) {
  auto sink = open_sink("stdout");
  ASSERT_TRUE(sink);
  Scan scan = some_scan();
  EXPECT_TRUE((*sink)->takes(scan));
  for (const Announce announce : {Announce::held_back, Announce::digest}) {
    scan.announce = announce;
    EXPECT_FALSE((*sink)->takes(scan));
    Section options;
    options.set("format", "json", "test");
    EXPECT_TRUE(open_sink("stdout", options).value()->takes(scan));
  }
}

TEST_F(StdoutSink, ALineAboutSeveralScansIsALine) {
  auto sink = open_sink("stdout");
  ASSERT_TRUE(sink);
  std::string text;
  {
    Redirected out(STDOUT_FILENO);
    EXPECT_TRUE((*sink)->write(make_notice(Severity::alert, {}, "Held back: 3 scans"), {}));
    text = out.read();
  }
  EXPECT_EQ(text, "Held back: 3 scans\n");
}

TEST_F(StdoutSink, NoticesGoToStandardErrorOnly) {
  auto sink = open_sink("stdout");
  ASSERT_TRUE(sink);
  std::string out_text;
  std::string err_text;
  {
    Redirected out(STDOUT_FILENO);
    Redirected err(STDERR_FILENO);
    EXPECT_TRUE((*sink)->write(make_notice(Severity::info, {}, "seen 1"), {}));
    out_text = out.read();
    err_text = err.read();
  }
  EXPECT_EQ(out_text, "");
  EXPECT_EQ(err_text, "scanlogd: seen 1\n");
}

TEST_F(StdoutSink, AReaderThatDoesNotReadLosesNothingUntilTheSpoolIsFullAndThenACountedRest) {
  auto sink = open_sink("stdout");
  ASSERT_TRUE(sink);
  constexpr std::uint64_t kScans = 5000;
  std::string text;
  SinkStats full;
  {
    Redirected out(STDOUT_FILENO);
    for (std::uint64_t id = 1; id <= kScans; ++id) EXPECT_TRUE((*sink)->write(some_scan(id), {}));
    full = (*sink)->stats();
    while (true) {
      const std::string part = out.read();
      (*sink)->flush(Flush::waiting);
      if (part.empty() && (*sink)->stats().waiting == 0) break;
      text += part;
    }
  }
  EXPECT_GT(full.waiting, 500U);
  EXPECT_GT(full.lost, 0U);
  EXPECT_EQ(full.written, kScans);
  EXPECT_EQ(full.written, full.delivered + full.waiting + full.lost);
  const SinkStats end = (*sink)->stats();
  EXPECT_EQ(end.delivered, kScans - end.lost);
  EXPECT_EQ(static_cast<std::uint64_t>(std::ranges::count(text, '\n')), end.delivered);
  EXPECT_TRUE(text.starts_with(some_line(1) + "\n" + some_line(2) + "\n"));
}

TEST_F(StdoutSink, AFileRunFailsWhenItsReaderIsGone) {
  Section options;
  options.set("wait", "true", "test");
  auto sink = open_sink("stdout", options);
  ASSERT_TRUE(sink);
  (void)std::signal(SIGPIPE, SIG_IGN);
  std::string what;
  {
    Redirected out(STDOUT_FILENO);
    out.hang_up();
    const auto written = (*sink)->write(some_scan(), {});
    if (!written) what = written.error().what;
  }
  EXPECT_EQ(what, "write(standard output): Broken pipe");
  EXPECT_EQ((*sink)->stats().lost, 1U);
}

TEST_F(StdoutSink, AsJsonItTellsOfEveryScan) {
  Section options;
  options.set("format", "json", "test");
  auto sink = open_sink("stdout", options);
  ASSERT_TRUE(sink);
  Scan scan = some_scan();
  scan.announce = Announce::held_back;
  std::string text;
  {
    Redirected out(STDOUT_FILENO);
    EXPECT_TRUE((*sink)->write(scan, {}));
    text = out.read();
  }
  std::string event;
  append_eve(event, scan, {});
  EXPECT_EQ(text, event + "\n");
}

TEST_F(StdoutSink, RefusesUnknownFormats) {
  Section options;
  options.set("format", "xml", "--output");
  EXPECT_EQ(open_sink("stdout", options).error().what, "--output: 'xml' must be lines or json");
}

TEST_F(StdoutSink, RefusesUnknownOptions) {
  Section options;
  options.set("colour", "yes", "test");
  EXPECT_FALSE(open_sink("stdout", options));
}

}  // namespace
}  // namespace scanlogd::test
