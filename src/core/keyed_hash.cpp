// The key of keyed_hash.h, from getrandom(2): drawn before the sandbox closes, never stored.
#include "core/keyed_hash.h"

#include <sys/random.h>

#include <cerrno>

namespace scanlogd {

Result<HashKey> random_hash_key() {
  HashKey key;
  ssize_t got = 0;
  do {
    got = getrandom(&key, sizeof key, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno("getrandom", "hash key", errno);
  // The kernel promises requests of up to 256 bytes whole; a short one would leave a weak key.
  if (got != ssize_t{sizeof key}) return fail("getrandom(hash key): short read");
  return key;
}

}  // namespace scanlogd
