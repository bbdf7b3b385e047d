#include "directory/directory.h"
#include "directory/tables.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using namespace directory::test;

constexpr auto kGroup = AliasKind::group;

/// What a user of submission is known by.
Identity who(const Account& account) { return {.account = account.id, .address = account.address}; }

TEST_CASE("a group leads to its members, through other groups, and to each once") {
  Kit kit;
  kit.people({"ann", "bob", "carl"});
  good(kit->add_alias("dev@example.test", {"Bob@example.test", "carl@example.test"}, kGroup));
  good(kit->add_alias("all@example.test", {"ann@example.test", "dev@example.test", "bob@example.test"}, kGroup));
  CHECK(names_of(good(kit->route("all@example.test")).accounts) ==
        Names{"ann@example.test", "bob@example.test", "carl@example.test"});
  CHECK(good(kit->aliases(kGroup)).size() == 2);
  CHECK(good(kit->aliases()).empty());
  CHECK(good(kit->alias("dev@example.test", kGroup)).targets == Names{"bob@example.test", "carl@example.test"});
  CHECK(code(kit->alias("dev@example.test")) == Code::not_found);
  CHECK(code(kit->alias("ann@example.test", kGroup)) == Code::not_found);
  CHECK(kit.problems().empty());
}

TEST_CASE("members of a group exist, and leave it when they are removed") {
  Kit kit;
  kit.people({"ann", "bob"});
  good(kit->add_alias("info@example.test", {"ann@example.test"}));
  for (const char* member : {"nobody@example.test", "ann@example.org", "info@example.test", "ann+x@example.test"}) {
    CAPTURE(member);
    CHECK(code(kit->add_alias("g@example.test", {member}, kGroup)) == Code::not_found);
  }
  good(kit->add_alias("g@example.test", {"ann@example.test", "bob@example.test"}, kGroup));
  good(kit->add_alias("h@example.test", {"g@example.test", "ann@example.test"}, kGroup));
  CHECK(code(kit->set_alias("g@example.test", kGroup, {.add = {"h@example.test"}})) == Code::conflict);

  good(kit->remove_account("ann@example.test"));
  CHECK(good(kit->alias("g@example.test", kGroup)).targets == Names{"bob@example.test"});
  CHECK(good(kit->alias("h@example.test", kGroup)).targets == Names{"g@example.test"});
  // Who takes the address next is somebody else, and in no group.
  good(kit->add_account("ann@example.test", "another", 0));
  CHECK(names_of(good(kit->route("h@example.test")).accounts) == Names{"bob@example.test"});
  CHECK(code(kit->remove_alias("g@example.test")) == Code::not_found);
  good(kit->remove_alias("g@example.test", kGroup));
  CHECK(code(kit->route("h@example.test")) == Code::not_found);  // it is empty
  CHECK(kit.problems().empty());
}

TEST_CASE("an alias moves from one to the other, and gains and loses targets") {
  Kit kit;
  kit.people({"ann", "bob"});
  good(kit->add_alias("info@example.test", {"ann@example.test"}));
  CHECK(names_of(good(kit->route("info@example.test")).accounts) == Names{"ann@example.test"});
  good(kit->set_alias("info@example.test", AliasKind::alias, {.targets = Names{"bob@example.test"}}));
  CHECK(names_of(good(kit->route("info@example.test")).accounts) == Names{"bob@example.test"});
  good(kit->set_alias("info@example.test", AliasKind::alias,
                      {.add = {"ann@example.test", "x@example.org"}, .remove = {"Bob@example.test"}}));
  CHECK(good(kit->alias("info@example.test")).targets == Names{"ann@example.test", "x@example.org"});
  CHECK(code(kit->set_alias("info@example.test", AliasKind::alias, {.remove = {"bob@example.test"}})) ==
        Code::not_found);
  CHECK(code(kit->set_alias("info@example.test", AliasKind::alias, {.targets = Names{}})) == Code::invalid);
  CHECK(code(kit->set_alias("nobody@example.test", AliasKind::alias, {})) == Code::not_found);
  CHECK(code(kit->set_alias("ann@example.test", AliasKind::alias, {})) == Code::not_found);
}

TEST_CASE("who may post to a list is decided by its rule") {
  Kit kit;
  const auto people = kit.people({"ann", "bob", "carl"});
  good(kit->add_domain("example.org"));
  const Account dora = good(kit->add_account("dora@example.org", "secret", 0));
  good(kit->add_alias("list@example.test", {"ann@example.test", "Eve@Elsewhere.test"}));
  good(kit->add_alias("annie@example.test", {"ann@example.test"}));
  const auto set = [&](Posting posting, Names senders = {}) {
    good(kit->set_alias("list@example.test", AliasKind::alias, {.posting = posting, .senders = std::move(senders)}));
  };
  const auto stranger = [&](const char* sender, const char* to = "list@example.test") {
    return good(kit->may_post(std::nullopt, sender, to));
  };
  const auto user = [&](const Account& account, const char* sender = "") {
    return good(kit->may_post(who(account), sender, "list@example.test"));
  };
  CHECK(stranger("anybody@elsewhere.test"));
  CHECK(stranger(""));

  set(Posting::members);
  CHECK(stranger("ann@example.test"));
  CHECK(stranger("Annie@example.test"));
  CHECK(stranger("ann+list@example.test"));
  CHECK(stranger("eve@elsewhere.test"));
  CHECK_FALSE(stranger("bob@example.test"));
  CHECK_FALSE(stranger("anybody@elsewhere.test"));
  CHECK_FALSE(stranger(""));
  CHECK_FALSE(stranger("no address"));
  CHECK(user(people[0]));
  CHECK_FALSE(user(people[1], "ann@example.test"));  // the login counts

  set(Posting::domain);
  CHECK(stranger("carl@example.test"));
  CHECK_FALSE(stranger("nobody@example.test"));
  CHECK_FALSE(stranger("dora@example.org"));
  CHECK(user(people[2]));
  CHECK_FALSE(user(dora));

  CHECK(code(kit->set_alias("list@example.test", AliasKind::alias, {.posting = Posting::named, .senders = Names{}})) ==
        Code::invalid);
  set(Posting::named, {"Boss@elsewhere.test", "@Example.org"});
  CHECK(good(kit->alias("list@example.test")).senders == Names{"boss@elsewhere.test", "@example.org"});
  CHECK(stranger("boss@elsewhere.test"));
  CHECK(stranger("anyone@example.org"));
  CHECK_FALSE(stranger("ann@example.test"));
  CHECK(user(dora));
  CHECK_FALSE(user(people[0]));
  CHECK(user(people[0], "boss@elsewhere.test"));  // which may_send_as() has let through

  // Whatever form the list is written to in, it is the list.
  CHECK_FALSE(stranger("ann@example.test", "LIST+x@example.test"));
  good(kit->add_domain("example.net", "example.test"));
  CHECK_FALSE(stranger("ann@example.test", "list@example.net"));
  good(kit->set_domain("example.test", {.catch_all = "list@example.test"}));
  CHECK_FALSE(stranger("ann@example.test", "whatever@example.test"));
  CHECK(stranger("ann@example.test", "bob@example.test"));
  CHECK(kit.problems().empty());
}

TEST_CASE("members of a group send as it only when it carries that right") {
  Kit kit;
  const auto people = kit.people({"ann", "bob"});
  good(kit->add_alias("team@example.test", {"ann@example.test"}, kGroup));
  good(kit->add_alias("alias@example.test", {"team@example.test"}));
  CHECK_FALSE(good(kit->may_send_as(who(people[0]), "team@example.test")));
  CHECK_FALSE(good(kit->may_send_as(who(people[0]), "alias@example.test")));
  good(kit->set_alias("team@example.test", kGroup, {.send_as = true}));
  CHECK(good(kit->may_send_as(who(people[0]), "team@example.test")));
  CHECK(good(kit->may_send_as(who(people[0]), "alias@example.test")));
  CHECK_FALSE(good(kit->may_send_as(who(people[1]), "team@example.test")));
  good(kit->set_alias("alias@example.test", AliasKind::alias, {.send_as = false}));
  CHECK_FALSE(good(kit->may_send_as(who(people[0]), "alias@example.test")));
  // Two ways lead there, and one of them carries the right.
  good(kit->set_alias("team@example.test", kGroup, {.send_as = false}));
  good(kit->add_alias("both@example.test", {"team@example.test", "ann@example.test"}));
  CHECK(good(kit->may_send_as(who(people[0]), "both@example.test")));
}

TEST_CASE("the check finds members that are gone, loops, and counters that are wrong") {
  Kit kit;
  kit.people({"ann", "bob"});
  good(kit->add_alias("g@example.test", {"ann@example.test", "bob@example.test"}, kGroup));
  good(kit->add_alias("a@example.test", {"b@example.test"}));
  good(kit->set_domain("example.test", {.catch_all = "bob@example.test"}));
  CHECK(kit.problems().empty());
  good(kit.store->write({store::Owner::directory()}, [](store::Txn& txn) -> base::Result<void> {
    const std::string domain = "example.test";
    txn.erase(kAddresses, std::tuple(domain, std::string("bob")));
    txn.erase(kMemberOf, std::tuple(domain, std::string("ann"), std::string("g@example.test")));
    txn.put(kMemberOf, std::tuple(domain, std::string("ann"), std::string("h@example.test")), store::Nothing());
    schema::DirectoryAddress back;
    back.mutable_alias()->add_targets("a@example.test");
    txn.put(kAddresses, std::tuple(domain, std::string("b")), back);
    schema::DirectoryDomain dangling;
    dangling.set_alias_of("gone.test");
    txn.put(kDomains, std::tuple(std::string("x.test")), dangling);
    return {};
  }));
  std::string all;
  for (const std::string& problem : kit.problems()) all += problem + "\n";
  CAPTURE(all);
  CHECK(all.contains("address g@example.test: its member bob@example.test does not exist"));
  CHECK(all.contains("address g@example.test: its member ann@example.test does not know of it"));
  CHECK(all.contains("membership of ann@example.test: the group h@example.test has no such member"));
  CHECK(all.contains("address a@example.test: it leads back to itself"));
  CHECK(all.contains("address b@example.test: it leads back to itself"));
  CHECK(all.contains("domain example.test: it has 1 accounts, and its record says 2"));
  CHECK(all.contains("domain example.test: its catch-all bob@example.test is nobody"));
  CHECK(all.contains("domain x.test: it is an alias of gone.test, which does not exist"));
}

}  // namespace
}  // namespace directory
