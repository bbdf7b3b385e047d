#include <malloc.h>

#include "app/cli.h"

int main(int argc, char** argv) {
  // Each thread would get an arena of its own, and what one frees there the others never see again. (What is
  // free stays with malloc while there is work, which spares a password check 10 ms of page faults; the store trims
  // the heap when it is idle.)
  mallopt(M_ARENA_MAX, 4);
  return app::command_line(argc, argv);
}
