#include "crypto/password.h"
#include "directory/directory.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using namespace directory::test;

TEST_CASE("a disabled or suspended account has no login, from the next look-up on") {
  Kit kit;
  kit.people({"ann"});
  for (const State state : {State::disabled, State::suspended}) {
    const Identity before = good(kit->authenticate("ann@example.test", "secret of ann"));
    CHECK(good(kit->set_account("ann@example.test", {.state = state})).state == state);
    CHECK(code(kit->authenticate("ann@example.test", "secret of ann")) == Code::denied);
    CHECK(code(kit->recheck(before)) == Code::denied);
    CHECK(good(kit->route("ann@example.test")).accounts[0].state == state);
    good(kit->set_account("ann@example.test", {.state = State::active}));
    CHECK(good(kit->recheck(before)).account == before.account);
  }
  CHECK(code(kit->set_account("bob@example.test", {.state = State::active})) == Code::not_found);
}

TEST_CASE("an account that is nobody's has no login, and takes mail") {
  Kit kit;
  kit.people({"ann"});
  std::vector<NewAccount> one;
  one.push_back({.address = "info@example.test", .password = "known", .state = State::shared});
  const auto made = good(kit->add_accounts(std::move(one)));
  CHECK(code(kit->authenticate("info@example.test", "known")) == Code::denied);
  CHECK(good(kit->route("info@example.test")).accounts[0].state == State::shared);
  CHECK(good(kit->account(made[0].id))->address == "info@example.test");
  CHECK_FALSE(good(kit->account(base::AccountId{99})).has_value());
  good(kit->set_account("info@example.test", {.state = State::active}));
  good(kit->authenticate("info@example.test", "known"));
}

TEST_CASE("quota and name are changed, and the rest stays") {
  Kit kit;
  kit.people({"ann"});
  const Identity ann = good(kit->authenticate("ann@example.test", "secret of ann"));
  const Account changed = good(kit->set_account("Ann@example.test", {.quota_bytes = 7000, .name = "Ann Øre"}));
  CHECK(changed.quota.bytes == 7000);
  CHECK(changed.name == "Ann Øre");
  CHECK(good(kit->recheck(ann)).quota.bytes == 7000);
  CHECK(good(kit->set_account("ann@example.test", {})).name == "Ann Øre");
  CHECK(code(kit->set_account("ann@example.test", {.name = "a\nb"})) == Code::invalid);
  CHECK(code(kit->set_account("ann@example.test", {.name = std::string(201, 'x')})) == Code::invalid);
}

TEST_CASE("an account sends as what it was granted, until that is withdrawn") {
  Kit kit;
  kit.people({"ann", "bob"});
  const Identity ann = good(kit->authenticate("ann@example.test", "secret of ann"));
  CHECK_FALSE(good(kit->may_send_as(ann, "bob@example.test")));
  CHECK_FALSE(good(kit->may_send_as(ann, "ann@old.test")));
  good(kit->set_account("ann@example.test", {.grant = {"Bob@example.test", "@Old.test", "bob@example.test"}}));
  CHECK(good(kit->account("ann@example.test"))->send_as == Names{"bob@example.test", "@old.test"});
  CHECK(good(kit->may_send_as(ann, "BOB@example.test")));
  CHECK(good(kit->may_send_as(ann, "ann@old.test")));
  CHECK_FALSE(good(kit->may_send_as(ann, "ann@sub.old.test")));
  good(kit->set_account("ann@example.test", {.withdraw = {"@old.test"}}));
  CHECK_FALSE(good(kit->may_send_as(ann, "ann@old.test")));
  CHECK(code(kit->set_account("ann@example.test", {.withdraw = {"@old.test"}})) == Code::not_found);
  CHECK(code(kit->set_account("ann@example.test", {.grant = {"nonsense"}})) == Code::invalid);
  Names many;
  for (int i = 0; i < 101; ++i) many.push_back("a" + std::to_string(i) + "@old.test");
  CHECK(code(kit->set_account("ann@example.test", {.grant = many})) == Code::too_large);
  CHECK(kit.problems().empty());
}

TEST_CASE("each of an account's passwords is good for a login and ends alone") {
  Kit kit;
  kit.people({"ann"});
  const auto login = [&](const char* password) { return kit->authenticate("ann@example.test", password); };
  good(kit->add_credential("ann@example.test", "phone", "of the phone"));
  good(kit->add_credential("ann@example.test", "desk", "of the desk"));
  CHECK(code(kit->add_credential("ann@example.test", "desk", "x")) == Code::exists);
  CHECK(code(kit->add_credential("ann@example.test", "password", "x")) == Code::exists);
  CHECK(code(kit->add_credential("ann@example.test", "", "x")) == Code::invalid);
  CHECK(code(kit->add_credential("bob@example.test", "desk", "x")) == Code::not_found);
  const auto list = good(kit->credentials("ann@example.test"));
  REQUIRE(list.size() == 3);
  CHECK(list[0].name == "password");
  CHECK(list[1].name == "phone");
  CHECK(list[2].name == "desk");

  const Identity phone = good(login("of the phone"));
  const Identity desk = good(login("of the desk"));
  good(login("secret of ann"));
  good(kit->set_credential("ann@example.test", "desk", {.password = "another"}));
  CHECK(code(kit->recheck(desk)) == Code::denied);
  CHECK(code(login("of the desk")) == Code::denied);
  good(login("another"));
  good(kit->remove_credential("ann@example.test", "phone"));
  CHECK(code(kit->recheck(phone)) == Code::denied);
  CHECK(code(login("of the phone")) == Code::denied);
  good(login("secret of ann"));
  CHECK(code(kit->remove_credential("ann@example.test", "phone")) == Code::not_found);
  CHECK(code(kit->set_credential("ann@example.test", "phone", {.password = "x"})) == Code::not_found);
  CHECK(code(kit->remove_credential("ann@example.test", "password")) == Code::conflict);
  CHECK(kit.problems().empty());

  for (int i = 0; i < 14; ++i) good(kit->add_credential("ann@example.test", "n" + std::to_string(i), "x"));
  CHECK(code(kit->add_credential("ann@example.test", "one too many", "x")) == Code::too_large);
}

TEST_CASE("many accounts are added in one commit, or none of them") {
  Kit kit;
  kit.people({"ann"});
  const std::string hash = crypto::hash_password("known elsewhere");
  const auto many = [&](std::size_t count) {
    std::vector<NewAccount> accounts;
    for (std::size_t i = 0; i < count; ++i) {
      accounts.push_back({.address = "u" + std::to_string(i) + "@example.test", .hash = hash, .quota = {.bytes = 5}});
    }
    return accounts;
  };
  auto accounts = many(50);
  accounts.push_back({.address = "ann@example.test", .hash = hash});
  CHECK(code(kit->add_accounts(accounts)) == Code::exists);
  CHECK(good(kit->accounts()).size() == 1);
  CHECK(good(kit->add_accounts(accounts, true)).size() == 50);
  CHECK(good(kit->add_accounts(accounts, true)).empty());
  CHECK(good(kit->authenticate("u49@example.test", "known elsewhere")).quota.bytes == 5);
  CHECK(good(kit->domain("example.test"))->accounts == 51);

  auto twice = many(1);
  twice[0].address = "new@example.test";
  twice.push_back(twice[0]);
  CHECK(code(kit->add_accounts(twice)) == Code::exists);
  twice[0].hash = "{ROT13}frperg";
  CHECK(code(kit->add_accounts({twice[0]})) == Code::invalid);
  CHECK(kit.problems().empty());
}

}  // namespace
}  // namespace directory
