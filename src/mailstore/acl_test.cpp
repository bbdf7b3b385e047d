// Rights of others: letters, what lists give, how they are found from the other side, and messages that go from one
// account to another (RFC 4314).
#include "mailstore/acl.h"

#include "mailstore/tables.h"
#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};
const Visitor kBobComes{.account = kBob, .domain = "example.test", .groups = {"team@example.test"}};

Grantee bob() { return {.kind = Grantee::Kind::account, .account = kBob}; }
Grantee team() { return {.kind = Grantee::Kind::group, .name = "team@example.test"}; }
Grantee everybody(std::string domain) { return {.kind = Grantee::Kind::everybody, .name = std::move(domain)}; }

void grant(Kit& kit, MailboxId mailbox, Grantee grantee, const char* rights) {
  value(net::run(kit->change_acl(kAnna, mailbox, {.grantee = std::move(grantee), .rights = *parse_rights(rights)})));
}

std::vector<MailboxId> seen(Kit& kit, Visitor visitor = kBobComes) {
  std::vector<MailboxId> all;
  for (const Grant& grant : value(net::run(kit->grants(std::move(visitor))))) {
    CHECK(grant.owner == kAnna);
    all.push_back(grant.mailbox);
  }
  return all;
}

}  // namespace

TEST_CASE("rights are letters, with those of RFC 2086 (RFC 4314 §2.1)") {
  CHECK(parse_rights("lrs") == (kLookup | kRead | kKeepSeen));
  CHECK(parse_rights("c") == (kCreateBelow | kRemoveMailbox));
  CHECK(parse_rights("d") == (kMarkDeleted | kExpunge));
  CHECK(parse_rights("lrswipkxtea") == kAllRights);
  CHECK(parse_rights("") == 0);
  CHECK_FALSE(parse_rights("lq").has_value());
  CHECK_FALSE(parse_rights("L").has_value());
  CHECK_FALSE(parse_rights("0").has_value());
  CHECK(print(kAllRights) == "lrswipkxteacd");
  CHECK(print(kLookup | kMarkDeleted) == "ltd");
  CHECK(print(0).empty());
}

TEST_CASE("what somebody has is what is granted less what is withheld, whatever it came by") {
  Acl acl;
  CHECK(apply_change({.grantee = everybody("example.test"), .rights = *parse_rights("lr")}, acl));
  CHECK(apply_change({.grantee = team(), .rights = *parse_rights("lrswi")}, acl));
  CHECK(rights_of(acl, kBobComes) == *parse_rights("lrswi"));
  CHECK(rights_of(acl, {.account = kBob, .domain = "other.test"}) == 0);
  CHECK(rights_of(acl, {.account = AccountId{3}, .domain = "example.test"}) == *parse_rights("lr"));
  CHECK(apply_change({.grantee = bob(), .withheld = true, .rights = *parse_rights("wi")}, acl));
  CHECK(rights_of(acl, kBobComes) == *parse_rights("lrs"));
  CHECK(apply_change({.grantee = bob(), .how = AclChange::How::add, .rights = *parse_rights("wa")}, acl));
  CHECK(rights_of(acl, kBobComes) == *parse_rights("lrsa"));
  CHECK(apply_change({.grantee = bob(), .withheld = true, .rights = 0}, acl));
  CHECK(apply_change({.grantee = bob(), .how = AclChange::How::remove, .rights = *parse_rights("wa")}, acl));
  CHECK(acl.size() == 2);
  for (std::uint64_t i = 10; acl.size() < kMaxAclEntries; ++i) {
    CHECK(apply_change({.grantee = {.account = AccountId{i}}, .rights = kLookup}, acl));
  }
  CHECK_FALSE(apply_change({.grantee = bob(), .rights = kLookup}, acl));
  CHECK(apply_change({.grantee = team(), .rights = kRead}, acl));
}

TEST_CASE("grants are found from the other side, and follow what becomes of the mailbox") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Projects").id;
  CHECK(seen(kit).empty());
  grant(kit, box, bob(), "lr");
  grant(kit, box, team(), "lrs");
  CHECK(seen(kit) == std::vector{box});
  CHECK(seen(kit, {.account = kBob}) == std::vector{box});
  CHECK(seen(kit, {.account = AccountId{3}, .groups = {"team@example.test"}}) == std::vector{box});
  CHECK(seen(kit, {.account = AccountId{3}, .domain = "example.test"}).empty());
  CHECK(kit.mailbox(kAnna, "Projects").acl.size() == 2);

  // RFC 4314 §4: what is made below it inherits, a rename changes nothing, a removal takes the rights along.
  const MailboxId below = kit.create(kAnna, "Projects/2026/May").id;
  CHECK(seen(kit).size() == 3);
  CHECK(kit.mailbox(kAnna, "Projects/2026/May").acl == kit.mailbox(kAnna, "Projects").acl);
  value(net::run(kit->rename_mailbox(kAnna, below, "May")));
  CHECK(kit.mailbox(kAnna, "May").acl.size() == 2);
  value(net::run(kit->remove_mailbox(kAnna, below)));
  grant(kit, box, bob(), "");
  grant(kit, box, team(), "");
  CHECK(seen(kit).size() == 1);
  value(net::run(kit->remove_mailbox(kAnna, kit.mailbox(kAnna, "Projects/2026").id)));
  CHECK(seen(kit).empty());
  CHECK(kit.problems() == std::vector<std::string>{});
  CHECK(code(net::run(kit->change_acl(kAnna, below, {.grantee = bob(), .rights = kLookup}))) == "not_found");
}

TEST_CASE("at the top of the hierarchy a guest's mailbox has the rights of INBOX, and the owner's has none") {
  Kit kit;
  grant(kit, kit.mailbox(kAnna, "INBOX").id, bob(), "lrk");
  value(net::run(kit->create_mailbox(kAnna, "Bills/2026", Role::none, /*by_guest=*/true)));
  CHECK(kit.mailbox(kAnna, "Bills").acl.size() == 1);
  CHECK(kit.mailbox(kAnna, "Bills/2026").acl.size() == 1);
  CHECK(kit.create(kAnna, "Diary").acl.empty());
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("grants go with the account that gave them, and one that has them leaves nothing that is wrong") {
  Kit kit;
  for (int i = 0; i < 250; ++i) grant(kit, kit.create(kAnna, "Box " + std::to_string(i)).id, bob(), "lr");
  grant(kit, kit.create(kAnna, "Team").id, team(), "lr");
  CHECK(seen(kit).size() == 251);
  kit.mailbox(kBob, "INBOX");
  value(net::run(kit->purge(kBob)));
  CHECK(kit.problems() == std::vector<std::string>{});
  grant(kit, kit.mailbox(kAnna, "Box 7").id, bob(), "");
  CHECK(seen(kit).size() == 250);
  value(net::run(kit->purge(kAnna)));
  CHECK(seen(kit).empty());
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("the check finds rights without grants, and grants without rights") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Projects").id;
  grant(kit, box, bob(), "lr");
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    tx.erase(kGrants, {std::string("account 2"), kAnna, box});
    tx.put(kGrants, {std::string("account 9"), kAnna, box}, store::Nothing{});
    return {};
  }));
  const std::string mailbox = "mailbox " + std::to_string(box.value);
  CHECK(kit.problems() ==
        std::vector<std::string>{"account 1, " + mailbox + ": the rights of account 2 have no grant",
                                 "grant to account 9: " + mailbox + " of account 1 does not give any rights"});
}

TEST_CASE("messages that are copied and moved to another account are its own there") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    Kit kit(engine);
    const MailboxId from = kit.mailbox(kAnna, "INBOX").id;
    const MailboxId to = kit.mailbox(kBob, "Archive").id;
    for (int i = 0; i < 300; ++i) {
      value(kit.deliver(kAnna, message(std::to_string(i)), {.prefix = "X-For: anna\r\n", .flags = {kSeen, {"$Work"}}}));
    }
    const auto size = value(net::run(kit->usage(kAnna))).bytes / 300;
    std::vector<Uid> all;
    for (Uid uid = 1; uid <= 300; ++uid) all.push_back(uid);

    // All or nothing, also of several commits.
    CHECK(code(net::run(kit->copy(kAnna, from, all,
                                  {.mailbox = to, .account = kBob, .quota = {.bytes = size * 280}}))) == "over_quota");
    CHECK(kit.view(kBob, to)->size() == 0);
    CHECK(value(net::run(kit->usage(kBob))).bytes == 0);

    const Copied copied = value(net::run(
        kit->copy(kAnna, from, all, {.mailbox = to, .account = kBob, .keeps = {.system = kSeen, .keywords = false}})));
    CHECK(copied.uids == all);
    CHECK(copied.new_uids.size() == 300);
    CHECK(value(net::run(kit->usage(kBob))).messages == 300);
    const auto view = kit.view(kBob, to);
    CHECK(view->at(0).flags == kSeen);
    CHECK(view->keyword_set(view->at(0).keywords).empty());
    value(net::run(kit->read(kBob, [&](EmailReader& reader) -> base::Result<void> {
      const auto email = value(reader.email(view->at(7).email));
      std::string text;
      value(reader.bytes(email, 0, email.size, text));
      CHECK(text == "X-For: anna\r\n" + message("7"));
      return {};
    })));

    const Copied moved = value(net::run(kit->move(kAnna, from, {1, 2}, {.mailbox = to, .account = kBob})));
    CHECK(moved.new_uids.size() == 2);
    CHECK(kit.view(kAnna, from)->size() == 298);
    CHECK(kit.view(kBob, to)->keyword_set(kit.view(kBob, to)->at(300).keywords) == std::vector<std::string>{"$Work"});
    CHECK(value(net::run(kit->usage(kAnna))).messages == 298);
    CHECK(kit.problems() == std::vector<std::string>{});
    value(net::run(kit->purge(kAnna)));
    CHECK(kit.view(kBob, to)->size() == 302);
    kit.reopen();
    CHECK(kit.problems() == std::vector<std::string>{});
  }
}
