// Databases of the Location project by libloc (libloc(3); 0.9.16), such as Debian's package
// libloc-database. It maps the file, and trusts it: what could lead it astray is looked for before
// (location_file.h), and what it has to say about a file does not reach the terminal. Whoever cuts
// the file while it is in use ends the process.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "core/unique_fd.h"
#include "ctl/location_file.h"
#include "ctl/locator.h"

extern "C" {
#include <libloc/as.h>
#include <libloc/country.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
}

namespace scanlogd {
namespace {

struct Release {
  void operator()(loc_ctx* context) const noexcept { (void)loc_unref(context); }
  void operator()(loc_database* database) const noexcept { (void)loc_database_unref(database); }
  void operator()(loc_network* network) const noexcept { (void)loc_network_unref(network); }
  void operator()(loc_country* country) const noexcept { (void)loc_country_unref(country); }
  void operator()(loc_as* system) const noexcept { (void)loc_as_unref(system); }
  void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }  // was only read
};
template <class Object>
using Owned = std::unique_ptr<Object, Release>;

/// libloc's way to return one: status by value, object by pointer. Null unless the status is 0.
template <class Object, class Get>
Owned<Object> get(Get function) {
  Object* object = nullptr;
  return Owned<Object>(function(&object) == 0 ? object : nullptr);
}

std::string_view view(const char* text) noexcept { return text == nullptr ? "" : text; }

/// libloc looks at one bit more than an address has where a network is a single one.
struct LookedUp {
  in6_addr address;
  std::uint64_t behind;
};

/// As libloc knows it: of IPv4 the IPv6 address that stands for it (RFC 4291 2.5.5.2).
LookedUp to_libloc(const Address& address) noexcept {
  LookedUp out{};
  if (address.family == Family::ipv6) {
    std::ranges::copy(address.bytes, out.address.s6_addr);
    return out;
  }
  constexpr std::size_t kMarked = 10;
  constexpr std::size_t kMapped = 12;
  std::fill(out.address.s6_addr + kMarked, out.address.s6_addr + kMapped, 0xff);
  std::copy_n(address.bytes.begin(), sizeof(in6_addr) - kMapped, out.address.s6_addr + kMapped);
  return out;
}

class LiblocDatabase final : public Locator {
 public:
  LiblocDatabase(Owned<loc_ctx> context, Owned<loc_database> database) noexcept
      : context_(std::move(context)), database_(std::move(database)) {}

  [[nodiscard]] Location locate(const Address& address) const override {
    const LookedUp wanted = to_libloc(address);
    const auto network = get<loc_network>([&](loc_network** found) {
      return loc_database_lookup(database_.get(), &wanted.address, found);
    });
    if (!network) return {};
    return {.country = country_code(view(loc_network_get_country_code(network.get()))),
            .as_number = loc_network_get_asn(network.get())};
  }
  [[nodiscard]] std::string country_name(const CountryCode& code) const override {
    const std::string wanted(code.begin(), code.end());
    const auto country = get<loc_country>([&](loc_country** found) {
      return loc_database_get_country(database_.get(), found, wanted.c_str());
    });
    return country ? plain_text(view(loc_country_get_name(country.get()))) : "";
  }
  [[nodiscard]] std::string as_name(std::uint32_t number) const override {
    const auto system = get<loc_as>(
        [&](loc_as** found) { return loc_database_get_as(database_.get(), found, number); });
    return system ? plain_text(view(loc_as_get_name(system.get()))) : "";
  }
  [[nodiscard]] std::chrono::system_clock::time_point made_at() const override {
    return std::chrono::system_clock::from_time_t(loc_database_created_at(database_.get()));
  }

 private:
  Owned<loc_ctx> context_;
  Owned<loc_database> database_;
};

Result<void> judge(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("stat", path, errno);
  if (!S_ISREG(status.st_mode)) return fail("open(" + path + "): is no regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return fail("open(" + path + "): is empty");
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) return fail_errno("mmap", path, errno);
  const std::string_view damage = find_damage({static_cast<const std::byte*>(memory), size});
  (void)::munmap(memory, size);  // cannot fail
  if (!damage.empty()) return fail("open(" + path + "): " + std::string(damage));
  return {};
}

void say_nothing(loc_ctx* /*context*/, int /*priority*/, const char* /*file*/, int /*line*/,
                 const char* /*function*/, const char* /*format*/, va_list /*arguments*/) {}

Result<std::unique_ptr<Locator>> open(const std::string& path) {
  // Without waiting for somebody at the other end of a pipe.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return fail_errno("open", path, errno);
  if (const auto sound = judge(fd.get(), path); !sound) return std::unexpected(sound.error());
  const Owned<std::FILE> file(::fdopen(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), "r"));
  if (!file) return fail_errno("fdopen", path, errno);
  auto context = get<loc_ctx>([](loc_ctx** made) { return loc_new(made); });
  if (!context) return fail("open(" + path + "): libloc does not start");
  loc_set_log_fn(context.get(), say_nothing);
  auto database = get<loc_database>(
      [&](loc_database** made) { return loc_database_new(context.get(), made, file.get()); });
  if (!database) return fail("open(" + path + "): libloc does not take it");
  return std::make_unique<LiblocDatabase>(std::move(context), std::move(database));
}

}  // namespace

extern const LocatorPlugin libloc_locator{.name = "libloc", .open = open};

}  // namespace scanlogd
