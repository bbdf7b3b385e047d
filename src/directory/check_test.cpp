#include "directory/tables.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using namespace directory::test;

void write(Kit& kit, store::Store::Closure closure) {
  good(kit.store->write({store::Owner::directory()}, std::move(closure)));
}

bool names(const std::vector<std::string>& problems, std::string_view what) {
  return std::ranges::any_of(problems, [&](const std::string& problem) { return problem.contains(what); });
}

TEST_CASE("the check names each broken record and goes on behind it") {
  Kit kit;
  const base::AccountId alice = kit.people({"alice", "bob"})[0].id;
  good(kit->add_alias("info@example.test", {"alice@example.test"}));
  CHECK(kit.problems().empty());

  write(kit, [alice](store::Txn& txn) -> base::Result<void> {
    txn.put_raw(store::encode_key(kDomains.id, std::string("broken.test")), "\xff");
    txn.put_raw(store::encode_key(kAccounts.id) + "short", "");
    txn.erase(kCredentials, std::tuple(alice, kPassword));
    schema::DirectoryCredential stray;
    stray.set_hash("secret");
    stray.add_scram("secret");
    stray.set_version(1);
    txn.put(kCredentials, std::tuple(base::AccountId{9}, kPassword), stray);
    schema::DirectoryAddress lost;
    lost.set_account(99);
    txn.put(kAddresses, std::tuple(std::string("example.test"), std::string("lost")), lost);
    schema::DirectoryAddress empty;
    txn.put(kAddresses, std::tuple(std::string("example.org"), std::string("Empty")), empty);
    schema::DirectoryAddress alias;
    alias.mutable_alias()->add_targets("nonsense");
    txn.put(kAddresses, std::tuple(std::string("example.test"), std::string("bad")), alias);
    txn.erase(kAddresses, std::tuple(std::string("example.test"), std::string("bob")));
    return {};
  });
  const auto problems = kit.problems();
  for (const std::string& problem : problems) MESSAGE(problem);
  CHECK(names(problems, "the record does not decode"));
  CHECK(names(problems, "the key is malformed"));
  CHECK(names(problems, "it has no password"));
  CHECK(names(problems, "credential 0 of account 9: the account does not exist"));
  CHECK(names(problems, "credential 0 of account 9: it is no password hash"));
  CHECK(names(problems, "credential 0 of account 9: its SCRAM keys are malformed"));
  CHECK(names(problems, "address lost@example.test: it is of account 99, which does not exist"));
  CHECK(names(problems, "address Empty@example.org: it is not normalized"));
  CHECK(names(problems, "address Empty@example.org: its domain does not exist"));
  CHECK(names(problems, "address Empty@example.org: it is neither"));
  CHECK(names(problems, "address bad@example.test: it has the bad target \"nonsense\""));
  CHECK(names(problems, "its address bob@example.test has no record"));
  CHECK(problems.size() == 12);
}

TEST_CASE("one broken record stops nothing but itself") {
  Kit kit;
  kit.people({"alice", "bob"});
  const base::AccountId carol = good(kit->add_account("carol@example.test", "secret of carol", 0)).id;
  good(kit->add_alias("info@example.test", {"carol@example.test"}));
  write(kit, [carol](store::Txn& txn) -> base::Result<void> {
    txn.put_raw(store::encode_key(kAccounts.id, carol), "\xff");
    txn.put_raw(store::encode_key(kAddresses.id, std::string("example.test"), std::string("odd")), "\xff");
    return {};
  });
  kit.dir = kit.reopen();  // nothing told the directory of this change
  CHECK(good(kit->accounts()).size() == 2);
  CHECK(good(kit->aliases()).size() == 1);
  CHECK(good(kit->route("alice@example.test")).accounts.size() == 1);
  good(kit->authenticate("bob@example.test", "secret of bob"));
  CHECK(code(kit->route("carol@example.test")) == base::Code::corrupt);
  CHECK(code(kit->route("info@example.test")) == base::Code::corrupt);
  CHECK(code(kit->authenticate("carol@example.test", "secret of carol")) == base::Code::corrupt);
  CHECK(code(kit->route("odd@example.test")) == base::Code::corrupt);
  CHECK(code(kit->remove_domain("example.test")) == base::Code::conflict);
}

}  // namespace
}  // namespace directory
