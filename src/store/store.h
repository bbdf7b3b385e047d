#pragma once
// Store: everything durable, on one engine. write() runs a closure over a transaction and completes when what it wrote
// would survive a power cut; read() runs a function over a consistent snapshot on the pool. The committer runs the
// closures one after another and makes a group of them durable with one sync, so closures never conflict; a closure has
// no side effects (it may be run twice) and does nothing slow. All functions are safe from any loop's thread.
//
// Failures: no_space while the disk is below the floor (reads go on, and it recovers by itself); unavailable after an
// I/O error, until the engine was reopened (nothing of the failed group was acknowledged). A closure that returns an
// error, or throws, leaves nothing behind, and the others of its group are not touched.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/pool.h"
#include "net/task.h"
#include "store/table.h"

namespace store {

/// What a write touches, for engines that lock by owner.
struct Owner {
  enum class Kind : std::uint8_t { directory, account, queue } kind = Kind::account;
  std::uint64_t id = 0;

  static Owner of(base::AccountId account) { return {Kind::account, account.value}; }
  static Owner of(base::QueueId entry) { return {Kind::queue, entry.value}; }
  static Owner directory() { return {Kind::directory, 0}; }
};

/// Bodies of up to this size are written within the commit; larger ones in chunks of this size as they arrive.
inline constexpr std::size_t kChunkBytes = 256 * 1024;

/// A finished body that is not committed yet. Cheap to copy (shared). Chunks of a body that is dropped without having
/// been committed are removed again.
class Body {
 public:
  base::BlobId id() const;
  std::uint64_t size() const;
  /// Appends bytes [offset, offset + length) to `out`; may block on the disk (on the pool) when size() > kChunkBytes.
  base::Result<void> read(std::uint64_t offset, std::uint64_t length, std::string& out) const;

  struct State;
  explicit Body(std::shared_ptr<State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

/// Takes a body as it arrives. On one loop; dropped without finish() it leaves nothing.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Errors: no_space, unavailable. After an error the writer only can be dropped.
  virtual net::Task<base::Result<void>> append(std::string_view bytes) = 0;
  virtual Body finish() = 0;
};

enum class Kind {
  ordinary,
  frees_space,  // mostly removes: also allowed below the floor of free space
};

struct Options {
  std::string directory;
  std::uint64_t min_free_bytes = 64ull << 20;    // the floor of free space
  std::size_t write_buffer_bytes = 64ull << 20;  // of all memtables together
  std::size_t block_cache_bytes = 32ull << 20;
  bool no_sync = false;  // the syncs do nothing: exists so that a test can show that the power-cut test notices
};

struct Problem {
  std::string where;  // the record or body
  std::string what;
};

class Store {
 public:
  virtual ~Store() = default;

  using Closure = std::move_only_function<base::Result<void>(Txn&)>;
  virtual net::Task<base::Result<void>> write(std::vector<Owner> owners, Closure closure,
                                              Kind kind = Kind::ordinary) = 0;

  /// A snapshot of what is durable. Blocks. Errors: unavailable.
  virtual base::Result<std::unique_ptr<Reader>> reader() const = 0;

  /// Runs `function(const Reader&)`, which returns a base::Result<…>, on the pool.
  template <class F>
  auto read(F function) const -> net::Task<std::invoke_result_t<F&, const Reader&>> {
    return pool().run([this, function = std::move(function)]() mutable -> std::invoke_result_t<F&, const Reader&> {
      TRY_ASSIGN(const auto snapshot, reader());
      return function(*snapshot);
    });
  }

  virtual net::Pool& pool() const = 0;

  virtual std::unique_ptr<BodyWriter> new_body() = 0;

  /// A number that is greater than all that were given out before, also before a restart; grows with time. For EmailId,
  /// QueueId, AccountId: every id that must never come back.
  virtual std::uint64_t next_id() = 0;

  /// Walks bodies, links and chunks and reports what is wrong with them; goes on after each problem. Records of the
  /// other rooms are theirs to check. Returns how many bodies were seen.
  virtual base::Result<std::uint64_t> check(const std::function<void(Problem)>& report) const = 0;

  /// False while writes are refused (floor of free space, or the engine is being reopened); `why` in words.
  virtual bool accepts_writes(std::string* why = nullptr) const = 0;
};

/// Opens, or makes, the embedded store in `options.directory`. Errors in words for the operator: busy (another process
/// has it open), unsupported (a newer schema: which version is needed), corrupt, unavailable.
base::Result<std::unique_ptr<Store>> open_embedded(const Options& options, net::Pool& pool, const base::Clock& clock,
                                                   base::Log log);

/// The same interface over ordered maps, for tests; `faults` lets a test hold or fail the next syncs.
struct Faults {
  virtual ~Faults() = default;
  /// Called where a group would be synced, on a thread of the committer; may block; an error fails the group.
  virtual base::Result<void> sync() = 0;
};
std::unique_ptr<Store> open_memory(net::Pool& pool, const base::Clock& clock, base::Log log, Faults* faults = nullptr);

}  // namespace store
