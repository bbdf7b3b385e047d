#include "mailstore/test_kit.h"

#include "mailstore/tables.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};

std::vector<std::string> list(Kit& kit) { return names(value(net::run(kit->mailboxes(kAnna)))); }

std::string create_code(Kit& kit, const std::string& name) {
  return code(net::run(kit->create_mailbox(kAnna, name, Role::none)));
}
std::string remove_code(Kit& kit, MailboxId id) { return code(net::run(kit->remove_mailbox(kAnna, id))); }
std::string rename_code(Kit& kit, MailboxId id, const std::string& name) {
  return code(net::run(kit->rename_mailbox(kAnna, id, name)));
}

std::size_t records(Kit& kit, std::uint8_t table) {
  const auto reader = value(kit.store().reader());
  const std::string prefix = store::encode_key(table);
  std::size_t count = 0;
  for (auto it = reader->scan_raw(prefix, store::prefix_end(prefix)); it->valid(); it->next()) ++count;
  return count;
}

}  // namespace

// RFC 6154 §2
TEST_CASE("a new account has its six mailboxes, with their uses and subscribed") {
  Kit kit;
  const MailboxList list = value(net::run(kit->mailboxes(kAnna)));
  CHECK(names(list) == std::vector<std::string>{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"});
  CHECK(list.subscriptions == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"});
  CHECK(list.mailboxes[0].role == Role::inbox);
  CHECK(list.mailboxes[3].role == Role::junk);
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §6.3.4
TEST_CASE("a mailbox is made with the parents that are missing") {
  Kit kit;
  const Mailbox made = kit.create(kAnna, "foo/bar/zap/");
  CHECK(made.name == "foo/bar/zap");
  CHECK(list(kit) == std::vector<std::string>{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "foo", "foo/bar",
                                              "foo/bar/zap"});
  CHECK(kit.mailbox(kAnna, "foo").has_children);
  CHECK(kit.mailbox(kAnna, "foo").selectable);
  CHECK(create_code(kit, "foo/bar") == "exists");
  CHECK(create_code(kit, "inbox") == "exists");
  CHECK(create_code(kit, "foo//bar") == "invalid");
  CHECK(create_code(kit, "a*") == "invalid");
  CHECK(create_code(kit, std::string(2000, 'a')) == "too_large");
  CHECK(code(net::run(kit->create_mailbox(kAnna, "Spam", Role::junk))) == "exists");
  kit.create(kAnna, "inbox/lists");
  CHECK(list(kit)[1] == "INBOX/lists");
  CHECK(code(net::run(kit->mailbox(kAnna, "nowhere"))) == "not_found");
  CHECK(code(net::run(kit->mailbox(kAnna, "bad%"))) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a removed mailbox takes its messages along, and its name comes back with another UIDVALIDITY") {
  Kit kit(Engine::embedded);
  const Mailbox work = kit.create(kAnna, "Work");
  const Mailbox other = kit.create(kAnna, "Other");
  std::vector<Mailstore::AppendMessage> messages;
  for (int i = 0; i < 600; ++i) messages.push_back({kit.incoming(message(std::to_string(i))), {}});
  value(net::run(kit->append(kAnna, work.id, std::move(messages))));
  value(net::run(kit->copy(kAnna, work.id, {5}, {.mailbox = other.id})));
  const auto view = kit.view(kAnna, work.id);
  CHECK(remove_code(kit, work.id) == "ok");
  CHECK(code(net::run(kit->view(kAnna, work.id))) == "not_found");
  CHECK(view->size() == 600);  // who has it keeps it
  CHECK(value(net::run(kit->usage(kAnna))).messages == 1);
  CHECK(records(kit, kPlacements.id) == 1);
  CHECK(records(kit, kRemovals.id) == 0);
  const Mailbox again = kit.create(kAnna, "Work");
  CHECK(again.uid_validity > work.uid_validity);
  CHECK(again.id != work.id);
  CHECK(remove_code(kit, kit.mailbox(kAnna, "INBOX").id) == "denied");
  CHECK(remove_code(kit, work.id) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §6.3.5
TEST_CASE("a mailbox that is removed above others stays as their place") {
  Kit kit;
  const Mailbox foo = kit.create(kAnna, "foo");
  const Mailbox bar = kit.create(kAnna, "foo/bar");
  value(kit.deliver(kAnna, message("1"), {}, foo.id));
  value(kit.deliver(kAnna, message("2"), {}, bar.id));
  CHECK(remove_code(kit, foo.id) == "ok");
  const Mailbox place = kit.mailbox(kAnna, "foo");
  CHECK_FALSE(place.selectable);
  CHECK(place.has_children);
  CHECK(code(net::run(kit->view(kAnna, place.id))) == "not_found");
  CHECK(code(kit.deliver(kAnna, message("3"), {}, place.id)) == "not_found");
  CHECK(remove_code(kit, place.id) == "conflict");
  CHECK(kit.view(kAnna, bar.id)->size() == 1);
  CHECK(kit.problems() == std::vector<std::string>{});

  SUBCASE("and can be made a mailbox again") {
    const Mailbox again = kit.create(kAnna, "foo");
    CHECK(again.selectable);
    CHECK(again.uid_validity > foo.uid_validity);
    CHECK(kit.view(kAnna, again.id)->size() == 0);
    CHECK(again.has_children);
  }
  SUBCASE("and goes once it is alone") {
    CHECK(remove_code(kit, bar.id) == "ok");
    CHECK(remove_code(kit, place.id) == "ok");
    CHECK(list(kit).size() == 6);
  }
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §6.3.6
TEST_CASE("a rename takes the mailboxes below along and keeps UIDVALIDITY and UIDs") {
  Kit kit;
  const Mailbox foo = kit.create(kAnna, "foo");
  const Mailbox bar = kit.create(kAnna, "foo/bar");
  value(kit.deliver(kAnna, message("1"), {}, bar.id));
  const auto before = kit.view(kAnna, bar.id);
  CHECK(rename_code(kit, foo.id, "new/place/zowie") == "ok");
  const Mailbox moved = kit.mailbox(kAnna, "new/place/zowie/bar");
  CHECK(moved.id == bar.id);
  CHECK(moved.uid_validity == bar.uid_validity);
  CHECK(code(net::run(kit->mailbox(kAnna, "foo/bar"))) == "not_found");
  CHECK(kit.view(kAnna, bar.id) == before);
  CHECK(rename_code(kit, foo.id, "new/place/zowie/below") == "conflict");
  CHECK(rename_code(kit, foo.id, "Sent") == "exists");
  CHECK(rename_code(kit, foo.id, "new/place/zowie") == "exists");
  CHECK(rename_code(kit, foo.id, "bad\n") == "invalid");
  CHECK(rename_code(kit, MailboxId{77}, "x") == "not_found");
  CHECK(rename_code(kit, foo.id, std::string(998, 'x')) == "too_large");
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §2.3.1.1
TEST_CASE("a name that another mailbox had means a new UIDVALIDITY, its own old name does not") {
  Kit kit;
  const Mailbox first = kit.create(kAnna, "A");
  CHECK(rename_code(kit, first.id, "B") == "ok");
  CHECK(rename_code(kit, first.id, "A") == "ok");
  CHECK(kit.mailbox(kAnna, "A").uid_validity == first.uid_validity);
  const Mailbox second = kit.create(kAnna, "C");
  value(kit.deliver(kAnna, message("1"), {}, first.id));
  CHECK(kit.view(kAnna, first.id)->uid_validity() == first.uid_validity);
  CHECK(remove_code(kit, second.id) == "ok");
  CHECK(rename_code(kit, first.id, "C") == "ok");
  const Mailbox now = kit.mailbox(kAnna, "C");
  CHECK(now.uid_validity > second.uid_validity);
  CHECK(now.messages == 1);
  CHECK(kit.view(kAnna, first.id)->uid_validity() == now.uid_validity);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a renamed INBOX gives its messages away and stays") {
  Kit kit;
  value(kit.deliver(kAnna, message("1"), {.flags = {.system = kSeen, .keywords = {"work"}}}));
  const Mailbox inbox = kit.mailbox(kAnna, "INBOX");
  const Mailbox below = kit.create(kAnna, "INBOX/below");
  CHECK(rename_code(kit, inbox.id, "old/mail") == "ok");
  const Mailbox old_mail = kit.mailbox(kAnna, "old/mail");
  const auto view = kit.view(kAnna, old_mail.id);
  REQUIRE(view->size() == 1);
  CHECK(view->at(0).flags == kSeen);
  CHECK(view->keyword_set(view->at(0).keywords) == std::vector<std::string>{"work"});
  CHECK(kit.mailbox(kAnna, "INBOX").id == inbox.id);
  CHECK(kit.view(kAnna, inbox.id)->size() == 0);
  CHECK(kit.mailbox(kAnna, "INBOX/below").id == below.id);
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 3501 §6.3.9
TEST_CASE("subscriptions outlive their mailboxes") {
  Kit kit;
  const Mailbox work = kit.create(kAnna, "Work");
  value(net::run(kit->subscribe(kAnna, "Work")));
  value(net::run(kit->subscribe(kAnna, "Work")));
  value(net::run(kit->subscribe(kAnna, "Never/Was")));
  value(net::run(kit->unsubscribe(kAnna, "Junk")));
  value(net::run(kit->unsubscribe(kAnna, "Junk")));
  CHECK(remove_code(kit, work.id) == "ok");
  CHECK(value(net::run(kit->mailboxes(kAnna))).subscriptions ==
        std::vector<std::string>{"Archive", "Drafts", "INBOX", "Never/Was", "Sent", "Trash", "Work"});
  CHECK(code(net::run(kit->subscribe(kAnna, "bad*"))) == "invalid");
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("thousands of mailboxes below one are renamed in a commit that others hardly feel; more are refused") {
  Kit kit(Engine::embedded);
  const Mailbox top = kit.create(kAnna, "top");
  for (int i = 0; i < 2000; ++i) kit.create(kAnna, "top/" + std::to_string(i));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(rename_code(kit, top.id, "moved") == "ok");
  const auto taken = std::chrono::steady_clock::now() - begin;
  MESSAGE("the rename took ms: ", std::chrono::duration_cast<std::chrono::milliseconds>(taken).count());
  CHECK(kit.mailbox(kAnna, "moved/1999").has_children == false);
  kit.create(kAnna, "moved/2000");
  CHECK(rename_code(kit, top.id, "again") == "too_large");
  CHECK(remove_code(kit, top.id) == "too_large");
  CHECK(rename_code(kit, kit.mailbox(kAnna, "moved/7").id, "seven") == "ok");
  const auto second = std::chrono::steady_clock::now();
  CHECK(remove_code(kit, top.id) == "ok");
  const auto removed = std::chrono::steady_clock::now() - second;
  MESSAGE("the removal took ms: ", std::chrono::duration_cast<std::chrono::milliseconds>(removed).count());
  CHECK_FALSE(kit.mailbox(kAnna, "moved").selectable);
  CHECK(list(kit).size() == 6 + 2 + 2000);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a removal that a crash interrupted is finished by the next start") {
  Kit kit(Engine::embedded);
  const Mailbox work = kit.create(kAnna, "Work");
  std::vector<Mailstore::AppendMessage> messages;
  for (int i = 0; i < 300; ++i) messages.push_back({kit.incoming(message(std::to_string(i))), {}});
  value(net::run(kit->append(kAnna, work.id, std::move(messages))));
  // As the first commit of the removal leaves it.
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(auto account, tx.get(kAccounts, {kAnna}));
    account->set_mailboxes(account->mailboxes() - 1);
    tx.put(kAccounts, {kAnna}, *account);
    tx.erase(kMailboxes, {kAnna, work.id});
    tx.erase(kNames, {kAnna, kTop, std::string("Work")});
    tx.put(kRemovals, {kAnna, work.id}, store::Nothing{});
    return {};
  }));
  CHECK(kit.problems() == std::vector<std::string>{});  // half-finished is not broken
  kit.reopen();
  for (int i = 0; i < 200 && records(kit, kRemovals.id) > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(records(kit, kRemovals.id) == 0);
  CHECK(records(kit, kPlacements.id) == 0);
  CHECK(value(net::run(kit->usage(kAnna))).messages == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a purged account leaves nothing, and what ends behind the purge cannot bring it back") {
  Kit kit(Engine::embedded);
  value(kit.deliver(AccountId{2}, message("other")));
  const Mailbox work = kit.create(kAnna, "Work");
  std::vector<Mailstore::AppendMessage> messages;
  for (int i = 0; i < 300; ++i) messages.push_back({kit.incoming(message(std::to_string(i))), {}});
  value(net::run(kit->append(kAnna, work.id, std::move(messages))));
  CHECK(kit.view(kAnna, work.id)->size() == 300);
  const MailboxId inbox = kit.mailbox(kAnna, "INBOX").id;
  const Incoming late = kit.incoming(message("late"));  // its APPEND has begun, and its literal takes long
  value(net::run(kit->purge(kAnna)));
  CHECK(code(net::run(kit->view(kAnna, work.id))) == "not_found");
  CHECK(records(kit, kEmails.id) == 1);
  CHECK(records(kit, kPlacements.id) == 1);
  CHECK(records(kit, kRemovals.id) == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
  CHECK(code(net::run(kit->append(kAnna, inbox, {{late, {}}}))) == "not_found");
  CHECK(code(kit.deliver(kAnna, message("new"))) == "not_found");
  CHECK(code(net::run(kit->mailboxes(kAnna))) == "not_found");
  CHECK(create_code(kit, "new") == "not_found");
  CHECK(code(net::run(kit->view(kAnna, inbox))) == "not_found");
  CHECK(value(net::run(kit->usage(kAnna))).messages == 0);
  CHECK(records(kit, kPlacements.id) == 1);
  value(net::run(kit->purge(kAnna)));
  kit.reopen();
  CHECK(code(kit.deliver(kAnna, message("newer"))) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}
