#pragma once
// Private to the room. Views: the newest view of each mailbox that is in use, and the work of keeping it so. Sessions
// that ask at the same time share one look at the store; whoever asks is answered from a snapshot taken after it asked,
// or from a view that is known to have everything (Live::assigned). Views are kept up to kCachedRows rows in all;
// beyond that only as long as a session holds them. Those of large mailboxes are handed out to be saved when what was
// saved of them is so old that reading it and moving it forward would take long. Any thread.

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "mailstore/edit.h"
#include "mailstore/rows.h"
#include "mailstore/saved_view.h"
#include "net/completion.h"
#include "net/task.h"

namespace mailstore {

class Views : public std::enable_shared_from_this<Views> {
 public:
  static constexpr std::size_t kCachedRows = 1'000'000;

  /// A view of fewer rows is read from its placements in a millisecond.
  static constexpr std::size_t kSavedRows = 2000;

  /// Saves a view (saved_view.h), soon; called on the pool, must not block.
  using Save = std::function<void(AccountId account, Synced view)>;

  Views(Context& context, Save save, std::size_t cached_rows = kCachedRows, std::size_t saved_rows = kSavedRows);

  using Result = base::Result<std::shared_ptr<const View>>;
  /// As `reader` has it; 0: as the owner.
  net::Task<Result> get(AccountId account, MailboxId mailbox, AccountId reader = {});

  /// Nothing that was read before is given out any more.
  void drop(AccountId account);

 private:
  struct Id {
    AccountId account;
    MailboxId mailbox;
    AccountId reader;  // 0: the owner, and what is said of nobody in particular
    auto operator<=>(const Id&) const = default;
  };
  using Waiter = std::shared_ptr<net::Completion<Result>>;

  /// What of a mailbox was saved: the modseqs of account and mailbox (0: nothing), and how many rows were changed
  /// since.
  struct Saved {
    ModSeq synced = 0;
    ModSeq highest = 0;
    std::size_t behind = 0;
  };
  struct Loaded : Synced {
    Saved saved;
  };
  struct Entry {
    std::shared_ptr<const Rows> strong;
    std::weak_ptr<const Rows> weak;
    ModSeq synced = 0;
    Saved saved;
    std::size_t cost = 0;             // of `strong`
    std::list<Id>::iterator recency;  // valid while `strong` is set
    std::vector<Waiter> waiting;      // for a look at the store that has not begun
    bool working = false;             // a worker looks after this entry
    bool dropped = false;             // while the worker was busy
  };
  /// Views that are to be destroyed once the lock is released.
  using Garbage = std::vector<std::shared_ptr<const Rows>>;

  void work(Id id);
  base::Result<Loaded> load(Id id, Loaded base) const;
  Loaded read_saved(const store::Reader& reader, Id id, const schema::MailboxRecord& record) const;
  bool worth_saving(const Loaded& loaded) const;
  base::Result<std::optional<Loaded>> move_forward(const store::Reader& reader, Id id,
                                                   const schema::MailAccount& account,
                                                   const schema::MailboxRecord& record, Loaded& base) const;
  base::Result<std::shared_ptr<const Rows>> read_by(const store::Reader& reader, Id id,
                                                    const schema::MailboxRecord& record,
                                                    std::shared_ptr<const Rows> owners) const;
  base::Result<std::shared_ptr<const Rows>> read_all(const store::Reader& reader, Id id,
                                                     const schema::MailboxRecord& record) const;
  base::Result<std::shared_ptr<const Rows>> advance(const store::Reader& reader, Id id,
                                                    const schema::MailboxRecord& record, Loaded& base,
                                                    ModSeq until) const;
  void keep(Id id, Entry& entry, const Loaded& loaded, Garbage& garbage);
  void release(Entry& entry, Garbage& garbage);
  void sweep();

  Context& context_;
  const Save save_;
  const std::size_t cached_rows_;
  const std::size_t saved_rows_;
  const base::Counter kept_, advanced_, restored_, read_;  // how views were come by
  const base::Gauge cached_gauge_;
  std::mutex mutex_;
  std::map<Id, Entry> entries_;
  std::list<Id> recency_;  // newest first
  std::size_t rows_ = 0;
  std::size_t sweep_at_ = 1024;
};

}  // namespace mailstore
