#pragma once
// Private to the room. The mailboxes that were last asked for by their paths, as they were in a snapshot of their
// account at some modseq: while no later one was assigned (Live) nothing of the account has changed, and they need no
// look at the store. Bounded by kMaxBytes, the least recently used leaving first. Any thread; never blocks.

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "mailstore/types.h"

namespace mailstore {

class KnownMailboxes {
 public:
  static constexpr std::size_t kMaxBytes = 8u << 20;

  explicit KnownMailboxes(std::size_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

  /// As `reader` has it; nothing when it is not known as of `assigned`, or of later.
  std::optional<Mailbox> find(AccountId account, const std::string& path, AccountId reader, ModSeq assigned) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find({account, path, reader});
    if (found == by_key_.end() || found->second->synced < assigned) return std::nullopt;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->mailbox;
  }

  /// `synced`: the modseq of the account in the snapshot that it was read from.
  void put(AccountId account, const std::string& path, AccountId reader, const Mailbox& mailbox, ModSeq synced) {
    std::list<Entry> entry;  // made, and what it replaces freed, without the lock
    Key key{account, path, reader};
    std::size_t bytes = sizeof(Entry) + 100 + 2 * (path.size() + mailbox.name.size());
    for (const AclEntry& each : mailbox.acl) bytes += sizeof(each) + each.grantee.name.size();
    entry.push_back({.mailbox = mailbox, .synced = synced, .bytes = bytes, .at = {}});
    std::list<Entry> garbage;
    const std::lock_guard lock(mutex_);
    const auto [at, made] = by_key_.try_emplace(std::move(key));
    if (!made) {
      if (at->second->synced > synced) return;
      bytes_ -= at->second->bytes;
      garbage.splice(garbage.begin(), by_use_, at->second);
    }
    by_use_.splice(by_use_.begin(), entry);
    at->second = by_use_.begin();
    by_use_.front().at = at;
    bytes_ += bytes;
    while (bytes_ > max_bytes_ && by_use_.size() > 1) {
      const auto oldest = std::prev(by_use_.end());
      bytes_ -= oldest->bytes;
      by_key_.erase(oldest->at);
      garbage.splice(garbage.begin(), by_use_, oldest);
    }
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return by_use_.size();
  }

 private:
  struct Entry;
  using Key = std::tuple<AccountId, std::string, AccountId>;
  using ByKey = std::map<Key, std::list<Entry>::iterator>;
  struct Entry {
    Mailbox mailbox;
    ModSeq synced = 0;
    std::size_t bytes = 0;
    ByKey::iterator at;
  };

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Entry> by_use_;  // the latest first
  ByKey by_key_;
};

}  // namespace mailstore
