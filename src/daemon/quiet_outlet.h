// The end of the way for those who judge packets of files and report nothing as they go.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/analysis.h"
#include "daemon/pipeline.h"

namespace scanlogd {

/// Takes the place of the pipeline: no scan is told, nothing waits, nobody else is there. What is
/// left to do is to judge.
class QuietOutlet : public Outlet {
 public:
  [[nodiscard]] bool has_open_scans() const noexcept override { return false; }
  void settle() override {}
  /// A file does not know.
  void ask_senders(const Captures& /*captures*/) noexcept override {}
  /// Kept for `notices`.
  void notify(Severity /*severity*/, std::string_view text) override {
    notices_.emplace_back(text);
  }
  /// For `accounts`.
  void report_accounts(const Captures& captures) override {
    accounts_ = packets_to_string(analysis_.accounts(captures), analysis_.names());
  }
  /// Those of the analysis and the captures.
  [[nodiscard]] EngineAccounts count(const Captures& captures) const override {
    return analysis_.accounts(captures);
  }
  /// Asks the detectors.
  [[nodiscard]] SourceExplanation explain(const Address& source) override {
    return analysis_.explain(source);
  }
  /// Nobody asks for that.
  void adopt(const EngineSettings& /*settings*/) override {}
  /// There is no other side.
  [[nodiscard]] int fd() const noexcept override { return -1; }
  [[nodiscard]] Heard listen() override { return Heard::something; }
  /// Nothing waits.
  void flush(Flush /*how*/) override {}
  [[nodiscard]] bool waiting() const noexcept override { return false; }
  /// Leaves the accounts.
  void end(const Captures& captures) override { report_accounts(captures); }

  /// What became of all packets, after the end.
  [[nodiscard]] const std::string& accounts() const noexcept { return accounts_; }
  /// What there is to know besides, such as a file that breaks off.
  [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }

 protected:
  /// `analysis` is the one that counts the packets.
  explicit QuietOutlet(Analysis analysis) : analysis_(std::move(analysis)) {}

  [[nodiscard]] Analysis& analysis() noexcept { return analysis_; }

 private:
  Analysis analysis_;
  std::vector<std::string> notices_;
  std::string accounts_;
};

}  // namespace scanlogd
