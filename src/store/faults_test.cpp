// RocksDB on a disk that fails, fills up, loses what was not synced, or is torn by a power cut. The disk is a
// FileSystem of RocksDB that wraps the machine's and fails where a test says.

#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include <rocksdb/file_system.h>

#include "store/log_tail.h"
#include "store/test_kit.h"

namespace store::test {
namespace {

using base::Code;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct Disk {
  std::atomic<bool> fail_appends{false};
  std::atomic<bool> fail_syncs{false};
  std::atomic<bool> full{false};         // appends and new files fail with "no space"
  std::atomic<bool> logs_only{true};     // the failures above meet the log only
  std::atomic<bool> hold_tables{false};  // files of bodies and records wait before they are made
  std::atomic<std::uint64_t> free_bytes{1ull << 40};
  std::mutex mutex;
  std::map<std::string, std::uint64_t> synced;  // bytes that a power cut leaves, of files written here

  static bool is_log(const std::string& name) { return name.ends_with(".log"); }
  bool concerns(const std::string& name) const { return !logs_only || is_log(name); }
};

class BrokenFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  BrokenFile(std::unique_ptr<FSWritableFile>&& file, std::string name, Disk& disk)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), disk_(disk) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (disk_.full && disk_.concerns(name_)) {
      // A full disk takes the first part of what is written.
      const auto half = FSWritableFileOwnerWrapper::Append(Slice(data.data(), data.size() / 2), options, debug);
      return half.ok() ? IOStatus::NoSpace("no space (a test)") : half;
    }
    if (disk_.fail_appends && disk_.concerns(name_)) return IOStatus::IOError("append fails (a test)");
    size_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  // The same for files that are written past the page cache, in whole blocks, and cut to their size in the end.
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    if (disk_.full && disk_.concerns(name_)) return IOStatus::NoSpace("no space (a test)");
    if (disk_.fail_appends && disk_.concerns(name_)) return IOStatus::IOError("append fails (a test)");
    size_ = offset + data.size();
    return FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    size_ = std::min(size_, size);
    return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return synced(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return synced(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  IOStatus synced(IOStatus status) {
    if (disk_.fail_syncs && disk_.concerns(name_)) return IOStatus::IOError("sync fails (a test)");
    const std::lock_guard lock(disk_.mutex);
    if (status.ok()) disk_.synced[name_] = size_;
    return status;
  }

  std::string name_;
  Disk& disk_;
  std::uint64_t size_ = 0;
};

class BrokenFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit BrokenFileSystem(Disk& disk) : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "BrokenFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    if (disk_.full) return IOStatus::NoSpace("no space (a test)");
    while (disk_.hold_tables && (name.ends_with(".sst") || name.ends_with(".blob"))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::unique_ptr<FSWritableFile> real;
    auto status = FileSystemWrapper::NewWritableFile(name, options, &real, debug);
    if (!status.ok()) return status;
    const std::lock_guard lock(disk_.mutex);
    disk_.synced[name] = 0;
    *file = std::make_unique<BrokenFile>(std::move(real), name, disk_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    const std::lock_guard lock(disk_.mutex);
    if (auto node = disk_.synced.extract(from); !node.empty()) disk_.synced.insert_or_assign(to, node.mapped());
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }

 private:
  Disk& disk_;
};

struct BrokenKit {
  TempDir dir;
  Disk disk;
  TestClock clock;
  net::Pool pool{2};
  std::unique_ptr<Store> store = open();
  Store& operator*() { return *store; }

  std::unique_ptr<Store> open() {
    RocksHooks hooks{std::make_shared<BrokenFileSystem>(disk), [this] { return disk.free_bytes.load(); }};
    Options options = small_options(dir.path());
    options.min_free_bytes = 1000;
    return std::move(*open_embedded_with(options, pool, clock, {}, std::move(hooks)));
  }

  /// The directory as a power cut would leave it at this moment: of each file what was synced.
  void power_cut(const std::string& into) {
    namespace fs = std::filesystem;
    REQUIRE(copy_live(dir.path(), into));
    const std::lock_guard lock(disk.mutex);
    for (const auto& [name, size] : disk.synced) {
      const std::string copy = into + name.substr(dir.path().size());
      std::error_code gone;
      if (fs::exists(copy) && fs::file_size(copy) > size) fs::resize_file(copy, size, gone);
    }
  }
};

base::Result<void> put(Store& store, const std::string& key, const std::string& value, Kind kind = Kind::ordinary) {
  return write(
      store,
      [&](Txn& tx) -> base::Result<void> {
        tx.put_raw(k(key), value);
        return {};
      },
      kind);
}

bool wait_for_writes(Store& store) {
  for (int i = 0; i < 1000; ++i) {
    if (store.accepts_writes()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::set<std::string> logs_of(const std::string& directory) {
  std::set<std::string> logs;
  for (const auto& file : std::filesystem::directory_iterator(directory + "/db")) {
    if (file.path().extension() == ".log" && file.file_size() > 0) logs.insert(file.path().string());
  }
  return logs;
}
std::string newest_log(const std::string& directory) {
  const auto logs = logs_of(directory);
  return logs.empty() ? std::string() : *logs.rbegin();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

base::Result<std::unique_ptr<Store>> open_copy(const std::string& path, net::Pool& pool, const base::Clock& clock) {
  return open_embedded(small_options(path), pool, clock, {});
}

}  // namespace

TEST_CASE("a failed log write or sync acknowledges nothing, and the store reopens itself with all it had") {
  for (auto Disk::* fault : {&Disk::fail_syncs, &Disk::fail_appends, &Disk::full}) {
    BrokenKit kit;
    REQUIRE(put(*kit, "a", "acknowledged"));
    const std::string bytes = noise(2 * kChunkBytes, 1);
    const Body arrived = *upload(*kit, bytes);
    (kit.disk.*fault) = true;
    const auto failed = put(*kit, "b", "never acknowledged");
    REQUIRE(!failed);
    CHECK(failed.error().code == (fault == &Disk::full ? Code::no_space : Code::unavailable));
    std::string why;
    CHECK(!(*kit).accepts_writes(&why));
    CHECK(why.find("a test") != std::string::npos);
    CHECK(!put(*kit, "c", "refused"));
    // Reads go on where the disk cannot even take a probe; where it can, they are back after the reopening.
    if (fault == &Disk::full) CHECK(get(*kit, k("a")) == "acknowledged");
    (kit.disk.*fault) = false;
    REQUIRE(wait_for_writes(*kit));
    CHECK(get(*kit, k("a")) == "acknowledged");
    CHECK(get(*kit, k("c")) == "(none)");
    REQUIRE(put(*kit, "d", "after"));
    const auto late = write(*kit, [&](Txn& tx) -> base::Result<void> {
      tx.put_body(arrived);
      return tx.link({arrived.id(), 1, 1});
    });
    CHECK(late.error().code == Code::unavailable);
    CHECK(problems(*kit).empty());
    kit.store.reset();
    kit.store = kit.open();
    CHECK(get(*kit, k("a")) == "acknowledged");
    CHECK(get(*kit, k("d")) == "after");
    CHECK(problems(*kit).empty());
  }
}

TEST_CASE("an upload that fails in the log stops the store as a commit does") {
  BrokenKit kit;
  kit.disk.fail_appends = true;
  CHECK(!upload(*kit, noise(3 * kChunkBytes, 1)));
  kit.disk.fail_appends = false;
  REQUIRE(wait_for_writes(*kit));
  REQUIRE(put(*kit, "a", "x"));
  CHECK(count_records(*kit, kUploads.id) == 0);
  CHECK(problems(*kit).empty());
}

TEST_CASE("a reader that stays holds back the reopening, and nothing else") {
  BrokenKit kit;
  REQUIRE(put(*kit, "a", "x"));
  auto reader = *(*kit).reader();
  kit.disk.fail_syncs = true;
  CHECK(!put(*kit, "b", "y"));
  kit.disk.fail_syncs = false;
  for (int i = 0; i < 70; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(get(*kit, k("a")) == "x");
  }
  std::string value;
  CHECK(*reader->get_raw(k("a"), value));
  CHECK(!(*kit).accepts_writes());
  const auto checked = (*kit).check([](const Problem&) {});
  REQUIRE(!checked);
  CHECK(checked.error().text.starts_with("given up"));
  reader.reset();
  REQUIRE(wait_for_writes(*kit));
  REQUIRE(put(*kit, "b", "y"));
}

TEST_CASE("below the floor only what frees space is taken") {
  BrokenKit kit;
  REQUIRE(put(*kit, "a", "x"));
  kit.disk.free_bytes = 999;
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  CHECK(put(*kit, "b", "y").error().code == Code::no_space);
  CHECK(upload(*kit, noise(2 * kChunkBytes, 1)).error().code == Code::no_space);
  CHECK(put(*kit, "a", "smaller", Kind::frees_space).has_value());
  CHECK(get(*kit, k("a")) == "smaller");
  std::string why;
  CHECK(!(*kit).accepts_writes(&why));
  CHECK(why == "the disk of the store is nearly full");
  kit.disk.free_bytes = 1000;
  REQUIRE(wait_for_writes(*kit));
  CHECK(put(*kit, "b", "y").has_value());
}

TEST_CASE("a power cut loses nothing that was acknowledged, chunks of large bodies included") {
  BrokenKit kit;
  std::map<std::uint64_t, std::string> bodies;
  TempDir copies;
  for (int round = 0; round < 12; ++round) {
    const std::string bytes = noise(static_cast<std::size_t>(round) * 150'000 + 10, static_cast<std::uint32_t>(round));
    const Body arrived = *upload(*kit, bytes);
    const Body in_flight = *upload(*kit, noise(3 * kChunkBytes, 99));
    REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
      tx.put_body(arrived);
      return tx.link({arrived.id(), 1, 1});
    }));
    bodies[arrived.id().value] = bytes;
    const std::string copy = copies.path() + "/" + std::to_string(round);
    kit.power_cut(copy);
    const auto after = open_copy(copy, kit.pool, kit.clock);
    REQUIRE(after.has_value());
    for (const auto& [id, content] : bodies) CHECK(body(**after, base::BlobId{id}) == content);
    CHECK(problems(**after).empty());
    CHECK(count_records(**after, kUploads.id) == 0);
  }
}

TEST_CASE("with syncs that do nothing a power cut does lose writes: the simulation notices") {
  TempDir copies;
  BrokenKit kit;
  kit.store.reset();
  Options options = small_options(kit.dir.path());
  options.no_sync = true;
  RocksHooks hooks{std::make_shared<BrokenFileSystem>(kit.disk), {}};
  kit.store = std::move(*open_embedded_with(options, kit.pool, kit.clock, {}, hooks));
  REQUIRE(put(*kit, "a", "acknowledged by a liar"));
  kit.power_cut(copies.path() + "/copy");
  const auto after = open_copy(copies.path() + "/copy", kit.pool, kit.clock);
  REQUIRE(after.has_value());
  CHECK(get(**after, k("a")) == "(none)");
}

TEST_CASE("a log torn anywhere in what was not acknowledged opens with all that was") {
  BrokenKit kit;
  TempDir copies;
  for (int i = 0; i < 20; ++i) REQUIRE(put(*kit, std::to_string(i), noise(3000, 7)));
  const std::string log = newest_log(kit.dir.path());
  const std::size_t acknowledged = read_file(log).size();
  const Body unsynced = *upload(*kit, noise(2 * kChunkBytes, 3));
  REQUIRE(put(*kit, "last", noise(40'000, 9)));
  const std::string bytes = read_file(log);
  int opened = 0;
  for (std::size_t page = (acknowledged + 4095) / 4096 * 4096; page + 4096 < bytes.size(); page += 16 * 4096) {
    for (const char fill : {'\0', '\xA5'}) {
      std::string torn = bytes;
      torn.replace(page, 4096, 4096, fill);
      const std::string copy = copies.path() + "/copy";
      REQUIRE(copy_live(kit.dir.path(), copy));
      write_file(copy + "/db/" + std::filesystem::path(log).filename().string(), torn);
      auto after = open_copy(copy, kit.pool, kit.clock);
      CAPTURE(page);
      REQUIRE(after.has_value());
      for (int i = 0; i < 20; ++i) CHECK(get(**after, k(std::to_string(i))).size() == 3000);
      CHECK(problems(**after).empty());
      ++opened;
      after->reset();
      std::filesystem::remove_all(copy);
    }
  }
  CHECK(opened >= 8);
}

TEST_CASE("a log damaged where it was acknowledged is refused and left as it is") {
  BrokenKit kit;
  TempDir copies;
  for (int i = 0; i < 20; ++i) REQUIRE(put(*kit, std::to_string(i), noise(3000, 7)));
  const std::string log = newest_log(kit.dir.path());
  std::string bytes = read_file(log);
  bytes[bytes.size() / 2] ^= 1;
  const std::string copy = copies.path() + "/copy";
  REQUIRE(copy_live(kit.dir.path(), copy));
  const std::string damaged = copy + "/db/" + std::filesystem::path(log).filename().string();
  write_file(damaged, bytes);
  const auto refused = open_copy(copy, kit.pool, kit.clock);
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::corrupt);
  CHECK(refused.error().text.find("acknowledged") != std::string::npos);
  CHECK(read_file(damaged) == bytes);
}

TEST_CASE("a power cut that tears the log before the newest one is mended, and the newest one with it") {
  namespace fs = std::filesystem;
  BrokenKit kit;
  TempDir copies;
  const std::string early = copies.path() + "/early";
  const std::string late = copies.path() + "/late";
  for (int i = 0; i < 5; ++i) REQUIRE(put(*kit, std::to_string(i), noise(3000, 7)));
  const std::string first = newest_log(kit.dir.path());
  const std::size_t acknowledged = read_file(first).size();
  // More than a memtable takes, and no table is finished: so there are two logs.
  kit.disk.hold_tables = true;
  const auto unsynced = upload(*kit, noise(24 * kChunkBytes, 3));
  REQUIRE(copy_live(kit.dir.path(), early));
  const bool two_more = put(*kit, "later", "x") && put(*kit, "still later", "x");
  REQUIRE(copy_live(kit.dir.path(), late));
  kit.disk.hold_tables = false;
  REQUIRE(unsynced);
  REQUIRE(two_more);
  REQUIRE(logs_of(early).size() >= 2);

  const std::string name = "/db/" + fs::path(first).filename().string();
  const std::string bytes = read_file(early + name);
  const auto opens = [&](const std::string& from, const std::string& torn) -> std::string {
    const std::string copy = copies.path() + "/copy";
    fs::remove_all(copy);
    fs::copy(from, copy, fs::copy_options::recursive);
    write_file(copy + name, torn);
    const auto after = open_copy(copy, kit.pool, kit.clock);
    if (!after) return after.error().code == Code::corrupt ? "corrupt" : after.error().text;
    for (int i = 0; i < 5; ++i) CHECK(get(**after, k(std::to_string(i))).size() == 3000);
    for (const std::string& problem : problems(**after)) return problem;
    return count_records(**after, kUploads.id) == 0 ? "good" : "an upload is left";
  };
  CHECK(opens(early, bytes) == "good");
  CHECK(opens(early, bytes.substr(0, acknowledged)) == "good");  // at the end of a record: only the numbers tell
  CHECK(opens(early, bytes.substr(0, bytes.size() / 2)) == "good");
  std::string torn = bytes;
  torn.replace(bytes.size() / 2, 4096, 4096, '\0');
  CHECK(opens(early, torn) == "good");
  torn = bytes;
  torn[acknowledged / 2] ^= 1;
  CHECK(opens(early, torn) == "corrupt");
  // What two commits in the newest log prove to have been synced is no power cut's work.
  CHECK(opens(late, bytes.substr(0, bytes.size() / 2)) == "corrupt");
  CHECK(opens(late, bytes) == "good");
}

TEST_CASE("logs that RocksDB needs no more are not looked at") {
  BrokenKit kit;
  TempDir copies;
  REQUIRE(put(*kit, "a", "x"));
  const std::string old = newest_log(kit.dir.path());
  const std::string bytes = read_file(old);
  kit.store.reset();
  kit.store = kit.open();  // brings the log into tables
  for (int i = 0; i < 5; ++i) REQUIRE(put(*kit, std::to_string(i), "x"));
  const std::string copy = copies.path() + "/copy";
  REQUIRE(copy_live(kit.dir.path(), copy));
  const std::string left_over = copy + "/db/" + std::filesystem::path(old).filename().string();
  REQUIRE(!std::filesystem::exists(left_over));
  write_file(left_over, bytes.substr(0, bytes.size() / 2));
  const auto after = open_copy(copy, kit.pool, kit.clock);
  REQUIRE(after.has_value());
  for (int i = 0; i < 5; ++i) CHECK(get(**after, k(std::to_string(i))) == "x");
}

TEST_CASE("a log that breaks off at any byte is no damage") {
  BrokenKit kit;
  for (int i = 0; i < 12; ++i) REQUIRE(put(*kit, std::to_string(i), noise(9000, 7)));
  const std::string bytes = read_file(newest_log(kit.dir.path()));
  const std::string path = kit.dir.path() + "/part";
  for (std::size_t size = 0; size < bytes.size(); size += 499) {
    write_file(path, bytes.substr(0, size));
    const auto damage = *find_log_damage({path}, 0);
    CAPTURE(size);
    CHECK(!damage);
  }
}

TEST_CASE("a copy of the directory taken while writers run opens clean") {
  BrokenKit kit;
  TempDir copies;
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const Body arrived = *upload(*kit, noise(i % 5 == 0 ? 2 * kChunkBytes + 9 : 900, static_cast<std::uint32_t>(i)));
      const auto written = write(*kit, [&](Txn& tx) -> base::Result<void> {
        tx.put_body(arrived);
        tx.put_raw(k(std::to_string(i)), "x");
        return tx.link({arrived.id(), 1, 1});
      });
      if (written) acknowledged = i + 1;
    }
  });
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    const int before = acknowledged;
    // Of a file that grows while it is copied the beginning is there, as after kill -9.
    const std::string copy = copies.path() + "/" + std::to_string(round);
    if (!copy_live(kit.dir.path(), copy, 3)) continue;
    const auto after = open_copy(copy, kit.pool, kit.clock);
    REQUIRE(after.has_value());
    for (int i = 0; i < before; ++i) CHECK(get(**after, k(std::to_string(i))) == "x");
    CHECK(problems(**after).empty());
  }
  stop = true;
  writer.join();
}

}  // namespace store::test
