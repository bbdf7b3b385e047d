#include "directory/directory.h"

#include <filesystem>

#include "directory/tables.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using namespace directory::test;

TEST_CASE("an operator adds a domain and people, and mail finds them in any spelling") {
  Kit kit;
  good(kit->add_domain("Example.TEST"));
  const Account alice = good(kit->add_account("Alice@example.test", "secret", 5000));
  CHECK(alice.address == "alice@example.test");
  CHECK(alice.quota.bytes == 5000);
  CHECK(alice.id);
  CHECK(names_of(good(kit->domains())) == Names{"example.test"});
  CHECK(names_of(good(kit->accounts())) == Names{"alice@example.test"});

  CHECK(good(kit->is_local_domain("EXAMPLE.test")));
  CHECK_FALSE(good(kit->is_local_domain("example.org")));
  CHECK_FALSE(good(kit->is_local_domain("[127.0.0.1]")));
  const Route route = good(kit->route("ALICE@Example.Test"));
  REQUIRE(route.accounts.size() == 1);
  CHECK(route.accounts[0].id == alice.id);
  CHECK(route.accounts[0].quota.bytes == 5000);
  CHECK(route.remotes.empty());
  CHECK(good(kit->account("alice@EXAMPLE.test"))->id == alice.id);
  CHECK_FALSE(good(kit->account("bob@example.test")));
  CHECK(kit.problems().empty());
}

TEST_CASE("what cannot be added or found is refused with its own reason") {
  Kit kit;
  kit.people({"alice"});
  CHECK(code(kit->add_domain("example.TEST")) == Code::exists);
  CHECK(code(kit->add_domain("no domain")) == Code::invalid);
  CHECK(code(kit->add_account("alice@example.test", "x", 0)) == Code::exists);
  CHECK(code(kit->add_account("bob@example.org", "x", 0)) == Code::not_found);
  CHECK(code(kit->add_account("bob", "x", 0)) == Code::invalid);
  CHECK(code(kit->add_account("bob@example.test", "", 0)) == Code::invalid);
  CHECK(code(kit->set_password("bob@example.test", "x")) == Code::not_found);
  CHECK(code(kit->remove_account("bob@example.test")) == Code::not_found);
  CHECK(code(kit->remove_alias("bob@example.test")) == Code::not_found);
  CHECK(code(kit->remove_alias("alice@example.test")) == Code::not_found);
  CHECK(code(kit->remove_domain("example.org")) == Code::not_found);
  CHECK(code(kit->forget(base::AccountId{7})) == Code::not_found);
  CHECK(code(kit->route("bob@example.test")) == Code::not_found);
  CHECK(code(kit->route("bob@example.org")) == Code::denied);
  CHECK(code(kit->route("bob@example.org")) == Code::denied);  // from the cache
  CHECK(code(kit->route("bob@[127.0.0.1]")) == Code::invalid);
  CHECK(code(kit->route("bob")) == Code::invalid);
}

TEST_CASE("an address is one thing: an account's or an alias") {
  Kit kit;
  kit.people({"alice"});
  good(kit->add_alias("info@example.test", {"alice@example.test"}));
  CHECK(code(kit->add_account("info@example.test", "x", 0)) == Code::exists);
  CHECK(code(kit->add_alias("alice@example.test", {"bob@example.org"})) == Code::exists);
  CHECK(code(kit->add_alias("info@example.test", {"alice@example.test"})) == Code::exists);
  CHECK(code(kit->remove_account("info@example.test")) == Code::not_found);
  CHECK(code(kit->set_password("info@example.test", "x")) == Code::not_found);
  CHECK_FALSE(good(kit->account("info@example.test")));
}

TEST_CASE("a domain with people in it stays, and the operator reads how many there are") {
  Kit kit;
  kit.people({"alice", "bob"});
  good(kit->add_alias("info@example.test", {"alice@example.test"}));
  CHECK(code(kit->remove_domain("example.test")) == Code::conflict);
  CHECK(text(kit->remove_domain("example.test")).find("2 accounts and 1 alias:") != std::string::npos);
  good(kit->remove_account("alice@example.test"));
  good(kit->remove_account("bob@example.test"));
  CHECK(text(kit->remove_domain("example.test")).find("0 accounts and 1 alias:") != std::string::npos);
  good(kit->remove_alias("info@example.test"));
  good(kit->remove_domain("example.test"));
  CHECK_FALSE(good(kit->is_local_domain("example.test")));
  CHECK(code(kit->route("alice@example.test")) == Code::denied);
  CHECK(kit.problems().empty());
}

TEST_CASE("the server's hostname is no mail domain, and the operator reads why") {
  Kit kit;
  CHECK(code(kit->add_domain("MX.example.test")) == Code::invalid);
  CHECK(text(kit->add_domain("mx.example.test")).find("user@hostname") != std::string::npos);

  // The hostname was changed later, to a name that is a mail domain already.
  good(kit->add_domain("example.test"));
  const auto opened = open(*kit.store, base::system_clock(), {}, {}, "Example.TEST");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::unsupported);
  CHECK(opened.error().text.find("example.test is this server's hostname") == 0);
  CHECK(opened.error().text.find("mail.example.test") != std::string::npos);

  CHECK(open(*kit.store, base::system_clock(), {}, {}, "[127.0.0.1]"));
}

TEST_CASE("a removed account is gone for mail at once and remembered until its mail is gone") {
  Kit kit;
  const base::AccountId alice = kit.people({"alice"})[0].id;
  CHECK(good(kit->route("alice@example.test")).accounts.size() == 1);
  CHECK(good(kit->remove_account("alice@example.test")) == alice);
  CHECK(code(kit->route("alice@example.test")) == Code::not_found);
  CHECK(good(kit->accounts()).empty());
  CHECK(good(kit->removed()) == std::vector{alice});

  // The address is free, and who takes it is somebody else.
  const Account again = good(kit->add_account("alice@example.test", "another", 0));
  CHECK(again.id != alice);
  CHECK(good(kit->removed()) == std::vector{alice});
  good(kit->forget(alice));
  CHECK(good(kit->removed()).empty());
  CHECK(kit.problems().empty());
}

TEST_CASE("aliases lead to accounts and elsewhere, through other aliases, and to each once") {
  Kit kit;
  kit.people({"alice", "bob"});
  good(kit->add_alias("sales@example.test", {"Bob@example.test", "Carol@Example.ORG", "bob@example.test"}));
  good(kit->add_alias("all@example.test",
                      {"alice@example.test", "sales@example.test", "bob@example.test", "Carol@example.org"}));
  const Route route = good(kit->route("All@example.test"));
  CHECK(names_of(route.accounts) == Names{"alice@example.test", "bob@example.test"});
  CHECK(names_of(route.remotes) == Names{"Carol@example.org"});

  const auto aliases = good(kit->aliases());
  REQUIRE(aliases.size() == 2);
  CHECK(aliases[1].address == "sales@example.test");
  CHECK(aliases[1].targets == Names{"Bob@example.test", "Carol@example.org", "bob@example.test"});
  CHECK(kit.problems().empty());
}

TEST_CASE("an alias that would lead back to itself is refused; one that was there is cut") {
  Kit kit;
  kit.people({"alice"});
  CHECK(code(kit->add_alias("a@example.test", {"A@example.test"})) == Code::conflict);
  good(kit->add_alias("a@example.test", {"b@example.test", "alice@example.test"}));
  good(kit->add_alias("b@example.test", {"c@example.test"}));
  CHECK(code(kit->add_alias("c@example.test", {"a@example.test"})) == Code::conflict);
  CHECK(good(kit->aliases()).size() == 2);

  // Written behind the directory's back, by a restore or a bug.
  good(kit.store->write({store::Owner::directory()}, [](store::Txn& txn) -> base::Result<void> {
    schema::DirectoryAddress record;
    record.mutable_alias()->add_targets("a@example.test");
    txn.put(kAddresses, std::tuple(std::string("example.test"), std::string("c")), record);
    return {};
  }));
  for (const char* address : {"a@example.test", "b@example.test", "c@example.test"}) {
    CHECK(names_of(good(kit->route(address)).accounts) == Names{"alice@example.test"});
  }
}

TEST_CASE("an alias whose targets are nobody's takes no mail; with one living target it does") {
  Kit kit;
  kit.people({"alice"});
  good(kit->add_alias("later@example.test", {"bob@example.test"}));
  CHECK(code(kit->route("later@example.test")) == Code::not_found);
  good(kit->add_alias("both@example.test", {"bob@example.test", "alice@example.test"}));
  CHECK(names_of(good(kit->route("both@example.test")).accounts) == Names{"alice@example.test"});
  good(kit->add_account("bob@example.test", "secret", 0));
  CHECK(good(kit->route("both@example.test")).accounts.size() == 2);
  CHECK(good(kit->route("later@example.test")).accounts.size() == 1);
}

TEST_CASE("aliases have limits, and one that grew past them is refused for now, not cut short") {
  Kit kit;
  kit.people({"alice"});
  CHECK(code(kit->add_alias("none@example.test", {})) == Code::invalid);
  CHECK(code(kit->add_alias("bad@example.test", {"nobody"})) == Code::invalid);
  CHECK(code(kit->add_alias("x@example.org", {"alice@example.test"})) == Code::not_found);

  Names many;
  for (int i = 0; i < 1000; ++i) many.push_back("r" + std::to_string(i) + "@example.org");
  good(kit->add_alias("many@example.test", many));
  CHECK(good(kit->route("many@example.test")).remotes.size() == 1000);
  CHECK(code(kit->add_alias("more@example.test", {"many@example.test", "one@example.org"})) == Code::invalid);
  many.push_back("one@example.org");
  CHECK(code(kit->add_alias("most@example.test", many)) == Code::invalid);

  // Ten in a row are taken, whichever way round they were made; eleven are not.
  good(kit->add_alias("d1@example.test", {"alice@example.test"}));
  for (int i = 2; i <= 10; ++i) {
    good(kit->add_alias("d" + std::to_string(i) + "@example.test", {"d" + std::to_string(i - 1) + "@example.test"}));
  }
  CHECK(good(kit->route("d10@example.test")).accounts.size() == 1);
  CHECK(code(kit->add_alias("d11@example.test", {"d10@example.test"})) == Code::invalid);
  good(kit->remove_alias("d1@example.test"));
  good(kit->add_alias("d0@example.test", {"alice@example.test"}));
  good(kit->add_alias("d1@example.test", {"d0@example.test"}));
  CHECK(code(kit->route("d10@example.test")) == Code::unavailable);
  CHECK(good(kit->route("d9@example.test")).accounts.size() == 1);
}

TEST_CASE("RFC 5321 §4.5.1: postmaster is always somebody") {
  Kit kit;
  CHECK(code(kit->route("Postmaster")) == Code::not_found);  // before there is anyone
  good(kit->add_domain("example.test"));
  CHECK(code(kit->route("postmaster@example.test")) == Code::not_found);
  good(kit->add_account("zoe@example.test", "secret", 0));
  good(kit->add_account("alice@example.test", "secret", 0));
  for (const char* address : {"postmaster", "PostMaster", "postmaster@example.test", "POSTMASTER@EXAMPLE.TEST"}) {
    CHECK(names_of(good(kit->route(address)).accounts) == Names{"zoe@example.test"});
  }
  CHECK(code(kit->route("postmaster@example.org")) == Code::denied);
  good(kit->add_alias("root@example.test", {"postmaster@example.test"}));
  CHECK(names_of(good(kit->route("root@example.test")).accounts) == Names{"zoe@example.test"});
  good(kit->add_alias("postmaster@example.test", {"alice@example.test"}));
  CHECK(names_of(good(kit->route("postmaster@example.test")).accounts) == Names{"alice@example.test"});
  CHECK(names_of(good(kit->route("root@example.test")).accounts) == Names{"alice@example.test"});
  CHECK(names_of(good(kit->route("postmaster")).accounts) == Names{"zoe@example.test"});
}

TEST_CASE("a user sends as its own address and as the aliases that lead to it") {
  Kit kit;
  kit.people({"alice", "bob"});
  good(kit->add_alias("info@example.test", {"alice@example.test"}));
  good(kit->add_alias("office@example.test", {"info@example.test", "x@example.org"}));
  const Identity alice = good(kit->authenticate("alice@example.test", "secret of alice"));
  const Identity bob = good(kit->authenticate("bob@example.test", "secret of bob"));
  CHECK(good(kit->may_send_as(alice, "Alice@example.test")));
  CHECK(good(kit->may_send_as(alice, "info@example.test")));
  CHECK(good(kit->may_send_as(alice, "office@example.test")));
  CHECK_FALSE(good(kit->may_send_as(alice, "bob@example.test")));
  CHECK_FALSE(good(kit->may_send_as(alice, "nobody@example.test")));
  CHECK_FALSE(good(kit->may_send_as(alice, "alice@example.org")));
  CHECK_FALSE(good(kit->may_send_as(bob, "info@example.test")));
  CHECK(code(kit->may_send_as(alice, "no address")) == Code::invalid);
  CHECK(code(kit->may_send_as(alice, "postmaster")) == Code::invalid);
}

TEST_CASE("an internationalized domain and its people are found in every form") {
  Kit kit;
  good(kit->add_domain("Bücher.example"));
  CHECK(code(kit->add_domain("xn--bcher-kva.EXAMPLE")) == Code::exists);
  CHECK(names_of(good(kit->domains())) == Names{"xn--bcher-kva.example"});
  good(kit->add_account("Jörg@bücher.example", "secret", 0));
  CHECK(good(kit->is_local_domain("BÜCHER.example")));
  CHECK(good(kit->route("JO\u0308RG@xn--bcher-kva.example")).accounts.size() == 1);
  CHECK(good(kit->authenticate("jörg@BÜCHER.example", "secret")).address == "jörg@xn--bcher-kva.example");
}

TEST_CASE("a repeated look-up answers on the spot, and a change holds from the next one on") {
  Kit kit;
  kit.people({"alice"});
  good(kit->add_alias("info@example.test", {"alice@example.test"}));
  const std::uint64_t before = kit->generation();
  for (const char* address : {"alice@example.test", "info@example.test", "postmaster", "postmaster@example.test"}) {
    good(kit->route(address));
    CHECK(at_once(kit->route(address))->accounts.size() == 1);
  }
  good(kit->is_local_domain("example.org"));
  CHECK_FALSE(*at_once(kit->is_local_domain("EXAMPLE.org")));
  CHECK(*at_once(kit->is_local_domain("example.test")));
  CHECK(at_once(kit->route("bob@example.org")).error().code == Code::denied);
  CHECK(kit->generation() == before);

  good(kit->remove_alias("info@example.test"));
  CHECK(kit->generation() > before);
  CHECK(code(kit->route("info@example.test")) == Code::not_found);
  good(kit->add_domain("example.org"));
  CHECK(good(kit->is_local_domain("example.org")));
}

TEST_CASE("of two who add the same address at once, one gets it") {
  Kit kit;
  kit.people({});
  for (int round = 0; round < 5; ++round) {
    const std::string address = "u" + std::to_string(round) + "@example.test";
    std::vector<std::optional<base::Result<Account>>> accounts(3);
    std::optional<base::Result<void>> alias;
    std::vector<net::Task<void>> tasks;
    for (auto& account : accounts) tasks.push_back(keep(kit->add_account(address, "secret", 0), account));
    tasks.push_back(keep(kit->add_alias(address, {"x@example.org"}), alias));
    together(std::move(tasks));
    int won = alias->has_value() ? 1 : 0;
    for (const auto& account : accounts) {
      if (*account) ++won;
      if (!*account) CHECK(account->error().code == Code::exists);
    }
    CHECK(won == 1);
  }
  CHECK(good(kit->accounts()).size() + good(kit->aliases()).size() == 5);
  CHECK(kit.problems().empty());
}

TEST_CASE("a domain is not removed from under an account that is being added") {
  Kit kit;
  for (int round = 0; round < 5; ++round) {
    good(kit->add_domain("race.test"));
    std::optional<base::Result<Account>> added;
    std::optional<base::Result<void>> removed;
    std::vector<net::Task<void>> tasks;
    tasks.push_back(keep(kit->add_account("a@race.test", "secret", 0), added));
    tasks.push_back(keep(kit->remove_domain("race.test"), removed));
    together(std::move(tasks));
    CHECK(added->has_value() != removed->has_value());
    CHECK(kit.problems().empty());
    if (*added) good(kit->remove_account("a@race.test"));
    if (*added) good(kit->remove_domain("race.test"));
  }
}

TEST_CASE("a restart keeps everything") {
  std::string dir = (std::filesystem::temp_directory_path() / "postrider-directory-XXXXXX").string();
  REQUIRE(mkdtemp(dir.data()) != nullptr);
  net::Pool pool(2);
  base::AccountId alice;
  std::uint64_t version = 0;
  const auto with_directory = [&](auto story) {
    auto store = store::open_embedded({.directory = dir + "/store"}, pool, base::system_clock(), {});
    if (!store) FAIL(store.error().text);
    auto opened = open(**store, base::system_clock(), {}, {}, "mx.example.test");
    REQUIRE(opened);
    story(**opened);
    std::vector<std::string> problems;
    REQUIRE(opened.value()->check(**store.value()->reader(),
                                  [&](store::Problem problem) { problems.push_back(problem.what); }));
    CHECK(problems.empty());
  };
  with_directory([&](Directory& directory) {
    good(directory.add_domain("example.test"));
    alice = good(directory.add_account("alice@example.test", "secret", 12345)).id;
    good(directory.add_account("bob@example.test", "secret", 0));
    good(directory.add_alias("info@example.test", {"alice@example.test", "x@example.org"}));
    good(directory.set_password("alice@example.test", "changed"));
    good(directory.remove_account("bob@example.test"));
    version = good(directory.authenticate("alice@example.test", "changed")).credential_version;
  });
  with_directory([&](Directory& directory) {
    CHECK(names_of(good(directory.domains())) == Names{"example.test"});
    const auto accounts = good(directory.accounts());
    REQUIRE(accounts.size() == 1);
    CHECK(accounts[0].id == alice);
    CHECK(accounts[0].quota.bytes == 12345);
    CHECK(good(directory.removed()).size() == 1);
    CHECK(names_of(good(directory.route("info@example.test")).remotes) == Names{"x@example.org"});
    CHECK(code(directory.authenticate("alice@example.test", "secret")) == Code::denied);
    CHECK(good(directory.authenticate("alice@example.test", "changed")).credential_version == version);
    CHECK(code(directory.route("bob@example.test")) == Code::not_found);
  });
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace directory
