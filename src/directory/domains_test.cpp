#include "directory/directory.h"
#include "directory/tables.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using namespace directory::test;

TEST_CASE("user+tag is user's, unless somebody has that very address") {
  Kit kit;
  kit.people({"ann", "bob", "bob+work"});
  good(kit->add_alias("info@example.test", {"ann@example.test"}));
  const auto to = [&](const char* address) { return names_of(good(kit->route(address)).accounts); };
  CHECK(to("ann+shop@example.test") == Names{"ann@example.test"});
  CHECK(to("ANN+a+b@example.test") == Names{"ann@example.test"});
  CHECK(to("bob+work@example.test") == Names{"bob+work@example.test"});
  CHECK(to("bob+play@example.test") == Names{"bob@example.test"});
  CHECK(to("info+x@example.test") == Names{"ann@example.test"});
  CHECK(to("postmaster+x@example.test") == Names{"ann@example.test"});
  CHECK(code(kit->route("+ann@example.test")) == Code::not_found);
  CHECK(code(kit->route("carl+x@example.test")) == Code::not_found);

  good(kit->set_domain("example.test", {.separator = "-"}));
  CHECK(to("ann-shop@example.test") == Names{"ann@example.test"});
  CHECK(code(kit->route("ann+shop@example.test")) == Code::not_found);
  good(kit->set_domain("example.test", {.separator = ""}));
  CHECK(code(kit->route("ann-shop@example.test")) == Code::not_found);
  CHECK(code(kit->set_domain("example.test", {.separator = "a"})) == Code::invalid);
  CHECK(code(kit->set_domain("example.test", {.separator = "--"})) == Code::invalid);
}

TEST_CASE("a catch-all takes what is nobody's, and gives nobody a sender") {
  Kit kit;
  const auto people = kit.people({"ann", "bob"});
  CHECK(code(kit->set_domain("example.test", {.catch_all = "nobody@example.test"})) == Code::not_found);
  CHECK(code(kit->set_domain("example.test", {.catch_all = "no address"})) == Code::invalid);
  good(kit->set_domain("example.test", {.catch_all = "Bob@example.test"}));
  CHECK(names_of(good(kit->route("whoever@example.test")).accounts) == Names{"bob@example.test"});
  CHECK(names_of(good(kit->route("ann@example.test")).accounts) == Names{"ann@example.test"});
  CHECK(names_of(good(kit->route("postmaster@example.test")).accounts) == Names{"bob@example.test"});
  CHECK_FALSE(good(kit->may_send_as({.account = people[1].id, .address = people[1].address}, "whoever@example.test")));
  good(kit->set_domain("example.test", {.catch_all = "box@example.org"}));
  CHECK(names_of(good(kit->route("whoever@example.test")).remotes) == Names{"box@example.org"});
  good(kit->set_domain("example.test", {.catch_all = ""}));
  CHECK(code(kit->route("whoever@example.test")) == Code::not_found);
}

TEST_CASE("a catch-all whose target was removed takes no mail, and does not go round") {
  Kit kit;
  kit.people({"ann", "bob"});
  good(kit->set_domain("example.test", {.catch_all = "bob@example.test"}));
  good(kit->remove_account("bob@example.test"));
  CHECK(code(kit->route("whoever@example.test")) == Code::not_found);
  CHECK(code(kit->route("bob@example.test")) == Code::not_found);
}

TEST_CASE("a domain alias has the addresses of its domain, for mail, senders and logins") {
  Kit kit;
  const auto people = kit.people({"ann"});
  good(kit->add_domain("Example.NET", "example.test"));
  CHECK(names_of(good(kit->route("ann+x@example.net")).accounts) == Names{"ann@example.test"});
  CHECK(code(kit->route("bob@example.net")) == Code::not_found);
  CHECK(good(kit->is_local_domain("example.net")));
  const Identity ann = good(kit->authenticate("ann@example.net", "secret of ann"));
  CHECK(ann.address == "ann@example.test");
  CHECK(good(kit->may_send_as(ann, "ann@example.net")));

  CHECK(code(kit->add_domain("second.net", "example.net")) == Code::conflict);
  CHECK(code(kit->add_domain("second.net", "gone.test")) == Code::not_found);
  CHECK(code(kit->add_domain("second.net", "example.test", {.separator = "-"})) == Code::invalid);
  CHECK(code(kit->add_account("bob@example.net", "x", 0)) == Code::invalid);
  CHECK(code(kit->add_alias("bob@example.net", {"ann@example.test"})) == Code::invalid);
  CHECK(code(kit->set_domain("example.net", {.separator = "-"})) == Code::invalid);
  CHECK(text(kit->add_account("bob@example.net", "x", 0)).contains("is an alias of example.test"));
  good(kit->remove_account("ann@example.test"));
  CHECK(code(kit->remove_domain("example.test")) == Code::conflict);
  CHECK(kit.problems().empty());
  good(kit->remove_domain("example.net"));
  good(kit->remove_domain("example.test"));
}

TEST_CASE("a domain has limits and counts its accounts") {
  Kit kit;
  good(kit->add_domain(
      "example.test", "",
      {.default_quota_bytes = std::optional<std::uint64_t>(5000), .max_accounts = 2, .quota_bytes = 9000}));
  good(kit->add_account("ann@example.test", "x", 0));
  good(kit->add_account("bob@example.test", "x", 0));
  CHECK(code(kit->add_account("carl@example.test", "x", 0)) == Code::too_large);
  Domain domain = *good(kit->domain("EXAMPLE.test"));
  CHECK(domain.accounts == 2);
  CHECK(domain.default_quota_bytes == 5000);
  CHECK(domain.quota_bytes == 9000);
  good(kit->remove_account("bob@example.test"));
  good(kit->add_account("carl@example.test", "x", 0));
  good(kit->set_domain("example.test",
                       {.default_quota_bytes = std::optional<std::uint64_t>(std::nullopt), .max_accounts = 0}));
  good(kit->add_account("dora@example.test", "x", 0));
  domain = *good(kit->domain("example.test"));
  CHECK(domain.accounts == 3);
  CHECK_FALSE(domain.default_quota_bytes);
  CHECK_FALSE(good(kit->domain("example.org")));
  CHECK(code(kit->set_domain("example.org", {})) == Code::not_found);
  CHECK(kit.problems().empty());
}

TEST_CASE("the records of the first version are read, and its domains begin to count") {
  Kit kit;
  kit.people({"ann", "bob"});
  good(kit.store->write({store::Owner::directory()}, [](store::Txn& txn) -> base::Result<void> {
    // created_us alone, as that version wrote it.
    txn.put_raw(store::encode_key(kDomains.id, std::string("example.test")), std::string("\x08\x80\x01", 3));
    return {};
  }));
  kit.dir = kit.reopen();
  CHECK(good(kit->domain("example.test"))->accounts == 2);
  CHECK(good(kit->domain("example.test"))->separator == "+");
  CHECK(kit.problems().empty());
  good(kit->add_account("carl@example.test", "x", 0));
  CHECK(good(kit->domain("example.test"))->accounts == 3);
  good(kit->remove_account("ann@example.test"));
  CHECK(good(kit->domain("example.test"))->accounts == 2);
  CHECK(kit.problems().empty());
}

}  // namespace
}  // namespace directory
