// What an operator asks of a store: a checkpoint beside its work, its space back, how large it is.

#include "store/checkpoint.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "store/test_kit.h"

namespace store::test {
namespace {

namespace fs = std::filesystem;
using base::Code;

/// Commits a body with a link and returns its id.
base::Result<base::BlobId> keep(Store& store, const std::string& bytes) {
  TRY_ASSIGN(const Body body, upload(store, bytes));
  const base::BlobId id = body.id();
  TRY(write(store, [body](Txn& tx) -> base::Result<void> {
    tx.put_body(body);
    return tx.link({.blob = body.id(), .owner = 1, .item = body.id().value});
  }));
  return id;
}

/// A place for checkpoints on the disk of the store, so that files are linked.
struct Places {
  TempDir dir;
  std::string at(const char* name) const { return dir.path() + "/" + name; }
};

std::string store_in(const RocksKit& kit, const std::string& checkpoint) {
  return checkpoint + "/" + fs::path(kit.dir.path()).filename().string();
}

}  // namespace

TEST_CASE("a checkpoint holds all that was committed before, opens as a store, and lives on its own") {
  RocksKit kit;
  const Places places;
  std::map<std::uint64_t, std::string> bodies;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const std::string bytes = noise(i * 20'000, i);
    bodies[keep(*kit, bytes)->value] = bytes;
  }
  REQUIRE((*kit).checkpoint(places.at("one"), {{.name = "hostname", .content = "mail.example.test\n"}}));
  CHECK_FALSE(fs::exists(places.at("one.partial")));
  std::ifstream hostname(places.at("one/hostname"));
  std::string name;
  std::getline(hostname, name);
  CHECK(name == "mail.example.test");
  const base::BlobId later = *keep(*kit, "after the checkpoint");

  const auto copy = open_embedded(small_options(store_in(kit, places.at("one"))), kit.pool, kit.clock, {});
  REQUIRE(copy);
  for (const auto& [id, bytes] : bodies) CHECK(body(**copy, base::BlobId{id}) == bytes);
  CHECK(problems(**copy).empty());
  CHECK(body(**copy, later).starts_with("error"));
  CHECK((*copy)->next_id() > bodies.rbegin()->first);
  // What is written and compacted in the copy leaves the store as it was, though they share files.
  REQUIRE(keep(**copy, noise(300'000, 77)));
  REQUIRE((*copy)->compact());
  for (const auto& [id, bytes] : bodies) CHECK(body(*kit, base::BlobId{id}) == bytes);
  CHECK(body(*kit, later) == "after the checkpoint");
  kit.reopen();
  CHECK(problems(*kit).empty());
}

TEST_CASE("checkpoints are consistent while others write without a pause") {
  RocksKit kit;
  const Places places;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> acknowledged{0};
  std::thread writer([&] {
    for (std::uint32_t i = 0; !done; ++i) {
      if (const auto id = keep(*kit, noise(i % 7 == 0 ? 600'000 : 3'000, i))) acknowledged = id->value;
    }
  });
  for (int round = 0; round < 5; ++round) {
    while (acknowledged == 0) std::this_thread::yield();
    const base::BlobId before{acknowledged.exchange(0)};
    const std::string place = places.at(("round-" + std::to_string(round)).c_str());
    CHECK((*kit).checkpoint(place, {}));
    const auto copy = open_embedded(small_options(store_in(kit, place)), kit.pool, kit.clock, {});
    REQUIRE(copy);
    CHECK_FALSE(body(**copy, before).starts_with("error"));
    CHECK(problems(**copy).empty());
  }
  done = true;
  writer.join();
}

TEST_CASE("a checkpoint that cannot be made leaves nothing, and what is there is left alone") {
  RocksKit kit;
  const Places places;
  fs::create_directory(places.at("taken"));
  CHECK((*kit).checkpoint(places.at("taken"), {}).error().code == Code::exists);
  CHECK(fs::is_empty(places.at("taken")));
  CHECK_FALSE((*kit).checkpoint(places.at("missing/above"), {}));
  CHECK_FALSE(fs::exists(places.at("missing")));

  // What a crash left of one is named, not removed: it may be a backup that somebody wants to look at.
  fs::create_directory(places.at("new.partial"));
  const auto refused = (*kit).checkpoint(places.at("new"), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find("new.partial") != std::string::npos);
  CHECK(fs::exists(places.at("new.partial")));
  fs::remove(places.at("new.partial"));
  CHECK((*kit).checkpoint(places.at("new"), {}));

  // A name that a file cannot have, at the last step: the draft goes.
  CHECK_FALSE((*kit).checkpoint(places.at("bad"), {{.name = "no/such/place", .content = ""}}));
  CHECK_FALSE(fs::exists(places.at("bad")));
  CHECK_FALSE(fs::exists(places.at("bad.partial")));
}

TEST_CASE("a store in memory says that it has no files") {
  MemoryKit kit;
  const Places places;
  CHECK((*kit).checkpoint(places.at("x"), {}).error().code == Code::unsupported);
  CHECK_FALSE(fs::exists(places.at("x")));
}

TEST_CASE_TEMPLATE("compaction leaves what is there, and gives back what was removed", Kit, MemoryKit, RocksKit) {
  Kit kit;
  std::vector<base::BlobId> blobs;
  for (std::uint32_t i = 0; i < 40; ++i) blobs.push_back(*keep(*kit, noise(100'000, i)));
  REQUIRE((*kit).compact());
  const std::uint64_t full = (*kit).usage().bodies_bytes;
  for (std::size_t i = 0; i < 30; ++i) {
    REQUIRE(
        write(*kit, [blob = blobs[i]](Txn& tx) { return tx.unlink({.blob = blob, .owner = 1, .item = blob.value}); }));
  }
  REQUIRE((*kit).compact());
  const std::uint64_t rest = (*kit).usage().bodies_bytes;
  CHECK((full == 0 || rest < full / 2));
  for (std::size_t i = 30; i < blobs.size(); ++i) {
    CHECK(body(*kit, blobs[i]) == noise(100'000, static_cast<std::uint32_t>(i)));
  }
  CHECK(problems(*kit).empty());
}

TEST_CASE("a compaction that the disk has no room for is refused with the bytes that it needs") {
  TempDir dir;
  TestClock clock;
  net::Pool pool{2};
  std::atomic<std::uint64_t> free_bytes{1ull << 40};
  Options options = small_options(dir.path());
  const auto store = open_embedded_with(options, pool, clock, {},
                                        {.file_system = {}, .free_bytes = [&] { return free_bytes.load(); }});
  REQUIRE(store);
  for (std::uint32_t i = 0; i < 30; ++i) REQUIRE(keep(**store, noise(100'000, i)));
  REQUIRE((*store)->compact());
  free_bytes = 100'000;
  const auto refused = (*store)->compact();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::no_space);
}

TEST_CASE("a disk that is full keeps a store from being opened, and nothing is written") {
  RocksKit kit;
  REQUIRE(keep(*kit, "one"));
  kit.store.reset();
  const auto before = files_of(kit.dir.path());
  const auto refused = open_embedded_with(small_options(kit.dir.path()), kit.pool, kit.clock, {},
                                          {.file_system = {}, .free_bytes = [] { return std::uint64_t{4096}; }});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::no_space);
  CHECK(files_of(kit.dir.path()) == before);
  kit.reopen();
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("after interrupt() the long work gives up, and all else goes on", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(keep(*kit, "one"));
  (*kit).interrupt();
  CHECK((*kit).check([](Problem) {}).error().code == Code::unavailable);
  CHECK((*kit).bodies_by_age({}).error().code == Code::unavailable);
  CHECK(keep(*kit, "two"));
}

TEST_CASE_TEMPLATE("bodies are counted by the time of their arrival", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const auto at = [](std::int64_t seconds) { return base::WallTime(std::chrono::seconds(seconds)); };
  for (const std::int64_t seconds : {2'000'000'000ll, 2'000'000'100ll, 2'000'000'200ll}) {
    kit.clock.set(seconds * 1'000'000);
    REQUIRE(keep(*kit, noise(static_cast<std::size_t>(seconds - 1'999'999'990), 1)));
  }
  const auto amounts = (*kit).bodies_by_age({at(1'000'000'000), at(2'000'000'050), at(2'000'000'150)});
  REQUIRE(amounts);
  REQUIRE(amounts->size() == 4);
  CHECK((*amounts)[0].count == 0);
  CHECK((*amounts)[1].bytes == 10);
  CHECK((*amounts)[2].bytes == 110);
  CHECK((*amounts)[3].bytes == 210);
  CHECK((*amounts)[3].count == 1);
}

}  // namespace store::test
