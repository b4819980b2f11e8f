// See pipeline.h.
#include "daemon/pipeline.h"

#include <utility>

namespace scanlogd {

Pipeline::Pipeline(Analysis analysis, Reporter& reporter) noexcept
    : analysis_(std::move(analysis)), reporter_(reporter) {}

void Pipeline::process(PacketBatch& batch) {
  analysis_.process(batch, [&](const auto& found) { pass_on(found, batch.wall_minus_monotonic); });
}

void Pipeline::advance(std::chrono::nanoseconds now,
                       std::chrono::nanoseconds wall_minus_monotonic) {
  analysis_.advance(now, [&](const auto& found) { pass_on(found, wall_minus_monotonic); });
  if (now == Detector::kEndOfTime) reporter_.finish();
}

bool Pipeline::has_open_scans() const noexcept { return analysis_.has_open_scans(); }

void Pipeline::settle() { reporter_.settle(); }

void Pipeline::notify(Severity severity, std::string_view text) {
  reporter_.notify(severity, text);
}

void Pipeline::report_accounts(const Captures& captures) {
  notify(Severity::info, accounts(captures));
}

EngineAccounts Pipeline::count(const Captures& captures) const {
  return analysis_.accounts(captures);
}

SourceExplanation Pipeline::explain(const Address& source) { return analysis_.explain(source); }

void Pipeline::adopt(const EngineSettings& settings) {
  if (auto done = analysis_.adopt(settings); !done) notify(Severity::warning, done.error().what);
}

void Pipeline::flush(Flush how) { reporter_.flush(how); }

bool Pipeline::waiting() const noexcept { return reporter_.waiting(); }

void Pipeline::end(const Captures& captures) {
  // What was found at the very end is to be in the accounts as written.
  flush(Flush::waiting);
  report_accounts(captures);
  flush(Flush::waiting);
}

Result<void> Pipeline::failure() const { return reporter_.failure(); }

std::string Pipeline::accounts(const Captures& captures) const {
  return to_string(analysis_.accounts(captures), analysis_.names(), reporter_.book(),
                   reporter_.sinks(), reporter_.store(), Recorded::here);
}

}  // namespace scanlogd
