// Identifiers against a real directory.
#include "sharing/identifier.h"

#include <doctest/doctest.h>

#include "net/loop.h"
#include "net/pool.h"

using mailstore::Grantee;

namespace {

template <class T>
T good(base::Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().text));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

struct Town {
  Town() {
    good(net::run(directory->add_domain("example.org")));
    good(net::run(directory->add_domain("example.com", "example.org")));
    ann = good(net::run(directory->add_account("ann@example.org", "x", 0))).id;
    good(net::run(directory->add_alias("team@example.org", {"ann@example.org"}, directory::AliasKind::group)));
    good(net::run(directory->add_alias("all@example.org", {"team@example.org"}, directory::AliasKind::group)));
    good(net::run(directory->add_alias("info@example.org", {"ann@example.org"})));
  }
  base::Result<sharing::Identifier> find(std::string text) {
    return net::run(sharing::find_identifier(*directory, "ann@example.org", std::move(text)));
  }
  base::Code code(std::string text) {
    const auto found = find(std::move(text));
    REQUIRE_FALSE(found.has_value());
    return found.error().code;
  }

  net::Pool pool{1};
  std::unique_ptr<store::Store> store = store::open_memory(pool, base::system_clock(), {});
  std::unique_ptr<directory::Directory> directory =
      good(directory::open(*store, base::system_clock(), {}, {}, "mail.example.org"));
  base::AccountId ann;
};

}  // namespace

TEST_CASE("people, groups and everybody of the domain are found by the words for them") {
  Town town;
  CHECK(good(town.find("Ann@EXAMPLE.org")).grantee == Grantee{.kind = Grantee::Kind::account, .account = town.ann});
  CHECK(good(town.find("ann@example.com")).grantee.account == town.ann);
  const auto team = good(town.find("-Team@example.org"));
  CHECK(team.grantee == Grantee{.kind = Grantee::Kind::group, .name = "team@example.org"});
  CHECK(team.withheld);
  CHECK(good(town.find("anyone")).grantee == Grantee{.kind = Grantee::Kind::everybody, .name = "example.org"});
  CHECK_FALSE(good(town.find("ann@example.com")).other_domain);  // it is an alias of the domain
  good(net::run(town.directory->add_domain("example.net")));
  good(net::run(town.directory->add_account("eve@example.net", "x", 0)));
  CHECK(good(town.find("eve@example.net")).other_domain);
  CHECK(town.code("carl@example.org") == base::Code::not_found);
  CHECK(town.code("info@example.org") == base::Code::not_found);  // an alias leads anywhere
  CHECK(town.code("ann") == base::Code::invalid);
  CHECK(town.code("--ann@example.org") != base::Code::conflict);
  CHECK(town.code("") == base::Code::invalid);
  CHECK(good(net::run(town.directory->groups_of("ann@example.org"))) ==
        std::vector<std::string>{"team@example.org", "all@example.org"});
}

TEST_CASE("a list is told in words, without those who are gone") {
  Town town;
  const mailstore::Acl acl{{.grantee = good(town.find("ann@example.org")).grantee, .granted = mailstore::kLookup},
                           {.grantee = {.account = base::AccountId{99}}, .granted = mailstore::kLookup},
                           {.grantee = good(town.find("team@example.org")).grantee,
                            .granted = mailstore::kRead,
                            .withheld = mailstore::kWrite},
                           {.grantee = {.kind = Grantee::Kind::group, .name = "old@example.org"}, .granted = 1},
                           {.grantee = good(town.find("anyone")).grantee, .withheld = mailstore::kExpunge}};
  std::string all;
  for (const auto& [identifier, rights] : good(net::run(sharing::name_rights(*town.directory, acl)))) {
    all += identifier + "=" + mailstore::print(rights) + " ";
  }
  CHECK(all == "ann@example.org=l team@example.org=r -team@example.org=w -anyone=ed ");
}
