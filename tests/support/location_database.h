// Makes a database of networks with libloc's own writer. Only where scanlogctl is built with
// libloc.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

extern "C" {
#include <libloc/as.h>
#include <libloc/country.h>
#include <libloc/format.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <libloc/writer.h>
}

/// For LeakSanitizer: libloc 0.9.16 keeps countries that its writer was given, and a network whose
/// country it does not take.
extern "C" [[gnu::used]] inline const char* __lsan_default_suppressions() {
  return "leak:libloc.so\n";
}

namespace scanlogd::test {

/// Puts what a test wants to be found into a file; `write` says whether all of it worked.
class LocationDatabase {
 public:
  LocationDatabase() {
    is_good_ = loc_new(&context_) == 0 && loc_writer_new(context_, &writer_, nullptr, nullptr) == 0;
  }
  ~LocationDatabase() {
    if (writer_ != nullptr) (void)loc_writer_unref(writer_);
    if (context_ != nullptr) (void)loc_unref(context_);
  }
  LocationDatabase(const LocationDatabase&) = delete;
  LocationDatabase& operator=(const LocationDatabase&) = delete;

  /// `country` may be null: libloc refuses to be told what is no code.
  LocationDatabase& network(const char* network, const char* country, std::uint32_t as_number) {
    loc_network* made = nullptr;
    if (!is_good_ || !take(loc_writer_add_network(writer_, &made, network))) return *this;
    if (country != nullptr) take(loc_network_set_country_code(made, country));
    take(loc_network_set_asn(made, as_number));
    (void)loc_network_unref(made);
    return *this;
  }
  LocationDatabase& country(const char* code, const char* name) {
    loc_country* made = nullptr;
    if (!is_good_ || !take(loc_writer_add_country(writer_, &made, code))) return *this;
    take(loc_country_set_name(made, name));
    take(loc_country_set_continent_code(made, "EU"));
    (void)loc_country_unref(made);
    return *this;
  }
  LocationDatabase& system(std::uint32_t number, const char* name) {
    loc_as* made = nullptr;
    if (!is_good_ || !take(loc_writer_add_as(writer_, &made, number))) return *this;
    take(loc_as_set_name(made, name));
    (void)loc_as_unref(made);
    return *this;
  }
  /// Writes it all.
  [[nodiscard]] bool write(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "w+");
    if (file == nullptr) return false;
    if (is_good_) take(loc_writer_write(writer_, file, LOC_DATABASE_VERSION_1));
    return std::fclose(file) == 0 && is_good_;
  }

 private:
  bool take(int status) {
    is_good_ = is_good_ && status == 0;
    return status == 0;
  }

  loc_ctx* context_ = nullptr;
  loc_writer* writer_ = nullptr;
  bool is_good_ = false;
};

/// Networks for documentation (RFC 5737, RFC 3849, RFC 5398) in two countries, one of them in two
/// hands; the text is such as nobody should print.
inline bool write_locations(const std::string& path) {
  return LocationDatabase()
      .network("192.0.2.0/24", "DE", 64500)
      .network("192.0.2.128/25", "FR", 64501)
      .network("192.0.2.255/32", nullptr, 0)
      .network("198.51.100.0/24", "CI", 64502)
      .network("2001:db8::/32", "FR", 64501)
      .network("2001:db8::ffff/128", "DE", 64500)
      .country("CI", "C\xc3\xb4te d'Ivoire")
      .country("DE", "Germany")
      .country("FR", "<b>France</b>\x1b[31m\n")
      .system(64500, "Example Net & Sons")
      .system(64501, std::string(500, 'x').c_str())
      .write(path);
}

}  // namespace scanlogd::test
