#include <malloc.h>

#include "app/cli.h"

int main(int argc, char** argv) {
  // Each thread would get an arena of its own, and what one frees there the others never see again.
  mallopt(M_ARENA_MAX, 4);
  // By default the first 19 MiB of a password check that are given back would teach malloc to keep twice as much for
  // ever.
  mallopt(M_MMAP_THRESHOLD, 2 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  return app::command_line(argc, argv);
}
