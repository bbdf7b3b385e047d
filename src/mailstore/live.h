#pragma once
// Live: what the mail store knows of accounts in memory only: who watches them, the highest modseq that a write closure
// of this process has assigned, and what was shown as \Recent. Any thread; nothing here blocks.
//
// assigned() is what lets a view be answered without a look at the store: it is raised inside the closure, so before
// the commit is durable, and never lowered. A view that was read from a snapshot with at least that modseq has
// everything. (When a commit fails, the value stays too high until the next change of the account: views are then
// read from the store, which costs a hop and is never wrong.)

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "mailstore/types.h"

namespace mailstore {

class Watch;

class Live {
 public:
  void assign(AccountId account, ModSeq modseq);
  ModSeq assigned(AccountId account) const;

  std::unique_ptr<Watch> watch(AccountId account, std::function<void()> on_change);
  void changed(AccountId account);

  /// RFC 3501 §2.3.2. What is not known (after a start) counts as recent.
  Uid first_recent(AccountId account, MailboxId mailbox, Uid uid_next, bool take);
  void forget_recent(AccountId account, MailboxId mailbox);
  void forget(AccountId account);

  struct Hub;

 private:
  /// One for each account that was changed or watched in this process; it stays (its number is that of accounts).
  struct Entry {
    ModSeq assigned = 0;
    std::weak_ptr<Hub> hub;
    std::unordered_map<std::uint64_t, Uid> recent;  // by mailbox: the first UID that was not taken
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, Entry> entries;
  };
  Shard& shard(AccountId account) { return shards_[account.value % shards_.size()]; }
  const Shard& shard(AccountId account) const { return shards_[account.value % shards_.size()]; }

  std::array<Shard, 16> shards_;
};

}  // namespace mailstore
