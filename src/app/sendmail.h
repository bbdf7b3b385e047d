#pragma once
// The program as other programs know it: `postrider sendmail`, or called as sendmail, mailq or newaliases by a symbolic
// link. Finds the spool by the configuration and leaves the rest to room sendmail.

#include <optional>
#include <string>
#include <vector>

namespace app {

/// The arguments behind the name when the program was called so, and otherwise nothing.
struct SendmailCall {
  std::string called_as;
  std::vector<std::string> arguments;
};
std::optional<SendmailCall> sendmail_call(int argc, char** argv);

/// The exit status, of sysexits.h.
int run_sendmail(const SendmailCall& call);

}  // namespace app
