#pragma once
// Private to the room: one message to one run of a command, for one recipient.

#include "outbound/open.h"

namespace outbound {

/// The command's standard input ends only when all of the message was written and `may_commit` says so: a command that
/// reads to the end cannot have taken a message that was let go. Return-Path and Delivered-To stand in front. The
/// command's time limit holds, and `deadline`. Never throws but for a bug.
net::Task<Outcome> run_command(const Services& services, const Pipe& pipe, const Message& message,
                               std::string recipient, const std::function<bool()>& may_commit,
                               base::SteadyTime deadline);

}  // namespace outbound
