#pragma once
// Private to the room. Gaps: where a table has no rows. Rows of queue.ready and queue.due are taken from their front as
// fast as mail goes out, and a store of the LSM kind keeps each removed row as a marker until it is compacted: a scan
// from the front would step over all that went out lately, again and again. What one scan found empty the next one
// leaps over.
//
// A gap may only be believed while nothing is written into it. Who commits a row calls fill() behind the commit and
// before it wakes the worker; a scan of a snapshot taken before that must not bring the gap back, so learn() wants the
// epoch() from before its snapshot. Safe from any thread; a lookup costs a search in at most kMost gaps.

#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "queue/records.h"

namespace queue {

template <class Key>
class Gaps {
 public:
  /// To be asked before the snapshot is taken.
  std::uint64_t epoch() const {
    const std::lock_guard lock(mutex_);
    return filled_count_;
  }

  /// The first key from `key` on where there may be a row.
  Key after(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto gap = containing(key);
    return gap == gaps_.end() ? key : gap->second;
  }

  /// A snapshot had no row with from <= key < to.
  void learn(Key from, Key to, std::uint64_t epoch) {
    if (!(from < to)) return;
    const std::lock_guard lock(mutex_);
    // What was filled meanwhile, and may have been committed behind the snapshot.
    const std::uint64_t since = filled_count_ - epoch;
    if (since > filled_.size()) return;
    for (auto key = filled_.end() - static_cast<std::ptrdiff_t>(since); key != filled_.end(); ++key) {
      if (from <= *key && *key < to) return;
    }
    auto gap = gaps_.upper_bound(from);
    if (gap != gaps_.begin() && std::prev(gap)->second >= from) --gap;
    while (gap != gaps_.end() && gap->first <= to) {
      from = std::min(from, gap->first);
      to = std::max(to, gap->second);
      gap = gaps_.erase(gap);
    }
    if (gaps_.size() >= kMost) gaps_.clear();
    gaps_.emplace(std::move(from), std::move(to));
  }

  /// A row with the key was committed.
  void fill(const Key& key) {
    const std::lock_guard lock(mutex_);
    ++filled_count_;
    filled_.push_back(key);
    if (filled_.size() > kRemembered) filled_.pop_front();
    const auto gap = containing(key);
    if (gap == gaps_.end()) return;
    const Key to = std::move(gap->second);
    if (gap->first < key) {
      gap->second = key;
    } else {
      gaps_.erase(gap);
    }
    if (const Key next = successor(key); next < to) gaps_.emplace(next, to);
  }

  /// Any rows may have been committed.
  void forget() {
    const std::lock_guard lock(mutex_);
    gaps_.clear();
    filled_.clear();
    filled_count_ += kRemembered + 1;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return gaps_.size();
  }

  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kRemembered = 1000;  // keys that were filled

 private:
  auto containing(const Key& key) const { return containing_in(gaps_, key); }
  auto containing(const Key& key) { return containing_in(gaps_, key); }
  static auto containing_in(auto& gaps, const Key& key) {
    auto gap = gaps.upper_bound(key);
    if (gap == gaps.begin() || std::prev(gap)->second <= key) return gaps.end();
    return std::prev(gap);
  }

  mutable std::mutex mutex_;
  std::map<Key, Key> gaps_;  // guarded by mutex_, as all that follows: from, to; disjoint, none touches another
  std::deque<Key> filled_;   // the latest
  std::uint64_t filled_count_ = 0;
};

/// Both tables' gaps.
struct TableGaps {
  Gaps<ReadyKey> ready;
  Gaps<DueKey> due;

  /// A recipient was committed as it stands here.
  void fill(Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient) {
    if (recipient.held()) return;
    if (recipient.due_us() > 0) {
      due.fill(due_key(ref, recipient));
    } else {
      ready.fill(ready_key(ref, message, recipient));
    }
  }
  /// An entry was committed by put_entry().
  void fill_entry(base::QueueId id, const schema::QueuedMessage& message,
                  const std::vector<schema::QueuedRecipient>& recipients) {
    std::uint32_t number = 0;
    for (const schema::QueuedRecipient& recipient : recipients)
      fill({id, number++}, message, first_state(message, recipient));
  }
  void forget() {
    ready.forget();
    due.forget();
  }
};

}  // namespace queue
