#pragma once
// The program sendmail: a message from standard input into the spool, and the server's answer as an exit status of
// sysexits.h. Blocks; for the command line only. What is said stands on standard error.

#include <string>
#include <string_view>

#include "sendmail/arguments.h"
#include "sendmail/bell.h"
#include "sendmail/spool.h"

namespace sendmail {

/// Task::send. 0: the message is durable, here or with the server.
int send(const Arguments& arguments, const Spool& spool);

/// Task::queue_run: waits until what lies in the spool was taken up. For who may list it: root and the server's user.
int run_queue(const Spool& spool);

/// Asks the running server to take a committed message, and does what follows from its answer: one that is refused is
/// removed, and one that stays is made durable. An error: it is neither taken nor durable, and is removed.
base::Result<Answer> hand_over(const Spool& spool, SpoolWriter writer);

}  // namespace sendmail
