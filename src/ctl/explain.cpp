// `scanlogctl explain SOURCE`: what the running daemon makes of a source.
#include <string>

#include "core/json_writer.h"
#include "ctl/client.h"
#include "ctl/daemon_status.h"
#include "ctl/subcommands.h"

namespace scanlogd::ctl {

Result<void> explain_source(const Request& request, const Emit& emit) {
  const auto answer =
      ask_daemon(request.control, {.verb = ControlVerb::explain, .source = request.source});
  if (!answer) return std::unexpected(answer.error());
  std::string text;
  if (request.json) {
    JsonWriter json(text);
    json.open_object();
    for (const std::string_view name : {"source", "known", "ignored", "scanning", "why"}) {
      json.member(name, answer->find(name).value_or("unknown"));
    }
    json.member("engines_silent", answer->number("engines.silent"));
    json.open_object("not_judged");
    for (const ExcludedCount& each : excluded_of_source(*answer)) {
      json.member(each.list, each.packets);
    }
    json.close_object();
    json.open_array("lines");
    for (const std::string_view line : answer->find_all("line")) json.value(line);
    json.close_array();
    json.close_object();
    emit(text += '\n');
    return {};
  }
  for (const std::string_view line : answer->find_all("line")) text.append(line).append("\n");
  if (answer->number("engines.silent") > 0) text += "not every engine has answered\n";
  emit(text);
  return {};
}

}  // namespace scanlogd::ctl
