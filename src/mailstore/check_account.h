#pragma once
// Private to the room (sees protobuf). The check of one account: its records are walked table by table in key order,
// and what they say about each other is compared. Memory: 32 bytes a placement. Whatever is wrong is reported with
// account, mailbox and uid, and the walk goes on; only a store that cannot be read ends it.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mailstore/saved_view.h"
#include "mailstore/tables.h"
#include "store/store.h"

namespace mailstore {

class AccountCheck {
 public:
  using Report = std::function<void(store::Problem)>;

  AccountCheck(const store::Reader& reader, AccountId account, const Report& report)
      : reader_(reader), account_(account), report_(report) {}

  base::Result<void> run();

 private:
  /// What a mailbox's record says, and what its placements say.
  struct Box {
    std::optional<schema::MailboxRecord> record;  // nothing: it does not decode
    int names = 0;
    bool broken_placements = false;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;
    Uid last_uid = 0;
    ModSeq highest_modseq = 0;
    std::map<AccountId, std::uint32_t> seen_by;  // by readers with a \Seen of their own
  };
  /// A placement, as it is seen from its email.
  struct Reference {
    EmailId email;
    MailboxId mailbox;
    Uid uid;
    std::uint64_t size;
    auto place() const { return std::tuple(email, mailbox, uid); }
  };

  base::Result<void> check_removed();
  base::Result<void> read_mailboxes();
  base::Result<void> check_acl(MailboxId mailbox, const Acl& acl);
  base::Result<void> read_names();
  base::Result<void> read_saved(MailboxId mailbox);
  void compare_saved(MailboxId mailbox, Uid uid, const schema::PlacementRecord& record);
  base::Result<void> read_placements();
  base::Result<void> compare_placement_of();
  base::Result<void> read_emails();
  base::Result<void> check_email(EmailId email, const schema::EmailRecord& record);
  base::Result<void> read_rest();
  base::Result<void> read_readers();
  void check_placement(MailboxId mailbox, Uid uid, const schema::PlacementRecord& record);
  void compare_mailboxes();
  void compare_account();
  void expect(bool holds, const std::string& where, const std::string& what);
  void expect_equal(std::uint64_t said, std::uint64_t counted, const std::string& where, const char* what);
  std::string here() const { return "account " + std::to_string(account_.value); }
  std::string here(MailboxId mailbox) const { return here() + ", mailbox " + std::to_string(mailbox.value); }
  std::string here(MailboxId mailbox, Uid uid) const { return here(mailbox) + ", uid " + std::to_string(uid); }
  std::string here(EmailId email) const { return here() + ", email " + std::to_string(email.value); }

  template <class K, class V, class F>
  base::Result<void> each(const store::Table<K, V>& table, F f);

  const store::Reader& reader_;
  const AccountId account_;
  const Report& report_;
  std::optional<schema::MailAccount> record_;
  std::set<MailboxId> removals_;
  std::map<MailboxId, Box> boxes_;
  std::vector<Reference> references_;
  std::set<std::pair<MailboxId, Uid>> broken_placements_;
  MailboxId saved_of_;  // whose saved view is at hand
  Synced saved_;
  std::size_t saved_at_ = 0;
  std::uint64_t placements_ = 0;
  std::uint64_t emails_ = 0;
  std::uint64_t email_bytes_ = 0;
  bool broken_emails_ = false;
};

}  // namespace mailstore
