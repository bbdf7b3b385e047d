// The commands over mailboxes that several people use.

#include <doctest/doctest.h>

#include "admin/test_kit.h"

using admin::Arguments;
using admin::test::House;

namespace {

struct Office : House {
  Office() {
    ask("domain add", {{"name", "example.org"}});
    for (const char* name : {"ann@example.org", "bob@example.org"}) {
      ask("account add", {{"address", name}, {"password", "x"}});
    }
    ask("group add", {{"address", "staff@example.org"},
                      {"members", std::vector<std::string>{"ann@example.org", "bob@example.org"}}});
  }
};

}  // namespace

TEST_CASE("an account that is nobody's is made without a password, and shared") {
  Office office;
  CHECK(office.ask("account add", {{"address", "info@example.org"}, {"state", "shared"}}).status == 0);
  CHECK(office.ask("account add", {{"address", "carl@example.org"}, {"state", "active"}}).status == 1);
  CHECK(office.ask("account list", {{"state", "shared"}}).out.find("info@example.org") != std::string::npos);
  const Arguments all{
      {"account", "info@example.org"}, {"who", "staff@example.org"}, {"rights", "write"}, {"all", true}};
  CHECK(office.ask("mailbox share", all).out ==
        "staff@example.org has the rights lrswited to 6 mailboxes of info@example.org\n");
  CHECK(office.ask("mailbox share", {{"account", "info@example.org"}, {"who", "anyone"}, {"rights", "lr"}}).out ==
        "anyone has the rights lr to INBOX of info@example.org\n");
  CHECK(office
            .ask("mailbox share",
                 {{"account", "info@example.org"}, {"who", "-Bob@example.org"}, {"rights", "te"}, {"mailbox", "Sent"}})
            .status == 0);
  CHECK(office.ask("mailbox rights", {{"account", "info@example.org"}, {"mailbox", "INBOX"}}).out ==
        "MAILBOX  WHO                RIGHTS\nINBOX    staff@example.org  lrswited\nINBOX    anyone             lr\n");
  CHECK(office.ask("mailbox rights", {{"account", "info@example.org"}, {"mailbox", "Sent"}}, true)
            .out.find(R"({"mailbox":"Sent","who":"-bob@example.org","rights":"ted"})") != std::string::npos);
  CHECK(office.ask("mailbox list", {{"account", "info@example.org"}}, true).out.find(R"("shared":true,"seen":"own")") !=
        std::string::npos);
  const auto seen = [&](const char* whose, admin::Arguments more) {
    more["account"] = "info@example.org";
    more["whose"] = whose;
    return office.ask("mailbox seen", more);
  };
  CHECK(seen("shared", {}).out == "\\Seen of INBOX of info@example.org is shared by all readers\n");
  CHECK(seen("own", {{"all", true}}).out == "\\Seen of 6 mailboxes of info@example.org is each reader's own\n");
  CHECK(seen("shared", {{"mailbox", "Sent"}}).status == 0);
  CHECK(office.ask("mailbox list", {{"account", "info@example.org"}, {"name", "Sent"}}, true)
            .out.find(R"("seen":"shared")") != std::string::npos);
  CHECK(seen("mine", {}).error == "\\Seen is each reader's own, or shared");
  CHECK(office.ask("mailbox seen", {{"account", "bob@example.org"}, {"whose", "own"}}).error ==
        "nobody else may use it: share it first");
  // Whoever is gone means nobody.
  office.ask("group remove", {{"address", "staff@example.org"}});
  CHECK(office.ask("mailbox share", {{"account", "info@example.org"}, {"who", "anyone"}, {"rights", "none"}}).out ==
        "anyone has no rights to INBOX of info@example.org\n");
  CHECK(office.ask("mailbox rights", {{"account", "info@example.org"}, {"mailbox", "INBOX"}}, true).out ==
        "{\"rights\":[]}\n");
}

TEST_CASE("what cannot be shared is told in words") {
  Office office;
  const auto share = [&](const char* account, const char* who, const char* rights, const char* mailbox = "INBOX") {
    return office.ask("mailbox share", {{"account", account}, {"who", who}, {"rights", rights}, {"mailbox", mailbox}})
        .error;
  };
  CHECK(share("ann@example.org", "bob@example.org", "rights") ==
        "rights are read, write, manage, none, or letters out of lrswipkxtea, and not \"rights\"");
  CHECK(share("carl@example.org", "bob@example.org", "read") == "there is no account carl@example.org");
  CHECK(share("ann@example.org", "carl@example.org", "read") == "there is no account and no group carl@example.org");
  CHECK(share("ann@example.org", "carl", "read") != "");
  CHECK(share("ann@example.org", "ann@example.org", "read") == "ann@example.org has all rights to its own mailboxes");
  CHECK(share("ann@example.org", "bob@example.org", "read", "Nowhere") == "there is no mailbox of that name");
}
