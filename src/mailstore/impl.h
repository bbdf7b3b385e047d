#pragma once
// Private to the room (sees protobuf). The mail store that there is; its functions stand in mailstore.cpp (filing,
// wiring), changes.cpp (what a client has missed), folders.cpp (mailboxes), messages.cpp (flags, copy, move, expunge),
// access_keys.cpp, annotations.cpp, acl.cpp (rights of others), removal.cpp and copies.cpp (what takes
// many commits) and unfinished.cpp (what was interrupted).

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mailstore/edit.h"
#include "mailstore/known_mailboxes.h"
#include "mailstore/mailstore.h"
#include "mailstore/tables.h"
#include "mailstore/thread_ids.h"
#include "mailstore/views.h"

namespace mailstore {

/// Of messages from one mailbox to another.
struct Route {
  AccountId account;
  MailboxId from;
  Target to;
  bool remove = false;     // from where they were
  std::uint64_t copy = 0;  // the id under which several commits of a copy are noted

  AccountId target() const { return to.account.value_or(account); }
};

class Impl final : public Mailstore {
 public:
  Impl(store::Store& store, const base::Clock& clock, base::Log log);
  ~Impl() override;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<Filed> file(store::Txn& tx, AccountId account, std::optional<MailboxId> mailbox, const Incoming& message,
                           const FileOptions& options) override;
  void changed(AccountId account) override { context_.live.changed(account); }
  net::Task<base::Result<std::vector<Filed>>> append(AccountId account, MailboxId mailbox,
                                                     std::vector<AppendMessage> messages) override;
  net::Task<base::Result<Filed>> replace(AccountId account, MailboxId from, Uid uid, Target to,
                                         AppendMessage message) override;

  net::Task<base::Result<MailboxList>> mailboxes(AccountId account, AccountId reader) override;
  net::Task<base::Result<Mailbox>> mailbox(AccountId account, std::string name, AccountId reader) override;
  net::Task<base::Result<Mailbox>> create_mailbox(AccountId account, std::string name, Role role,
                                                  bool by_guest) override;
  net::Task<base::Result<void>> remove_mailbox(AccountId account, MailboxId mailbox) override;
  net::Task<base::Result<void>> rename_mailbox(AccountId account, MailboxId mailbox, std::string new_name) override;
  net::Task<base::Result<void>> set_role(AccountId account, MailboxId mailbox, Role role) override;
  net::Task<base::Result<void>> subscribe(AccountId account, std::string name) override;
  net::Task<base::Result<void>> unsubscribe(AccountId account, std::string name) override;
  net::Task<base::Result<Usage>> usage(AccountId account) override;

  net::Task<base::Result<std::shared_ptr<const View>>> view(AccountId account, MailboxId mailbox,
                                                            AccountId reader) override {
    return views_->get(account, mailbox, reader);
  }
  net::Task<base::Result<std::optional<std::vector<Uid>>>> vanished(AccountId account, MailboxId mailbox,
                                                                    ModSeq since) override;
  net::Task<base::Result<Changes>> changes(AccountId account, ModSeq since) override;
  std::unique_ptr<Watch> watch(AccountId account, std::function<void()> on_change) override {
    return context_.live.watch(account, std::move(on_change));
  }
  Uid first_recent(AccountId account, MailboxId mailbox, Uid uid_next, bool take) override {
    return context_.live.first_recent(account, mailbox, uid_next, take);
  }

  net::Task<base::Result<std::vector<Uid>>> store_flags(AccountId account, MailboxId mailbox, std::vector<Uid> uids,
                                                        FlagChange change, Flags flags,
                                                        std::optional<ModSeq> unchanged_since, FlagMask mask,
                                                        AccountId reader, OnCommit on_commit) override;
  net::Task<base::Result<Copied>> copy(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                       OnCommit on_commit) override;
  net::Task<base::Result<Copied>> move(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                       OnCommit on_commit) override;
  net::Task<base::Result<std::vector<Uid>>> expunge(AccountId account, MailboxId mailbox,
                                                    std::optional<std::vector<Uid>> uids) override;
  net::Task<base::Result<void>> read(AccountId account,
                                     std::move_only_function<base::Result<void>(EmailReader&)> function) override;

  net::Task<base::Result<std::string>> access_key(AccountId account, MailboxId mailbox, bool make) override;
  net::Task<base::Result<void>> replace_access_key(AccountId account, MailboxId mailbox) override;
  net::Task<base::Result<void>> remove_access_keys(AccountId account) override;

  net::Task<base::Result<Acl>> acl(AccountId account, MailboxId mailbox) override;
  net::Task<base::Result<void>> change_acl(AccountId account, MailboxId mailbox, AclChange change) override;
  net::Task<base::Result<void>> set_own_seen(AccountId account, MailboxId mailbox, bool own) override;
  net::Task<base::Result<std::vector<Grant>>> grants(Visitor visitor) override;

  net::Task<base::Result<std::vector<Annotation>>> annotations(AccountId account, MailboxId mailbox,
                                                               AccountId reader) override;
  net::Task<base::Result<void>> annotate(AccountId account, MailboxId mailbox, AccountId writer,
                                         std::vector<AnnotationChange> changes) override;

  net::Task<base::Result<void>> purge(AccountId account) override;
  base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) override;

 private:
  using Step = std::move_only_function<base::Result<void>(Edit&)>;
  /// One step of an account in a commit of its own, and changed().
  net::Task<base::Result<void>> edit(AccountId account, Step step, store::Kind kind = store::Kind::ordinary);
  /// A step of two accounts; both get their mailboxes first when they have none.
  using StepOfTwo = std::move_only_function<base::Result<void>(Edit&, Edit&)>;
  net::Task<base::Result<void>> edit_two(AccountId one, AccountId other, StepOfTwo step);
  /// Makes the first mailboxes of an account that has none.
  net::Task<base::Result<void>> ensure_account(AccountId account);
  net::Task<base::Result<void>> move_all(AccountId account, MailboxId from, MailboxId to);

  /// Removes the placements of a removed mailbox, batch by batch.
  net::Task<base::Result<void>> drain(AccountId account, MailboxId mailbox);
  net::Task<base::Result<void>> purge_tables(AccountId account);
  net::Task<base::Result<void>> purge_grants(AccountId account);

  net::Task<base::Result<Copied>> copy_all(Route route, const std::vector<Uid>& uids, const OnCommit& on_commit);
  /// One commit of a copy or move, after which so many messages less are to come.
  net::Task<base::Result<Copied>> transfer_some(const Route& route, std::span<const Uid> uids, std::size_t to_come);
  /// Removes what a copy of several commits has made, and its record; nothing when there is none.
  net::Task<base::Result<void>> take_back(AccountId account, std::uint64_t copy);

  /// A removed account, or a removed mailbox of it, or a copy that is to be taken back, or a view that is to be saved.
  struct Unfinished {
    AccountId account;
    MailboxId mailbox{};
    std::uint64_t copy = 0;
    Synced view{};
  };
  void finish_later(const Unfinished& work);
  void find_unfinished();
  void finish_all();
  bool finish_one(const Unfinished& work);
  void stop_finishing();

  Context context_;
  std::shared_ptr<Views> views_;
  KnownMailboxes known_;
  std::atomic<bool> stopping_{false};
  std::mutex unfinished_mutex_;
  std::condition_variable wake_finisher_;
  std::deque<Unfinished> unfinished_;
  std::thread finisher_;  // made when it is needed; ended by the destructor
};

/// Writes down, in the step that made them, what a copy of several commits has made.
base::Result<void> note_copies(Edit& edit, std::uint64_t copy, MailboxId to, const std::vector<Uid>& made);

/// The thread of a new email, and the ids that become known to belong to it.
struct Threading {
  std::uint64_t thread = 0;
  std::vector<std::uint64_t> unknown;
};
/// RFC 8621 §3: the thread of the first known message among itself and those that it answers. Nobody known: a new one,
/// to which it, what it answers and the root belong, so that a message that arrives after its reply joins it. Threads
/// never merge.
base::Result<Threading> find_thread(const store::Reader& reader, AccountId account, const ThreadIds& ids,
                                    EmailId email);
void put_thread(store::Txn& tx, AccountId account, const Threading& threading);

/// What stands in `reader`: an email's record as the callers see it.
std::unique_ptr<EmailReader> make_email_reader(const store::Reader& reader, AccountId account);

/// All mailboxes and subscriptions; nothing when the account has none yet.
base::Result<std::optional<MailboxList>> read_list(const store::Reader& reader, AccountId account, AccountId who,
                                                   const base::Log& log);
/// The mailbox of a normalised path, as `who` has it, and the modseq of the account; its id is 0 when the account has
/// no mailboxes yet. not_found.
base::Result<Mailbox> read_mailbox(const store::Reader& reader, AccountId account, const std::string& path,
                                   AccountId who, ModSeq& synced);
Mailbox to_mailbox(MailboxId id, std::string path, const schema::MailboxRecord& record, bool has_children);

/// What is the owner's, on a mailbox that takes over from another (RFC 5464 §4.1, RENAME of INBOX).
base::Result<void> copy_annotations(Edit& edit, MailboxId from, MailboxId to);
/// Removes the next ones of a removed mailbox that belong to its owner; false: there are no more.
base::Result<bool> erase_annotations(Edit& edit, MailboxId mailbox);

base::Result<std::vector<Grant>> read_grants(const store::Reader& reader, const std::vector<std::string>& grantees);
/// Removes the grants of an account's next mailboxes; `from` moves on.
base::Result<void> remove_grants_step(store::Txn& tx, AccountId account, MailboxId& from, bool& done);

base::Result<void> check_records(const store::Reader& reader, const std::function<void(store::Problem)>& report);

}  // namespace mailstore
