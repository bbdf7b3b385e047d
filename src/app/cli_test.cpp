#include "app/cli.h"

#include <doctest/doctest.h>

#include "app/files.h"

TEST_CASE("docs/cli.md is current") {
  const auto page = app::read_file(std::string(POSTRIDER_SOURCE_DIR) + "/docs/cli.md", 1 << 20);
  REQUIRE(page.has_value());
  CHECK_MESSAGE(*page == app::command_reference(), "run: postrider commands > docs/cli.md");
}
