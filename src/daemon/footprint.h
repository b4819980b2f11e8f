// The memory that a daemon takes while it waits, which is most of its life.
#pragma once

namespace scanlogd {

/// Gives back what only the start has used: pages of programs and libraries, which come back from
/// the page cache when they are used again, and free memory of the heap. Resident memory is then
/// that of the work, not that of reading options. Uses madvise(2) with MADV_DONTNEED, brk(2).
void shed_start() noexcept;

}  // namespace scanlogd
