#include "app/sendmail.h"

#include <sysexits.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "app/remote.h"
#include "sendmail/program.h"
#include "sendmail/smtp_on_pipes.h"

namespace app {

namespace {

bool is_ours(std::string_view name) { return name == "sendmail" || name == "mailq" || name == "newaliases"; }

/// As far as the configuration can be read: whoever calls sendmail may not be allowed to, and the usual place is where
/// it says then.
Config config_for(const sendmail::Arguments& arguments) {
  const Place place{.config_file = arguments.config_file, .directory = arguments.directory};
  return read_config(place, Sources::of_machine()).config;
}

int list_queue(const sendmail::Arguments& arguments, const sendmail::Spool& spool) {
  const int status = run_command({.config_file = arguments.config_file, .directory = arguments.directory},
                                 {.name = "queue list", .arguments = {}});
  if (const auto waiting = sendmail::list(spool, std::chrono::seconds(0)); waiting && !waiting->empty()) {
    std::printf("%zu in the spool, not taken up yet\n", waiting->size());
  }
  return status;
}

}  // namespace

std::optional<SendmailCall> sendmail_call(int argc, char** argv) {
  if (argc < 1) return std::nullopt;
  std::string_view name = argv[0];
  name.remove_prefix(std::min(name.rfind('/') + 1, name.size()));
  int first = 1;
  if (!is_ours(name) && argc > 1 && std::string_view(argv[1]) == "sendmail") {
    name = argv[1];
    first = 2;
  }
  if (!is_ours(name)) return std::nullopt;
  return SendmailCall{std::string(name), std::vector<std::string>(argv + first, argv + argc)};
}

int run_sendmail(const SendmailCall& call) {
  const auto arguments = sendmail::parse_arguments(call.called_as, call.arguments);
  if (!arguments) {
    std::fprintf(stderr, "sendmail: %s\n", arguments.error().text.c_str());
    return EX_USAGE;
  }
  if (arguments->task == sendmail::Task::help) {
    std::fwrite(sendmail::usage().data(), 1, sendmail::usage().size(), stdout);
    return EX_OK;
  }
  if (arguments->task == sendmail::Task::aliases) return EX_OK;  // they are in the store, and always current
  const sendmail::Spool spool{config_for(*arguments).spool_path()};
  switch (arguments->task) {
    case sendmail::Task::smtp:
      return sendmail::serve_pipes(spool);
    case sendmail::Task::queue_list:
      return list_queue(*arguments, spool);
    case sendmail::Task::queue_run:
      return sendmail::run_queue(spool);
    default:
      return sendmail::send(*arguments, spool);
  }
}

}  // namespace app
