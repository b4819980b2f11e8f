// See verdict.h.
#include "detect/verdict.h"

#include "detect/technique.h"

namespace scanlogd {

Verdict verdict_of(const ContactSource& source, const FirstContacts* first) noexcept {
  // Raw scanners choose any TTL; the packets of a system take much the same way.
  constexpr std::uint8_t kMostSpread = 3;
  if ((source.flags & source_flag::proven) != 0) return Verdict::proven;
  if ((source.flags & (source_flag::decoy | source_flag::suspect)) != 0) return Verdict::suspect;
  const bool is_crafted = (source.flags & source_flag::crafted) != 0;
  const bool is_ours =
      first != nullptr && first->protocol == IpProto::tcp && (first->flags_or & tcp_flag::syn) != 0;
  if (!is_crafted && is_ours && first->ttl_spread > kMostSpread) return Verdict::suspect;
  if ((source.flags & source_flag::answered) != 0) return Verdict::answered;
  return Verdict::unverified;
}

bool is_ftp_bounce(const FirstContacts& first) noexcept {
  constexpr Port kFtpData = 20;
  return first.protocol == IpProto::tcp && first.source_port == kFtpData &&
         (first.varies & varies::source_port) == 0 &&
         first.techniques == technique_bit(Technique::syn_or_connect);
}

}  // namespace scanlogd
