// See footprint.h. madvise(2), dl_iterate_phdr(3), malloc_trim(3), elf(5).
#include "daemon/footprint.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace scanlogd {
namespace {

/// May pages be read from the file again? Not where the loader writes into the code.
bool is_as_in_file(std::span<const ElfW(Phdr)> headers, ElfW(Addr) base) noexcept {
  for (const ElfW(Phdr) & header : headers) {
    if (header.p_type != PT_DYNAMIC) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the loader tells where it is.
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(base + header.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return false;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return false;
    }
  }
  return true;
}

/// What is to be given back. All is looked for before anything is given back, because to look
/// brings pages in.
struct Ranges {
  struct Range {
    void* begin;
    std::size_t size;
  };
  std::array<Range, 256> list;  ///< of some 25 libraries two each; what is beyond stays
  std::size_t count = 0;
};

int collect(dl_phdr_info* object, std::size_t /*size*/, void* ranges_pointer) noexcept {
  Ranges& ranges = *static_cast<Ranges*>(ranges_pointer);
  const std::span headers(object->dlpi_phdr, object->dlpi_phnum);
  // The kernel's own code has no file.
  const bool is_kernels = object->dlpi_addr == ::getauxval(AT_SYSINFO_EHDR);
  if (is_kernels || !is_as_in_file(headers, object->dlpi_addr)) return 0;
  const auto page = static_cast<std::uintptr_t>(::getpagesize());
  for (const ElfW(Phdr) & header : headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0) continue;
    // A page at the end that is shared with the next segment, which may be written to, is left.
    const std::uintptr_t begin = (object->dlpi_addr + header.p_vaddr) / page * page;
    const std::uintptr_t end = (object->dlpi_addr + header.p_vaddr + header.p_memsz) / page * page;
    if (end <= begin || ranges.count == ranges.list.size()) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    ranges.list[ranges.count++] = {reinterpret_cast<void*>(begin), end - begin};
  }
  return 0;
}

}  // namespace

void shed_start() noexcept {
  (void)::malloc_trim(0);  // whether there was something does not matter
  Ranges ranges;
  (void)::dl_iterate_phdr(collect, &ranges);
  for (const auto& [begin, size] : std::span(ranges.list).first(ranges.count)) {
    (void)::madvise(begin, size, MADV_DONTNEED);  // or it stays
  }
}

}  // namespace scanlogd
