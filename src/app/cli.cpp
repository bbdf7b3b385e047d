#include "app/cli.h"

#include "app/cli_kit.h"
#include "app/pipe_process.h"
#include "app/sendmail.h"

namespace app {

namespace {

void add_commands(CLI::App& app, Given& given) {
  app.require_subcommand(1);
  app.footer("Example: postrider dev --dir /tmp/mail\nHelp for a command: postrider account add --help");
  add_server(app, given);
  add_domains(app, given);
  add_accounts(app, given);
  add_aliases(app, given);
  add_views(app, given);
  add_mailboxes(app, given);
  add_bans(app, given);
  add_log(app, given);
  add_operator(app, given);
  add_reports(app, given);
  add_pages(app, given);
}

constexpr const char* kProgram = "postrider: a complete mail server in one program";

}  // namespace

int command_line(int argc, char** argv) {
  if (argc > 0 && std::string_view(argv[0]) == kPipeProgram) return watch_command(argc, argv);
  if (const auto call = sendmail_call(argc, argv)) return run_sendmail(*call);
  Given given;
  CLI::App app(kProgram, "postrider");
  add_commands(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  try {
    return given.action ? given.action() : kUsage;
  } catch (const std::exception& error) {  // out of memory, out of threads
    return refuse({base::Code::unavailable, std::string("it could not go on: ") + error.what()});
  }
}

std::string command_reference() {
  Given given;
  CLI::App app(kProgram, "postrider");
  add_commands(app, given);
  return reference_page(app);
}

}  // namespace app
