#include "app/nearest.h"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("typing mistakes are counted as people make them") {
  using app::typing_distance;
  CHECK(typing_distance("hostname", "hostname") == 0);
  CHECK(typing_distance("hostnmae", "hostname") == 1);
  CHECK(typing_distance("hostame", "hostname") == 1);
  CHECK(typing_distance("hosttname", "hostname") == 1);
  CHECK(typing_distance("hustname", "hostname") == 1);
  CHECK(typing_distance("", "abc") == 3);
  CHECK(typing_distance("abc", "") == 3);
  CHECK(typing_distance(std::string(5000, 'a'), std::string(5000, 'b')) == 64);
}

TEST_CASE("the nearest known word is named, and none when nothing is near") {
  const std::vector<std::string> known{"hostname", "data_dir", "limits.message_size"};
  CHECK(app::nearest("host_name", known) == "hostname");
  CHECK(app::nearest("datadir", known) == "data_dir");
  CHECK(app::nearest("limits.mesage_size", known) == "limits.message_size");
  CHECK(app::nearest("zzzzzz", known) == "");
  CHECK(app::nearest("x", {}) == "");
}
