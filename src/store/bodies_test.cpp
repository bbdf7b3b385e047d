#include <dlfcn.h>
#include <doctest/doctest.h>

#include "base/crc32c.h"
#include "store/bodies.h"
#include "store/test_kit.h"

namespace store::test {
namespace {

using base::Code;

base::Result<void> commit_body(Store& store, const Body& stored, Link link) {
  return write(store, [stored, link](Txn& tx) -> base::Result<void> {
    tx.put_body(stored);
    return tx.link(link);
  });
}

}  // namespace

TEST_CASE("the checksum is CRC-32C, with and without the processor's help") {
  CHECK(base::crc32c(0, "123456789") == 0xE3069283);  // RFC 3720 appendix B.4 has this polynomial's vectors
  CHECK(base::crc32c(0, std::string(32, '\0')) == 0x8A9136AA);
  CHECK(base::crc32c(0, std::string(32, '\xFF')) == 0x62A8AB43);
  for (std::uint32_t size = 0; size < 70; ++size) {
    const std::string bytes = noise(size, size + 1);
    CHECK(base::crc32c(5, bytes) == base::crc32c_portable(5, bytes));
    CHECK(base::crc32c(base::crc32c(0, bytes.substr(0, size / 3)), bytes.substr(size / 3)) == base::crc32c(0, bytes));
  }
  for (const std::uint32_t size : {3071U, 3072U, 3073U, 6143U, 6144U, 10'000U}) {
    const std::string bytes = noise(size, size);
    CHECK(base::crc32c(5, bytes) == base::crc32c_portable(5, bytes));
  }
  // RocksDB's calls come to it, too.
  CHECK(dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm") != dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm"));
}

TEST_CASE("a chunk that was admitted before the engine was reopened is not written behind the reopening") {
  // A thread of the pool sleeps between asking whether it may write and writing, while the engine fails and recovers.
  struct SlowHost final : BodyHost {
    std::unique_ptr<Engine> memory = make_memory_engine(nullptr);
    net::Pool threads{1};
    std::uint64_t ids = 0;
    Engine& engine() override { return *memory; }
    net::Pool& pool() override { return threads; }
    std::uint64_t next_id() override { return ++ids; }
    base::Result<void> admit(Kind) override { return memory->recover(); }
    void drop_upload(base::BlobId, std::uint32_t, std::uint64_t) override {}
  };
  const auto host = std::make_shared<SlowHost>();
  const auto writer = make_body_writer(host);
  const auto late = net::run(writer->append(noise(kChunkBytes + 1, 1)));
  REQUIRE(!late);
  CHECK(late.error().code == Code::unavailable);
}

TEST_CASE_TEMPLATE("bodies of every size come back whole and in part", Kit, MemoryKit, RocksKit) {
  Kit kit;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, kChunkBytes - 1, kChunkBytes,
                                 kChunkBytes + 1, 2 * kChunkBytes, 2 * kChunkBytes + 1, 5 * kChunkBytes + 77}) {
    CAPTURE(size);
    const std::string bytes = noise(size, static_cast<std::uint32_t>(size));
    for (const std::size_t piece : {std::size_t{70'000}, std::size_t{10'000'000}}) {
      const Body arrived = *upload(*kit, bytes, piece);
      CHECK(arrived.size() == size);
      std::string before;
      REQUIRE(arrived.read(0, UINT64_MAX, before));
      CHECK(before == bytes);
      REQUIRE(commit_body(*kit, arrived, {arrived.id(), 1, arrived.id().value}));
      CHECK(*(*(*kit).reader())->body_size(arrived.id()) == size);
      CHECK(body(*kit, arrived.id()) == bytes);
      CHECK(body(*kit, arrived.id(), size, 10).empty());
      if (size > 10) {
        CHECK(body(*kit, arrived.id(), size - 5, 100) == bytes.substr(size - 5));
        const std::size_t middle = size > kChunkBytes ? kChunkBytes - 3 : size / 2;
        CHECK(body(*kit, arrived.id(), middle, 7) == bytes.substr(middle, 7));
      }
    }
  }
  CHECK(count_records(*kit, kUploads.id) == 0);
  CHECK(problems(*kit).empty());
  CHECK(body(*kit, base::BlobId{4}) == "error: body 4 does not exist");
}

TEST_CASE_TEMPLATE("a body that is dropped leaves nothing", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const std::string bytes = noise(3 * kChunkBytes + 5, 1);
  {
    const Body dropped = *upload(*kit, bytes);
    auto unfinished = (*kit).new_body();
    REQUIRE(net::run(unfinished->append(bytes)));
    CHECK(count_records(*kit, kUploads.id) == 2);
    CHECK(problems(*kit).empty());  // what arrives now is not a problem
  }
  for (int i = 0; i < 400 && count_records(*kit, kUploads.id) > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(count_records(*kit, kUploads.id) == 0);
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("a refused closure keeps the body for another try", Kit, MemoryKit, RocksKit) {
  Kit kit;
  for (const std::size_t size : {std::size_t{100}, 2 * kChunkBytes + 1}) {
    const std::string bytes = noise(size, 3);
    const Body arrived = *upload(*kit, bytes);
    const auto refused = write(*kit, [&](Txn& tx) -> base::Result<void> {
      tx.put_body(arrived);
      TRY(tx.link({arrived.id(), 1, 1}));
      return base::fail(Code::over_quota, "full");
    });
    CHECK(refused.error().code == Code::over_quota);
    CHECK(body(*kit, arrived.id()).starts_with("error"));
    REQUIRE(commit_body(*kit, arrived, {arrived.id(), 1, 1}));
    CHECK(body(*kit, arrived.id()) == bytes);
  }
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("the last link takes the body with it", Kit, MemoryKit, RocksKit) {
  Kit kit;
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, 2 * kChunkBytes + 1}) {
    CAPTURE(size);
    const std::string bytes = noise(size, 4);
    const Body arrived = *upload(*kit, bytes);
    const base::BlobId blob = arrived.id();
    REQUIRE(commit_body(*kit, arrived, {blob, 1, 10}));
    REQUIRE(write(*kit, [&](Txn& tx) { return tx.link({blob, 2, 20}); }));
    REQUIRE(write(*kit, [&](Txn& tx) { return tx.unlink({blob, 1, 10}); }));
    CHECK(body(*kit, blob) == bytes);
    CHECK(write(*kit, [&](Txn& tx) { return tx.unlink({blob, 1, 10}); }).error().code == Code::not_found);
    const auto before = *(*kit).reader();
    REQUIRE(write(*kit, [&](Txn& tx) { return tx.unlink({blob, 2, 20}); }));
    CHECK(body(*kit, blob).starts_with("error"));
    std::string still;
    REQUIRE(before->read_body(blob, 0, UINT64_MAX, still));
    CHECK(still == bytes);
    CHECK(write(*kit, [&](Txn& tx) { return tx.link({blob, 3, 30}); }).error().code == Code::not_found);
    // A body that was removed cannot come back half: a small one whole, a large one not at all.
    const auto again = commit_body(*kit, arrived, {blob, 4, 40});
    if (size <= kChunkBytes) {
      CHECK(again.has_value());
      CHECK(body(*kit, blob) == bytes);
    } else {
      CHECK(again.error().code == Code::conflict);
    }
  }
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("bodies are seen, moved and removed within one closure", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const std::string bytes = noise(kChunkBytes + 50, 5);
  const Body arrived = *upload(*kit, bytes);
  const base::BlobId blob = arrived.id();
  REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
    tx.put_body(arrived);
    TRY(tx.link({blob, 0, 7}));
    std::string seen;
    TRY(tx.read_body(blob, 0, UINT64_MAX, seen));
    CHECK(seen == bytes);
    TRY(tx.link({blob, 1, 1}));
    return tx.unlink({blob, 0, 7});
  }));
  CHECK(body(*kit, blob) == bytes);

  const Body brief = *upload(*kit, bytes);
  REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
    tx.put_body(brief);
    TRY(tx.link({brief.id(), 1, 1}));
    return tx.unlink({brief.id(), 1, 1});
  }));
  CHECK(body(*kit, brief.id()).starts_with("error"));
  CHECK_THROWS_AS((void)write(*kit,
                              [&](Txn& tx) -> base::Result<void> {
                                tx.put_body(*upload(*kit, "never linked"));
                                return {};
                              }),
                  base::Bug);
  CHECK(problems(*kit).empty());
}

TEST_CASE_TEMPLATE("sharing a body races with its removal, and never tears it", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const std::string bytes = noise(300, 6);
  for (int round = 0; round < 20; ++round) {
    const Body arrived = *upload(*kit, bytes);
    const base::BlobId blob = arrived.id();
    REQUIRE(commit_body(*kit, arrived, {blob, 1, 1}));
    bool shared = false;
    const auto remove = [](Store& store, base::BlobId id) -> net::Task<void> {
      const auto result = co_await store.write({Owner::directory()}, [id](Txn& tx) { return tx.unlink({id, 1, 1}); });
      CHECK(result.has_value());
    };
    const auto share = [](Store& store, base::BlobId id, bool& done) -> net::Task<void> {
      const auto result = co_await store.write({Owner::directory()}, [id](Txn& tx) { return tx.link({id, 2, 2}); });
      done = result.has_value();
    };
    std::vector<net::Task<void>> tasks;
    if (round % 2 == 0) tasks.push_back(remove(*kit, blob));
    tasks.push_back(share(*kit, blob, shared));
    if (round % 2 == 1) tasks.push_back(remove(*kit, blob));
    run_all(std::move(tasks));
    CHECK(shared == (body(*kit, blob) == bytes));
  }
  CHECK(problems(*kit).empty());
}

TEST_CASE("a store that failed while a large body arrived does not take its rest for the whole") {
  MemoryKit kit;
  const std::string bytes = noise(2 * kChunkBytes, 8);
  const Body arrived = *upload(*kit, bytes);
  REQUIRE(count_records(*kit, kUploads.id) == 1);
  kit.faults.fail_next(1);
  CHECK(!commit_body(*kit, arrived, {arrived.id(), 1, 1}));
  for (int i = 0; i < 400 && !(*kit).accepts_writes(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(commit_body(*kit, arrived, {arrived.id(), 1, 1}).error().code == Code::unavailable);
  CHECK(count_records(*kit, kUploads.id) == 0);
  CHECK(problems(*kit).empty());
}

}  // namespace store::test
