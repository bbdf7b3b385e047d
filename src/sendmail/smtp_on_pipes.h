#pragma once
// `sendmail -bs`: room smtp over standard input and output, for a program that speaks SMTP to its child. Each message
// goes into the spool and to the server as any other. Private to program.cpp in spirit: blocks the one loop that it
// runs on.

#include "sendmail/spool.h"

namespace sendmail {

/// Until QUIT or the end of the input. An exit status.
int serve_pipes(const Spool& spool);

}  // namespace sendmail
