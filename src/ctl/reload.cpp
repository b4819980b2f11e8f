// `scanlogctl reload`: the daemon reads its configuration again, and says what comes of it.
#include <string>

#include "core/json_writer.h"
#include "ctl/client.h"
#include "ctl/subcommands.h"

namespace scanlogd::ctl {

Result<void> reload_daemon(const Request& request, const Emit& emit) {
  const auto answer = ask_daemon(request.control, {.verb = ControlVerb::reload});
  if (!answer) return std::unexpected(answer.error());
  const std::string_view done = answer->find("done").value_or("done");
  if (!request.json) {
    emit(std::string(done) += '\n');
    return {};
  }
  std::string text;
  JsonWriter json(text);
  json.open_object();
  json.member("done", done);
  json.close_object();
  emit(text += '\n');
  return {};
}

}  // namespace scanlogd::ctl
