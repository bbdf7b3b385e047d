// The embedded store as an operator meets it: its directory, its version, restarts, and what the check finds.

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "store/home.h"
#include "store/test_kit.h"

namespace store::test {
namespace {

using base::Code;

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

base::Result<base::BlobId> put_body(Store& store, const std::string& bytes) {
  TRY_ASSIGN(const Body arrived, upload(store, bytes));
  TRY(write(store, [&](Txn& tx) -> base::Result<void> {
    tx.put_body(arrived);
    return tx.link({arrived.id(), 1, arrived.id().value});
  }));
  return arrived.id();
}

}  // namespace

TEST_CASE("a new directory is made for its owner alone, and is there again after a restart") {
  TempDir dir;
  TestClock clock;
  net::Pool pool(1);
  const std::string path = dir.path() + "/a/b/";
  base::BlobId blob;
  {
    const auto store = std::move(*open_embedded(small_options(path), pool, clock, {}));
    blob = *put_body(*store, "hello");
  }
  struct stat made{};
  REQUIRE(::stat((dir.path() + "/a/b").c_str(), &made) == 0);
  CHECK((made.st_mode & 0777) == 0700);
  const std::string version = file_text(path + "VERSION");
  CHECK(version.starts_with("postrider store 1 "));
  CHECK(version.size() == std::string("postrider store 1 0123456789abcdef\n").size());
  const auto store = std::move(*open_embedded(small_options(path), pool, clock, {}));
  CHECK(body(*store, blob) == "hello");
}

TEST_CASE("a second opening of the same directory is told that it is in use") {
  RocksKit kit;
  const auto second = open_embedded(small_options(kit.dir.path()), kit.pool, kit.clock, {});
  REQUIRE(!second);
  CHECK(second.error().code == Code::busy);
  CHECK(second.error().text.find("in use by another process") != std::string::npos);
}

TEST_CASE("a newer schema is refused with nothing changed") {
  RocksKit kit;
  REQUIRE(put_body(*kit, "hello"));
  kit.store.reset();
  std::ofstream(kit.dir.path() + "/VERSION") << "postrider store 2\n";
  std::map<std::string, std::filesystem::file_time_type> before;
  for (const auto& file : std::filesystem::recursive_directory_iterator(kit.dir.path())) {
    before[file.path().string()] = file.last_write_time();
  }
  const auto refused = open_embedded(small_options(kit.dir.path()), kit.pool, kit.clock, {});
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::unsupported);
  CHECK(refused.error().text.find("schema version 2") != std::string::npos);
  std::map<std::string, std::filesystem::file_time_type> after;
  for (const auto& file : std::filesystem::recursive_directory_iterator(kit.dir.path())) {
    after[file.path().string()] = file.last_write_time();
  }
  CHECK(after == before);

  std::ofstream(kit.dir.path() + "/VERSION") << "something else\n";
  CHECK(open_embedded(small_options(kit.dir.path()), kit.pool, kit.clock, {}).error().code == Code::corrupt);
  std::filesystem::remove(kit.dir.path() + "/VERSION");
  CHECK(open_embedded(small_options(kit.dir.path()), kit.pool, kit.clock, {}).error().code == Code::corrupt);
}

TEST_CASE("ids go on behind the last committed one after a restart, though the clock went back") {
  RocksKit kit;
  std::uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    std::uint64_t id = 0;
    for (int i = 0; i < 10; ++i) {
      id = (*kit).next_id();
      CHECK(id > last);
      last = id;
      REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
        tx.put_raw(encode_key(200, id), "");
        return {};
      }));
    }
    kit.clock.set(1'000'000'000 - round);
    kit.reopen();
  }
}

TEST_CASE("what was flushed and what is only in the log are both there after a restart") {
  RocksKit kit;
  std::map<std::uint64_t, std::string> bodies;
  for (std::uint32_t i = 0; i < 60; ++i) {
    const std::string bytes = noise(i * 9000, i);
    bodies[put_body(*kit, bytes)->value] = bytes;
    if (i % 20 == 19) kit.reopen();
  }
  for (const auto& [id, bytes] : bodies) CHECK(body(*kit, base::BlobId{id}) == bytes);
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("the check names what is broken, and goes on", Kit, MemoryKit, RocksKit) {
  Kit kit;
  std::vector<base::BlobId> blobs;
  for (std::uint32_t i = 0; i < 6; ++i) blobs.push_back(*put_body(*kit, noise(500, i)));
  const base::BlobId large = *put_body(*kit, noise(2 * kChunkBytes + 10, 9));
  CHECK(problems(*kit).empty());
  const auto name = [](base::BlobId blob) { return "body " + std::to_string(blob.value); };
  REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
    tx.erase_raw(encode_key(kBlobs.id, blobs[1]));                                    // chunk and link stay
    tx.erase_raw(encode_key(kLinks.id, blobs[2], std::uint64_t{1}, blobs[2].value));  // no link
    tx.put_raw(encode_key(kBlobs.id, blobs[3]), "\xFF");                              // does not decode
    postrider::schema::Blob longer;
    longer.set_size(3 * kChunkBytes);
    tx.put(kBlobs, {large}, longer);  // a chunk short
    tx.put_raw(encode_key(kLinks.id, base::BlobId{5}, std::uint64_t{1}, std::uint64_t{1}), "");
    tx.put_raw(encode_key(kLinks.id, std::uint8_t{5}), "");  // no such key
    return {};
  }));
  const auto found = problems(*kit);
  const std::vector<std::string> expected = {
      "record of store.link its key does not decode: 0305",
      "body 5 is linked to and does not exist",
      name(blobs[1]) + " is linked to and does not exist",
      "chunk 0 of " + name(blobs[1]) + " belongs to no body",
      name(blobs[2]) + " has no link",
      name(blobs[3]) + " its record does not decode",
      "chunk 2 of " + name(large) + " has a wrong size: 10 bytes instead of 262144",
  };
  for (const auto& line : expected) {
    CAPTURE(line);
    CHECK(std::find(found.begin(), found.end(), line) != found.end());
  }
  CHECK(found.size() == expected.size());
  // A broken record stops nothing but itself: it can be removed.
  CHECK(write(*kit, [&](Txn& tx) { return tx.unlink({blobs[3], 1, blobs[3].value}); }).has_value());
}

}  // namespace store::test
