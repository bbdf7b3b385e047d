#pragma once
// The command line: what `postrider` understands, with an example for each command in its help. Exit status: 0 done,
// 2 the command line itself is wrong, and the others of app/exit.h, with a sentence on standard error.

#include <string>

namespace app {

int command_line(int argc, char** argv);

/// docs/cli.md: every command with its options, its example and the members of its result.
std::string command_reference();

}  // namespace app
