#pragma once
// Private to the room. Engine: what the store needs of whatever keeps its bytes: two ordered spaces, consistent
// snapshots, and one atomic write that can be made durable. Everything else (closures, groups, bodies, ids, the floor
// of free space) is the same for all engines and stands above.
//
// Threads: snapshot(), append() and the read-only functions from any thread; commit(), recover() and idle() by the
// committer only, one at a time. After an error of commit() or append(), or one in the background, failure() says why
// and nothing more is written until recover() has succeeded. What a failed commit wrote may or may not be there
// afterwards.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "store/table.h"

namespace store {

enum class Space : std::uint8_t { records, bodies };

/// What a key is to hold: a value in two parts, so that a body's bytes are shared until the engine takes them, or
/// nothing at all.
struct Entry {
  std::string head = {};
  std::shared_ptr<const std::string> tail = nullptr;
  bool erased = false;

  std::size_t size() const { return head.size() + (tail ? tail->size() : 0); }
};

/// Writes in key order, the last one of a key winning. Iterators stay valid while it grows.
class WriteSet {
 public:
  using Map = std::map<std::string, Entry, std::less<>>;

  void put(Space space, std::string key, Entry entry);
  void erase(Space space, std::string key) { put(space, std::move(key), Entry{.erased = true}); }
  /// Takes over all of `newer`, which wins.
  void absorb(WriteSet&& newer);

  const Map& map(Space space) const { return maps_[static_cast<std::size_t>(space)]; }
  const Entry* find(Space space, std::string_view key) const;
  bool empty() const { return maps_[0].empty() && maps_[1].empty(); }
  std::size_t count() const { return maps_[0].size() + maps_[1].size(); }
  /// Bytes of keys and values, at least (an entry that was replaced may be counted twice).
  std::size_t bytes() const { return bytes_; }
  /// Grows with every write: a cursor that sees it change looks up its place again.
  std::uint64_t version() const { return version_; }

 private:
  Map maps_[2];
  std::size_t bytes_ = 0;
  std::uint64_t version_ = 0;
};

class Snapshot {
 public:
  using Use = std::function<void(std::string_view value)>;

  virtual ~Snapshot() = default;
  /// Hands the value to `use` and returns true, or false when there is none.
  virtual base::Result<bool> get(Space space, std::string_view key, const Use& use) const = 0;
  /// Keys in [from, to); an empty `to` means no bound. The cursor keeps the snapshot.
  virtual std::unique_ptr<RawCursor> cursor(Space space, std::string from, std::string to) const = 0;
  virtual base::Result<std::optional<std::pair<std::string, std::string>>> last(Space space, std::string from,
                                                                                std::string to) const = 0;
};

enum class Durability { synced, unsynced };

class Engine {
 public:
  virtual ~Engine() = default;

  virtual base::Result<std::shared_ptr<const Snapshot>> snapshot() const = 0;

  /// Writes all of it or nothing. When it returns well, readers see it and, if synced, it survives a power cut, with
  /// everything that was written before it.
  virtual base::Result<void> commit(const WriteSet& writes, Durability durability) = 0;

  /// commit() unsynced, from any thread, for the chunks of bodies; fails when `generation` is not the current one.
  virtual base::Result<void> append(const WriteSet& writes, std::uint64_t generation) = 0;

  /// Grows with each recover(). What was written unsynced in an older one may be lost.
  virtual std::uint64_t generation() const = 0;

  virtual std::optional<base::Error> failure() const = 0;
  /// Calls `notify`, from any thread, when failure() begins to hold without a call of commit(). Set once, at first.
  virtual void on_failure(std::function<void()> notify) = 0;
  /// Tries once to get going again after a failure.
  virtual base::Result<void> recover() = 0;

  /// Some seconds have passed without work: give memory back.
  virtual void idle() = 0;

  virtual std::uint64_t free_bytes() const = 0;
};

}  // namespace store
