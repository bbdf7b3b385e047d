#include <malloc.h>

#include "app/cli.h"

int main(int argc, char** argv) {
  // Each thread would get an arena of its own, and what one frees there the others never see again.
  mallopt(M_ARENA_MAX, 4);
  return app::command_line(argc, argv);
}
