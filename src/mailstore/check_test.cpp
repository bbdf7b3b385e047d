#include "mailstore/tables.h"
#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};

template <class... Parts>
void spoil(Kit& kit, std::uint8_t table, const Parts&... parts) {
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    tx.put_raw(store::encode_key(table, parts...), "\xff\xff");
    return {};
  }));
}

bool names_problem(const std::vector<std::string>& problems, const std::string& part) {
  return std::ranges::any_of(problems, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a broken placement or email harms itself alone, and the check names it") {
  Kit kit;
  std::vector<Filed> filed;
  for (int i = 0; i < 4; ++i) filed.push_back(value(kit.deliver(kAnna, message(std::to_string(i)))));
  const MailboxId inbox = filed[0].mailbox;
  spoil(kit, kPlacements.id, kAnna, inbox, Uid{2});
  spoil(kit, kEmails.id, kAnna, filed[2].email);
  kit.reopen();

  const auto view = kit.view(kAnna, inbox);
  CHECK(uids(*view) == std::vector<Uid>{1, 3, 4});
  value(net::run(kit->read(kAnna, [&](EmailReader& reader) -> base::Result<void> {
    CHECK(code(reader.email(filed[0].email)) == "ok");
    CHECK(code(reader.email(filed[2].email)) == "corrupt");
    CHECK(code(reader.email(filed[3].email)) == "ok");
    return {};
  })));
  const std::string where = "account 1, mailbox " + std::to_string(inbox.value);
  const auto problems = kit.problems();
  CAPTURE(problems.size());
  CHECK(names_problem(problems, where + ", uid 2: the message's placement record does not decode"));
  CHECK(names_problem(problems, "account 1, email " + std::to_string(filed[2].email.value) + ": the email's record"));
  CHECK(problems.size() == 2);

  // The others can be changed, and the broken email's message can be removed.
  value(net::run(kit->store_flags(kAnna, inbox, {1, 2, 3, 4}, FlagChange::add, {.system = kDeleted}, {})));
  CHECK(value(net::run(kit->expunge(kAnna, inbox, std::nullopt))) == std::vector<Uid>{1, 3, 4});
  value(kit.deliver(kAnna, message("next")));
  CHECK(uids(*kit.view(kAnna, inbox)) == std::vector<Uid>{5});
}

TEST_CASE("the check finds counters, references, names and links that are wrong") {
  Kit kit;
  const Filed one = value(kit.deliver(kAnna, message("1")));
  const Filed two = value(kit.deliver(kAnna, message("2")));
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(auto inbox, tx.get(kMailboxes, {kAnna, one.mailbox}));
    inbox->set_unseen(5);
    inbox->set_uid_next(2);
    tx.put(kMailboxes, {kAnna, one.mailbox}, *inbox);
    TRY_ASSIGN(auto account, tx.get(kAccounts, {kAnna}));
    account->set_used_bytes(1);
    tx.put(kAccounts, {kAnna}, *account);
    tx.erase(kPlacementOf, {kAnna, one.email, one.mailbox, one.uid});
    tx.erase(kEmails, {kAnna, two.email});
    tx.erase(kNames, {kAnna, kTop, std::string("Drafts")});
    tx.put(kPlacementOf, {AccountId{9}, one.email, one.mailbox, one.uid}, store::Nothing{});
    return {};
  }));
  const auto problems = kit.problems();
  const std::string inbox = "account 1, mailbox " + std::to_string(one.mailbox.value);
  CHECK(names_problem(problems, inbox + ": the number of unseen messages is said to be 5 and is 2"));
  CHECK(names_problem(problems, inbox + ": UIDNEXT is not above uid 2"));
  CHECK(names_problem(problems, inbox + ", uid 1: email"));
  CHECK(names_problem(problems, inbox + ", uid 2: its email"));
  CHECK(names_problem(problems, "account 1: the space in use is said to be 1"));
  CHECK(names_problem(problems, "account 1: the number of emails"));
  CHECK(names_problem(problems, ": it has 0 names"));
  CHECK(names_problem(problems, "there are records of account 9"));
  CHECK(names_problem(problems, "it is linked to email"));
}

TEST_CASE("a mailbox whose record is broken shows as a place, and the others work") {
  Kit kit;
  const Mailbox foo = kit.create(kAnna, "foo");
  const Mailbox bar = kit.create(kAnna, "foo/bar");
  spoil(kit, kMailboxes.id, kAnna, foo.id);
  const MailboxList list = value(net::run(kit->mailboxes(kAnna)));
  CHECK(list.mailboxes[6].name == "foo");
  CHECK_FALSE(list.mailboxes[6].selectable);
  CHECK(list.mailboxes[7].id == bar.id);
  CHECK(code(net::run(kit->view(kAnna, foo.id))) == "corrupt");
  CHECK(kit.mailbox(kAnna, "foo/bar").id == bar.id);
  value(kit.deliver(kAnna, message("1"), {}, bar.id));
  CHECK(names_problem(kit.problems(), "the mailbox's record does not decode"));
}
