#pragma once
// The command line: what `postrider` understands, with an example for each command in its help. Exit status: 0 done,
// 1 it could not be done (a sentence on standard error), 2 the command line itself is wrong.

namespace app {

int command_line(int argc, char** argv);

}  // namespace app
