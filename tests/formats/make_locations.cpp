// Makes a database of networks for the report in a browser: make_locations FILE. The sources of its
// scans are in two countries; one of the names is such as nobody should print.
#include "support/location_database.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const bool written = scanlogd::test::LocationDatabase()
                           .network("203.0.113.0/24", "DE", 64500)
                           .network("203.0.113.7/32", "FR", 0)
                           .country("DE", "<b>Germany</b> & \x1b[31m")
                           .country("FR", "France")
                           .system(64500, "Example Net")
                           .write(argv[1]);
  return written ? 0 : 1;
}
