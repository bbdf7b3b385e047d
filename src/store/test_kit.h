#pragma once
// Private to the room's tests: stores to try things on. MemoryKit and RocksKit offer the same, so that one suite runs
// over both engines; helpers run tasks to their end on a loop of the calling thread.

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../../tests/support/temp_dir.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/pool.h"
#include "store/memory_engine.h"
#include "store/records.h"
#include "store/rocks_engine.h"
#include "store/store.h"

namespace store::test {

/// A clock that a test turns; it moves on by a microsecond with each look.
class TestClock final : public base::Clock {
 public:
  base::WallTime now() const override { return base::WallTime(std::chrono::microseconds(micros_.fetch_add(1))); }
  base::SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  void set(std::int64_t micros) { micros_ = micros; }

 private:
  mutable std::atomic<std::int64_t> micros_{1'700'000'000'000'000};
};

/// The files of an open store, with the sizes of all but its logs, which grow with every write.
inline std::map<std::string, std::uintmax_t> files_of(const std::string& directory) {
  std::map<std::string, std::uintmax_t> files;
  std::error_code gone;
  for (std::filesystem::recursive_directory_iterator at(directory, gone), end; at != end; at.increment(gone)) {
    const auto& path = at->path();
    if (at->is_regular_file(gone)) files[path.string()] = path.extension() == ".log" ? 0 : at->file_size(gone);
  }
  return files;
}

/// Copies the directory of an open store as it stands at one moment, as a crash would leave it: again when flushes or
/// compactions, which run in the background, made or removed files meanwhile. False when it never stood still.
inline bool copy_live(const std::string& from, const std::string& to, int tries = 100) {
  for (int i = 0; i < tries; ++i) {
    std::filesystem::remove_all(to);
    const auto before = files_of(from);
    std::error_code failed;
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, failed);
    if (!failed && files_of(from) == before) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::filesystem::remove_all(to);
  return false;
}

using tests::TempDir;

inline Options small_options(const std::string& directory) {
  Options options;
  options.directory = directory;
  options.min_free_bytes = 0;
  options.write_buffer_bytes = 8 << 20;
  options.block_cache_bytes = 4 << 20;
  return options;
}

/// Lets a test hold or fail the syncs of the memory engine.
class TestFaults final : public Faults {
 public:
  base::Result<void> sync() override {
    std::unique_lock lock(mutex_);
    ++syncs_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    if (failures_ == 0) return {};
    --failures_;
    return base::fail(base::Code::unavailable, "the sync failed (a test)");
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void fail_next(int count) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
  }
  void await_sync(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return syncs_ >= count; });
  }
  int syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int failures_ = 0;
  int syncs_ = 0;
};

struct MemoryKit {
  static constexpr const char* name = "memory";
  TestClock clock;
  net::Pool pool{2};
  TestFaults faults;
  std::unique_ptr<Store> store = open_memory(pool, clock, {}, &faults);
  Store& operator*() { return *store; }
};

struct RocksKit {
  static constexpr const char* name = "rocksdb";
  TempDir dir;
  TestClock clock;
  net::Pool pool{2};
  std::unique_ptr<Store> store = open();
  Store& operator*() { return *store; }

  std::unique_ptr<Store> open() { return std::move(*open_embedded(small_options(dir.path()), pool, clock, {})); }
  void reopen() {
    store.reset();
    store = open();
  }
};

inline base::Result<void> write(Store& store, Store::Closure closure, Kind kind = Kind::ordinary) {
  return net::run(store.write({Owner::directory()}, std::move(closure), kind));
}

namespace detail {
inline net::Task<void> counted(net::Task<void> task, std::size_t& left, net::Loop& loop) {
  co_await std::move(task);
  if (--left == 0) loop.stop();
}
}  // namespace detail

/// Runs all of them at once, on one loop, to their end.
inline void run_all(std::vector<net::Task<void>> tasks) {
  net::Loop loop;
  std::size_t left = tasks.size();
  for (auto& task : tasks) loop.spawn(detail::counted(std::move(task), left, loop));
  loop.run();
}

/// How a number of writes ended.
struct Outcomes {
  int ok = 0;
  int thrown = 0;
  std::map<base::Code, int> errors;
};

/// One write, its end noted; for run_all().
inline net::Task<void> attempt(Store& store, Store::Closure closure, Outcomes& outcomes) {
  try {
    const auto result = co_await store.write({Owner::directory()}, std::move(closure));
    if (result) {
      ++outcomes.ok;
    } else {
      ++outcomes.errors[result.error().code];
    }
  } catch (const std::runtime_error&) {
    ++outcomes.thrown;
  }
}

/// A key of a table that no room has.
inline std::string k(std::string_view name) { return "\xC8" + std::string(name); }

/// The whole of a body that was uploaded as pieces of `piece` bytes.
inline base::Result<Body> upload(Store& store, const std::string& bytes, std::size_t piece = 100'000) {
  auto writer = store.new_body();
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string part = bytes.substr(at, piece);
    TRY(net::run(writer->append(part)));
  }
  return writer->finish();
}

/// Bytes that do not compress and differ by seed.
inline std::string noise(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 2654435761ull + 1;
  for (char& c : bytes) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    c = static_cast<char>(state >> 33);
  }
  return bytes;
}

inline std::string get(Store& store, const std::string& key) {
  std::string value;
  const auto reader = store.reader();
  if (!reader) return "error: " + reader.error().text;
  const auto found = (*reader)->get_raw(key, value);
  if (!found) return "error: " + found.error().text;
  return *found ? value : "(none)";
}

inline std::string body(Store& store, base::BlobId blob, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
  std::string bytes;
  const auto reader = store.reader();
  if (!reader) return "error: " + reader.error().text;
  const auto read = (*reader)->read_body(blob, offset, length, bytes);
  return read ? bytes : "error: " + read.error().text;
}

/// What check() finds wrong, a line each.
inline std::vector<std::string> problems(Store& store) {
  std::vector<std::string> lines;
  const auto checked = store.check([&](Problem problem) { lines.push_back(problem.where + " " + problem.what); });
  if (!checked) lines.push_back("error: " + checked.error().text);
  return lines;
}

/// How many keys there are under a table id.
inline std::size_t count_records(Store& store, std::uint8_t table) {
  const auto reader = store.reader();
  const std::string from = encode_key(table);
  std::size_t count = 0;
  for (auto cursor = (*reader)->scan_raw(from, prefix_end(from)); cursor->valid(); cursor->next()) ++count;
  return count;
}

}  // namespace store::test
