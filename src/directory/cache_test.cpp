#include "directory/cache.h"

#include <doctest/doctest.h>

namespace directory {
namespace {

std::shared_ptr<const int> number(int value) { return std::make_shared<const int>(value); }

TEST_CASE("a cache forgets what was used longest ago when it is full") {
  Cache<int> cache(3);
  cache.put("a", number(1), 1, 1);
  cache.put("b", number(2), 1, 1);
  cache.put("c", number(3), 1, 1);
  CHECK(*cache.get("a", 1) == 1);
  cache.put("d", number(4), 1, 1);
  CHECK(cache.get("b", 1) == nullptr);
  CHECK(*cache.get("a", 1) == 1);
  cache.put("a", number(5), 1, 2);
  CHECK(*cache.get("a", 1) == 5);
  CHECK(cache.size() == 2);
  cache.put("large", number(6), 1, 4);
  CHECK(cache.get("large", 1) == nullptr);
  CHECK(cache.size() == 2);
}

TEST_CASE("a new generation empties a cache, and what an old one read late is not taken") {
  Cache<int> cache(10);
  cache.put("a", number(1), 1, 1);
  CHECK(cache.get("a", 2) == nullptr);
  CHECK(cache.size() == 0);
  cache.put("a", number(1), 1, 1);
  CHECK(cache.size() == 0);
  CHECK(cache.get("a", 1) == nullptr);
  cache.put("a", number(2), 2, 1);
  CHECK(cache.get("a", 1) == nullptr);
  CHECK(*cache.get("a", 2) == 2);
}

TEST_CASE("a cache without room keeps nothing") {
  Cache<int> cache(0);
  cache.put("a", number(1), 1, 1);
  CHECK(cache.get("a", 1) == nullptr);
}

}  // namespace
}  // namespace directory
