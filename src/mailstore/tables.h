#pragma once
// Private to the room (sees protobuf). The tables of the mail store, ids 32 to 63; schema/mailstore.proto documents the
// values, docs/storage.md the keys. All begin with the account, so an account's records stand together.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/ids.h"
#include "schema/mailstore.pb.h"
#include "store/table.h"

namespace mailstore {

namespace schema = postrider::schema;

using base::AccountId;
using base::EmailId;
using base::MailboxId;
using base::ModSeq;
using base::Uid;

template <class... Parts>
using Key = std::tuple<Parts...>;

inline constexpr store::Table<Key<AccountId>, schema::MailAccount> kAccounts{32, "mail.account"};
inline constexpr store::Table<Key<AccountId, MailboxId>, schema::MailboxRecord> kMailboxes{33, "mail.mailbox"};
/// (account, parent, name): the hierarchy; every part of a path is one look-up.
inline constexpr store::Table<Key<AccountId, MailboxId, std::string>, schema::MailboxName> kNames{34,
                                                                                                  "mail.mailbox_name"};
/// (account, path_hash(path))
inline constexpr store::Table<Key<AccountId, std::uint64_t>, schema::NameHistory> kNameHistory{35, "mail.name_history"};
inline constexpr store::Table<Key<AccountId, std::string>, store::Nothing> kSubscriptions{36, "mail.subscription"};
inline constexpr store::Table<Key<AccountId, EmailId>, schema::EmailRecord> kEmails{37, "mail.email"};
inline constexpr store::Table<Key<AccountId, MailboxId, Uid>, schema::PlacementRecord> kPlacements{38,
                                                                                                   "mail.placement"};
inline constexpr store::Table<Key<AccountId, EmailId, MailboxId, Uid>, store::Nothing> kPlacementOf{
    39, "mail.placement_of"};
/// (account, message_id_hash(Message-ID))
inline constexpr store::Table<Key<AccountId, std::uint64_t>, schema::ThreadRecord> kThreads{40, "mail.thread"};
inline constexpr store::Table<Key<AccountId, ModSeq>, schema::ChangeRecord> kChanges{41, "mail.change"};
/// (account, mailbox): the placements of a removed mailbox are still to be removed; mailbox 0: the whole account.
inline constexpr store::Table<Key<AccountId, MailboxId>, store::Nothing> kRemovals{42, "mail.removal"};

/// (account, an id of the store): a COPY of several commits that is not done.
inline constexpr store::Table<Key<AccountId, std::uint64_t>, schema::CopyRecord> kCopies{43, "mail.copy"};

inline constexpr store::Table<Key<AccountId, MailboxId>, schema::SavedView> kSavedViews{44, "mail.saved_view"};
/// (account, mailbox, generation, piece)
inline constexpr store::Table<Key<AccountId, MailboxId, std::uint64_t, std::uint32_t>, schema::SavedRows> kSavedRows{
    45, "mail.saved_rows"};

/// (account, mailbox, reader, uid): \Seen of somebody who reads a mailbox that is not theirs.
inline constexpr store::Table<Key<AccountId, MailboxId, AccountId, Uid>, schema::OwnSeen> kOwnSeen{46, "mail.own_seen"};
/// (account, mailbox, reader)
inline constexpr store::Table<Key<AccountId, MailboxId, AccountId>, schema::ReaderRecord> kReaders{47, "mail.reader"};

/// (account that it belongs to, account whose mailbox it is, mailbox, name in lower case). Shared ones belong to the
/// mailbox's owner, private ones to the account that wrote them; those with mailbox 0 to the account itself.
inline constexpr store::Table<Key<AccountId, AccountId, MailboxId, std::string>, schema::AnnotationRecord> kAnnotations{
    52, "mail.annotation"};

inline constexpr store::Table<Key<AccountId, MailboxId>, schema::AccessKey> kAccessKeys{56, "mail.access_key"};

/// (who: "account 7", "group team@example.org", "domain example.org"; owner, mailbox): for each entry of each mailbox's
/// list of rights. The one table whose keys do not begin with the account that they belong to.
inline constexpr store::Table<Key<std::string, AccountId, MailboxId>, store::Nothing> kGrants{57, "mail.grant"};

inline constexpr std::uint8_t kFirstTable = 32;
inline constexpr std::uint8_t kLastTable = 56;  // of those whose keys begin with the account; some are not in use

/// The mailbox that is the parent of those at the top.
inline constexpr MailboxId kTop{};

/// So many change records are kept for each account; older views are loaded anew.
inline constexpr std::uint64_t kKeptChanges = 10'000;

inline constexpr std::size_t kAccessKeyBytes = 32;

/// Messages in one commit of a bulk change: few enough that others do not wait long for the committer.
inline constexpr std::size_t kBatch = 250;
/// The same for what also removes emails and bodies, which costs three times as much.
inline constexpr std::size_t kRemovalBatch = 100;

}  // namespace mailstore
