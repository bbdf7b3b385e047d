// Mailboxes that are known without a look at the store.

#include "mailstore/known_mailboxes.h"

#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};

Mailbox box(std::uint64_t id, std::uint32_t messages = 0) { return {.id = MailboxId{id}, .messages = messages}; }

}  // namespace

TEST_CASE("a mailbox is known as of a modseq, for one reader, and no older one takes its place") {
  KnownMailboxes known;
  known.put(kAnna, "Work", {}, box(7, 3), 10);
  CHECK(known.find(kAnna, "Work", {}, 10)->messages == 3);
  CHECK(known.find(kAnna, "Work", {}, 9).has_value());
  CHECK_FALSE(known.find(kAnna, "Work", {}, 11).has_value());
  CHECK_FALSE(known.find(kAnna, "work", {}, 10).has_value());
  CHECK_FALSE(known.find(kAnna, "Work", kBob, 10).has_value());
  CHECK_FALSE(known.find(kBob, "Work", {}, 10).has_value());
  known.put(kAnna, "Work", {}, box(7, 2), 9);
  CHECK(known.find(kAnna, "Work", {}, 10)->messages == 3);
  known.put(kAnna, "Work", {}, box(7, 4), 11);
  CHECK(known.find(kAnna, "Work", {}, 11)->messages == 4);
  CHECK(known.size() == 1);
}

TEST_CASE("what is known is bounded, and what was not asked for longest leaves first") {
  KnownMailboxes known(10'000);
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    known.put(kAnna, std::to_string(i), {}, box(i), 1);
    CHECK(known.find(kAnna, "1", {}, 1).has_value());
  }
  CHECK(known.size() > 10);
  CHECK(known.size() < 100);
  CHECK(known.find(kAnna, "1000", {}, 1)->id == MailboxId{1000});
  CHECK_FALSE(known.find(kAnna, "2", {}, 1).has_value());
}

TEST_CASE("what changes a mailbox, its name, its rights or its account is seen at once") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    Kit kit(engine);
    const MailboxId work = kit.create(kAnna, "Work/2026").id;
    const auto now = [&] { return kit.mailbox(kAnna, "Work/2026"); };
    CHECK(now().messages == 0);
    CHECK(now().messages == 0);
    value(kit.deliver(kAnna, message("1"), {}, work));
    CHECK(now().messages == 1);
    CHECK(now().unseen == 1);
    value(net::run(kit->store_flags(kAnna, work, {1}, FlagChange::add, {.system = kSeen}, std::nullopt)));
    CHECK(now().unseen == 0);
    value(net::run(kit->change_acl(
        kAnna, work, {.grantee = {.kind = Grantee::Kind::account, .account = kBob}, .rights = kAllRights})));
    CHECK(now().acl.size() == 1);
    CHECK_FALSE(now().has_children);
    kit.create(kAnna, "Work/2026/May");
    CHECK(now().has_children);
    kit.reopen();
    CHECK(now().messages == 1);
    value(net::run(kit->rename_mailbox(kAnna, kit.mailbox(kAnna, "Work").id, "Done")));
    CHECK(code(net::run(kit->mailbox(kAnna, "Work/2026"))) == "not_found");
    CHECK(kit.mailbox(kAnna, "Done/2026").id == work);
    CHECK(kit.mailbox(kAnna, "inbox").id == kit.mailbox(kAnna, "INBOX").id);
    value(net::run(kit->purge(kAnna)));
    CHECK(code(net::run(kit->mailbox(kAnna, "Done/2026"))) == "not_found");
  }
}
