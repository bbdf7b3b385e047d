#pragma once
// Private to the room: a cache of what the store said, bounded by weight, the least recently used leaving first. All
// entries belong to one generation of the directory; a newer one empties it. Who fills it read the generation before
// the snapshot that the value came from, so an entry is never older than its generation says. Safe from any thread.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace directory {

template <class Value>
class Cache {
 public:
  explicit Cache(std::size_t max_weight) : max_weight_(max_weight) {}

  /// nullptr when there is no entry of that generation.
  std::shared_ptr<const Value> get(std::string_view key, std::uint64_t generation) {
    Entries outdated;  // freed without the lock
    const std::lock_guard lock(mutex_);
    if (!enter(generation, outdated)) return nullptr;
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->value;
  }

  /// Does nothing when `generation` has passed, or the entry alone would fill the cache.
  void put(std::string_view key, std::shared_ptr<const Value> value, std::uint64_t generation, std::size_t weight) {
    Entries outdated;
    const std::lock_guard lock(mutex_);
    if (weight > max_weight_ || !enter(generation, outdated)) return;
    if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
    by_use_.push_front({std::string(key), std::move(value), weight});
    by_key_.emplace(by_use_.front().key, by_use_.begin());
    weight_ += weight;
    while (weight_ > max_weight_) erase(std::prev(by_use_.end()));
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return by_use_.size();
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    std::size_t weight;
  };
  using Entries = std::list<Entry>;

  /// Whether `generation` is the cache's, after it became so when it is newer.
  bool enter(std::uint64_t generation, Entries& outdated) {
    if (generation > generation_) {
      by_key_.clear();
      outdated.swap(by_use_);
      weight_ = 0;
      generation_ = generation;
    }
    return generation == generation_;
  }

  void erase(typename Entries::iterator entry) {
    weight_ -= entry->weight;
    by_key_.erase(entry->key);
    by_use_.erase(entry);
  }

  mutable std::mutex mutex_;
  const std::size_t max_weight_;
  std::uint64_t generation_ = 0;
  std::size_t weight_ = 0;
  Entries by_use_;                                                           // the latest first
  std::unordered_map<std::string_view, typename Entries::iterator> by_key_;  // keys live in by_use_
};

}  // namespace directory
