#pragma once
// Private to the room (includes protobuf): a report on its way to the sender. It is prepared before the commit that
// ends the recipients it tells of, and becomes mail within that commit: filed when the sender is here, queued
// otherwise. So it is neither lost nor made twice.

#include <string>
#include <vector>

#include "net/task.h"
#include "queue/report.h"
#include "queue/shared.h"

namespace queue {

class Notice {
 public:
  /// The report of entry `of`, its body in the store, and where it goes. Errors: those of the store. Without recipients
  /// it is none.
  static net::Task<base::Result<Notice>> prepare(const Shared& shared, base::QueueId of, schema::QueuedMessage message,
                                                 std::vector<Reported> recipients);

  /// Accounts that commit() files into, for the owners of the write.
  std::vector<store::Owner> owners() const;
  base::Result<void> commit(store::Txn& tx, const Shared& shared);
  /// When the write is durable.
  void committed(Shared& shared) const;

 private:
  base::Result<void> queue_it(store::Txn& tx, bool put_body);

  bool any_ = false;
  base::QueueId id_;
  base::WallTime now_;
  std::string sender_;  // whom it goes to
  base::QueueId of_;
  std::vector<Reported> recipients_;
  Report report_;
  std::optional<mailstore::Incoming> incoming_;
  std::vector<directory::Account> accounts_;
  std::vector<schema::QueuedRecipient> elsewhere_;
  // Of the last run of commit().
  std::vector<base::AccountId> filed_;
  schema::QueuedMessage entry_;
  std::vector<schema::QueuedRecipient> queued_;  // none: it was filed
};

}  // namespace queue
