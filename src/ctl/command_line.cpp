// See command_line.h. CLI11 does the parsing; values are judged here, so that every complaint names
// its option.
#include "ctl/command_line.h"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "core/age.h"
#include "core/scan_names.h"

namespace scanlogd::ctl {
namespace {

using std::chrono::system_clock;

/// Where Debian's libloc-database has it, and where the others and `location update` put it.
constexpr std::array<const char*, 2> kLocations = {"/usr/share/libloc-location/location.db",
                                                   "/var/lib/location/database.db"};

/// Options as text, and the subcommands that were declared.
struct Given {
  std::string since;
  std::string until;
  std::string source;
  std::string port;
  std::string kind;
  std::string technique;
  std::string tool;
  std::string verdict;
  std::string min_ports;
  std::string limit;
  std::string what;
  std::string output = "text";
  std::string file;
  std::string locations;
};

std::unexpected<Error> complain(std::string_view option, const std::string& value,
                                std::string_view expected) {
  return fail(std::string(option) + ": '" + value + "' " + std::string(expected));
}

Result<std::uint64_t> parse_number(std::string_view option, const std::string& value,
                                   std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) {
    return complain(
        option, value,
        "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

/// Sets `out` to the value of that name.
template <class Value>
Result<void> parse_name(std::string_view option, const std::string& text,
                        std::optional<Value>& out) {
  if (text.empty()) return {};
  out = value_of<Value>(text);
  if (out) return {};
  std::string known;
  for (int each = 0; !name_of(static_cast<Value>(each)).empty(); ++each) {
    known.append(known.empty() ? "" : ", ").append(name_of(static_cast<Value>(each)));
  }
  return complain(option, text, "must be one of " + known);
}

Result<void> parse_times(const Given& given, system_clock::time_point now, ScanFilter& filter) {
  if (!given.since.empty()) {
    const auto age = parse_age("--since", given.since);
    if (!age) return std::unexpected(age.error());
    filter.since = now - *age;
  }
  if (!given.until.empty()) {
    const auto age = parse_age("--until", given.until);
    if (!age) return std::unexpected(age.error());
    filter.until = now - *age;
  }
  return {};
}

Result<void> parse_filter(const Given& given, ScanFilter& filter) {
  if (!given.source.empty()) {
    const auto network = parse_network(given.source);
    if (!network) return fail("--source: " + network.error().what);
    filter.source = *network;
  }
  if (!given.port.empty()) {
    const auto port = parse_number("--port", given.port, 0, 65535);
    if (!port) return std::unexpected(port.error());
    filter.port = static_cast<Port>(*port);
  }
  if (!given.min_ports.empty()) {
    const auto ports = parse_number("--min-ports", given.min_ports, 1, 65536);
    if (!ports) return std::unexpected(ports.error());
    filter.min_ports = *ports;
  }
  if (auto done = parse_name("--kind", given.kind, filter.kind); !done) return done;
  if (auto done = parse_name("--technique", given.technique, filter.technique); !done) return done;
  if (auto done = parse_name("--tool", given.tool, filter.tool); !done) return done;
  return parse_name("--verdict", given.verdict, filter.verdict);
}

Result<void> parse_what(const Given& given, Request& request) {
  if (request.command == Command::show) {
    const auto id = parse_number("ID", given.what, 1, ~std::uint64_t{0} >> 1);
    if (!id) return std::unexpected(id.error());
    request.id = *id;
  }
  if (request.command == Command::explain) {
    const auto source = parse_address(given.what);
    if (!source) return fail("explain: " + source.error().what);
    request.source = *source;
  }
  if (request.command == Command::selftest && !given.source.empty()) {
    const auto source = parse_address(given.source);
    if (!source) return fail("--source: " + source.error().what);
    request.source = *source;
  }
  if (request.command == Command::top) {
    struct Word {
      std::string_view text;
      TopBy by;
    };
    constexpr std::array<Word, 6> kWords = {{{"sources", TopBy::source},
                                             {"ports", TopBy::port},
                                             {"targets", TopBy::target},
                                             {"networks", TopBy::network},
                                             {"techniques", TopBy::technique},
                                             {"tools", TopBy::tool}}};
    if (given.what == "countries") {
      request.by_country = true;
      return {};
    }
    for (const Word& word : kWords) {
      if (given.what != word.text) continue;
      request.by = word.by;
      return {};
    }
    return complain("top", given.what,
                    "must be sources, ports, targets, networks, countries, techniques or tools");
  }
  if (request.command == Command::export_scans) {
    if (given.what == "csv") {
      request.format = ExportFormat::csv;
    } else if (given.what == "json") {
      request.format = ExportFormat::json;
    } else if (given.what == "nft") {
      request.format = ExportFormat::nft;
    } else {
      return complain("export", given.what, "must be csv, json or nft");
    }
  }
  return {};
}

Result<Request> judge(const Given& given, Request request, system_clock::time_point now) {
  if (given.output != "text" && given.output != "json") {
    return complain("--output", given.output, "must be text or json");
  }
  request.json = given.output == "json";
  if (auto done = parse_times(given, now, request.filter); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = parse_filter(given, request.filter); !done) return std::unexpected(done.error());
  if (!given.limit.empty()) {
    constexpr std::uint64_t kMost = 10'000'000;
    const auto limit = parse_number("--limit", given.limit, 1, kMost);
    if (!limit) return std::unexpected(limit.error());
    request.limit = static_cast<std::size_t>(*limit);
  }
  if (request.command == Command::report) {
    if (request.json) return fail("report: is HTML, and no JSON");
    constexpr std::size_t kMostDrawn = 200;
    if (request.limit > kMostDrawn) {
      return complain("--limit", given.limit, "must be a number from 1 to 200");
    }
    if (given.file != "-") request.file = given.file;
  }
  if (!given.locations.empty()) {
    request.locations = {given.locations};
    request.locations_given = true;
  }
  if (auto done = parse_what(given, request); !done) return std::unexpected(done.error());
  return request;
}

void add_since(CLI::App& app, Given& given) {
  app.add_option("--since", given.since, "Found at most so long ago: 90s, 30m, 12h, 1d, 2w")
      ->type_name("AGE");
}

void add_filter(CLI::App& app, Given& given) {
  add_since(app, given);
  app.add_option("--until", given.until, "Found at least so long ago")->type_name("AGE");
  app.add_option("--source", given.source, "From this address or network")->type_name("NET");
  app.add_option("--port", given.port, "Asked for this port")->type_name("PORT");
  app.add_option("--min-ports", given.min_ports, "Asked for at least so many ports")
      ->type_name("N");
  app.add_option("--kind", given.kind, "vertical, horizontal, block, distributed, decoys, ...")
      ->type_name("KIND");
  app.add_option("--technique", given.technique, "syn, connect, fin, xmas, udp, ...")
      ->type_name("NAME");
  app.add_option("--tool", given.tool, "nmap, masscan, zmap, ...")->type_name("NAME");
  app.add_option("--verdict", given.verdict,
                 "Of the source address: proven, answered, unverified, suspect, impossible")
      ->type_name("NAME");
}

void add_locations(CLI::App& app, Given& given) {
  app.add_option("--locations", given.locations,
                 "Database of networks and countries (libloc's, where the system has it)")
      ->type_name("FILE");
}

void add_limit(CLI::App& app, Given& given, const std::string& description) {
  app.add_option("-n,--limit", given.limit, description)->type_name("N");
}

/// One subcommand of the table below, once it is declared.
struct Declared {
  Command command;
  const CLI::App* app;
};

}  // namespace

Result<Request> parse_command_line(int argc, const char* const* argv,
                                   system_clock::time_point now) {
  Given given;
  Request request;
  request.state = SCANLOGD_STATE;
  request.control = SCANLOGD_CONTROL;
  request.locations.assign(kLocations.begin(), kLocations.end());
  request.now = now;
  bool version = false;

  CLI::App app{
      "Shows what scanlogd has on record; see scanlogctl(8).\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no such scan, 4 no store, 5 unusable "
      "store,\n"
      "6 daemon unwell or test failed, 7 no daemon.",
      "scanlogctl"};
  app.fallthrough();
  const CLI::Option* const state =
      app.add_option("--state", request.state, "Directory of the store; asks no daemon for status")
          ->type_name("DIR")
          ->capture_default_str();
  const CLI::Option* const control =
      app.add_option("--control", request.control, "Socket of the daemon")
          ->type_name("PATH")
          ->capture_default_str();
  app.add_option("-o,--output", given.output, "text or json: one JSON value a line")
      ->type_name("FORM")
      ->capture_default_str();
  app.add_flag("--version", version, "Print the version and exit");

  const auto add = [&app](const char* name, const char* description) {
    return app.add_subcommand(name, description);
  };
  CLI::App* const status = add("status", "How the daemon fares, what is on record");
  CLI::App* const list = add("list", "Scans, the newest first");
  add_filter(*list, given);
  add_limit(*list, given, "At most so many (20)");
  list->add_flag("--going-on", request.filter.goes_on, "That have not ended");
  CLI::App* const show = add("show", "All about one scan");
  show->add_option("ID", given.what, "Its number, as list shows it")->required();
  add_locations(*show, given);
  CLI::App* const top = add("top", "The most frequent");
  top->add_option("WHAT", given.what,
                  "sources, ports, targets, networks, countries, techniques, tools")
      ->required();
  add_since(*top, given);
  add_locations(*top, given);
  add_limit(*top, given, "At most so many (10)");
  CLI::App* const tail = add("tail", "The latest events, the oldest of them first");
  tail->add_flag("-f,--follow", request.follow, "Go on with those that come");
  add_limit(*tail, given, "Begin with so many (10)");
  CLI::App* const exported = add("export", "Scans for other programs");
  exported->add_option("FORMAT", given.what, "csv, json, or nft: a set of proven sources")
      ->required();
  add_filter(*exported, given);
  add_limit(*exported, given, "At most so many (all)");

  CLI::App* const report = add("report", "A page of HTML about a period");
  add_since(*report, given);
  add_locations(*report, given);
  add_limit(*report, given, "Draw at most so many scans (12), up to 200");
  report->add_option("-o,--output", given.file, "File to write (standard output)")
      ->type_name("FILE");

  CLI::App* const reload = add("reload", "Make the daemon read its configuration again");
  CLI::App* const explain = add("explain", "Why a source did or did not alarm");
  explain->add_option("SOURCE", given.what, "Its address")->required();

  CLI::App* const selftest =
      add("selftest", "Send a scan through everything, and see how far it comes");
  selftest
      ->add_option("--interface", request.interface, "Into this one (the first that is watched)")
      ->type_name("NAME");
  selftest->add_option("--source", given.source, "As if from here (an address for documentation)")
      ->type_name("ADDRESS");

  CLI::App* const live = add("live", "The scans as they come, on the whole terminal");
  add_filter(*live, given);

  const std::array declared = {
      Declared{Command::status, status},     Declared{Command::list, list},
      Declared{Command::show, show},         Declared{Command::top, top},
      Declared{Command::tail, tail},         Declared{Command::export_scans, exported},
      Declared{Command::reload, reload},     Declared{Command::explain, explain},
      Declared{Command::selftest, selftest}, Declared{Command::live, live},
      Declared{Command::report, report}};
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    // The help of the subcommand that was named, if one was.
    const auto named = app.get_subcommands();
    request.text = named.empty() ? app.help() : named.front()->help();
    return request;
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; try scanlogctl --help");
  }
  if (version) {
    request.text = "scanlogctl " SCANLOGD_VERSION "\n";
    return request;
  }
  request.state_given = state->count() > 0;
  request.control_given = control->count() > 0;
  for (const Declared& each : declared) {
    if (each.app->parsed()) request.command = each.command;
  }
  if (request.command == Command::print) {
    return fail("a subcommand is missing; try scanlogctl --help");
  }
  return judge(given, std::move(request), now);
}

}  // namespace scanlogd::ctl
