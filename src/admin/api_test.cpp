#include "admin/api.h"

#include <doctest/doctest.h>

#include "admin/test_kit.h"

using admin::test::House;

TEST_CASE("an operator sets up a domain, people and an alias, and takes them away again") {
  House house;
  CHECK(house.ask("domain add", {{"name", "Example.ORG"}}).out == "domain example.org is added\n");
  CHECK(
      house.ask("domain list").out.starts_with("DOMAIN       ACCOUNTS  SEPARATOR  CREATED\nexample.org  0         +"));
  CHECK(house
            .ask("account add",
                 {{"address", "Ann@example.org"}, {"password", "geheim"}, {"quota_bytes", std::uint64_t{5} << 30}})
            .out == "account ann@example.org is added\n");
  CHECK(house.ask("account add", {{"address", "bob@example.org"}, {"password", "geheim"}}).status == 0);
  const std::string list = house.ask("account list").out;
  CHECK(list.starts_with("ADDRESS"));
  CHECK(list.find("ann@example.org  5 GiB") != std::string::npos);
  CHECK(list.find("bob@example.org  1 GiB") != std::string::npos);

  const std::vector<std::string> targets{"ann@example.org", "carl@example.net"};
  CHECK(house.ask("alias add", {{"address", "info@example.org"}, {"targets", targets}}).out ==
        "alias info@example.org leads to 2 addresses\n");
  CHECK(house.ask("alias list").out ==
        "ALIAS             POST    SEND AS  TARGETS\n"
        "info@example.org  anyone  yes      ann@example.org, carl@example.net\n");

  CHECK(house.ask("domain remove", {{"name", "example.org"}}).status == 1);
  CHECK(house.ask("alias remove", {{"address", "info@example.org"}}).status == 0);
  CHECK(house.ask("account remove", {{"address", "ann@example.org"}}).out ==
        "account ann@example.org is removed with its mail\n");
  CHECK(house.ask("account remove", {{"address", "bob@example.org"}}).status == 0);
  CHECK(house.ask("domain remove", {{"name", "example.org"}}).out == "domain example.org is removed\n");
  CHECK(house.ask("domain list").out == "");
}

TEST_CASE("a changed password is the one that counts") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "old"}});
  CHECK(house.ask("account password", {{"address", "ann@example.org"}, {"password", "new"}}).out ==
        "the password of ann@example.org is changed\n");
  CHECK_FALSE(net::run(house.directory->authenticate("ann@example.org", "old")).has_value());
  CHECK(net::run(house.directory->authenticate("ann@example.org", "new")).has_value());
}

TEST_CASE("lists are filtered by domain and can say what accounts hold") {
  House house;
  for (const char* domain : {"a.test", "b.test"}) {
    house.ask("domain add", {{"name", std::string(domain)}});
    house.ask("account add", {{"address", "ann@" + std::string(domain)}, {"password", "x"}});
  }
  const std::string one = house.ask("account list", {{"domain", "A.test"}, {"usage", true}}).out;
  CHECK(one.find("ann@a.test") != std::string::npos);
  CHECK(one.find("ann@b.test") == std::string::npos);
  CHECK(one.find("USED") != std::string::npos);
  CHECK(house.ask("account list").out.find("USED") == std::string::npos);
  CHECK(house.ask("mailbox list", {{"account", "ann@a.test"}}).out.find("INBOX") != std::string::npos);
}

using Texts = std::vector<std::string>;

TEST_CASE("a domain's settings are shown, and its accounts take its quota") {
  House house;
  house.ask("domain add", {{"name", "example.org"}, {"default_quota_bytes", std::uint64_t{5} << 20}});
  house.ask("domain add", {{"name", "example.net"}, {"alias_of", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  CHECK(house.ask("account list").out.find("ann@example.org  5 MiB") != std::string::npos);
  CHECK(house
            .ask("domain set", {{"name", "example.org"},
                                {"catch_all", "ann@example.org"},
                                {"max_accounts", std::uint64_t{1}},
                                {"quota_bytes", std::uint64_t{1} << 30},
                                {"no_default_quota", true}})
            .status == 0);
  const std::string shown = house.ask("domain show", {{"name", "example.org"}}).out;
  CAPTURE(shown);
  CHECK(
      shown.starts_with("DOMAIN      example.org\nACCOUNTS    1\nMAXIMUM     1\nSOFT QUOTA  1 GiB\nUSED        0 B\n"
                        "OVER        no\nCATCH-ALL   ann@example.org\nSEPARATOR   +\nCREATED     "));
  CHECK(house.ask("account add", {{"address", "bob@example.org"}, {"password", "x"}}).error ==
        "example.org may have 1 account and has as many");
  const std::string all = house.ask("domain list", {{"usage", true}}, true).out;
  CHECK(all.find(R"("name":"example.net","alias_of":"example.org","accounts":null)") != std::string::npos);
  CHECK(house.ask("domain list", {{"match", "NET"}}, true).out.find("example.org\",\"alias_of\":null") ==
        std::string::npos);
  CHECK(house.ask("domain show", {{"name", "example.com"}}).status == 1);
}

TEST_CASE("an account is shown and changed, and found by filters") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}, {"name", "Ann Example"}});
  house.ask("account add", {{"address", "bob@example.org"}, {"password", "x"}});
  CHECK(house
            .ask("account set", {{"address", "ann@example.org"},
                                 {"state", "suspended"},
                                 {"quota_bytes", std::uint64_t{0}},
                                 {"quota_messages", std::uint64_t{500}},
                                 {"send_as", Texts{"bob@example.org", "@example.net"}}})
            .out == "account ann@example.org is changed\n");
  const std::string shown = house.ask("account show", {{"address", "ann@example.org"}}).out;
  CAPTURE(shown);
  CHECK(
      shown.starts_with("ADDRESS        ann@example.org\nQUOTA          none\nMESSAGE QUOTA  500\nUSED           0 B\n"
                        "MESSAGES       0\nCOPIES         0\nSTATE          suspended\nNAME           Ann Example\n"
                        "MAY SEND AS    bob@example.org, @example.net\nCREATED        "));
  CHECK(shown.ends_with("CREDENTIALS    password\nSENT TODAY     0 of 1000 messages, 0 of 500 new recipients\n"));
  CHECK(house.ask("account list", {{"state", "suspended"}}).out.find("\nbob@") == std::string::npos);
  CHECK(house.ask("account list", {{"match", "ann ex"}}).out.find("ann@") != std::string::npos);
  CHECK(house.ask("account list", {{"match", "nobody"}}).out.empty());
  CHECK(house.ask("account set", {{"address", "ann@example.org"}, {"no_send_as", Texts{"@example.net"}}}).status == 0);
  CHECK(house.ask("account set", {{"address", "ann@example.org"}, {"state", "asleep"}}).error ==
        "a state is active, disabled, suspended or shared");
  CHECK(house.ask("account show", {{"address", "carl@example.org"}}).status == 1);
}

TEST_CASE("a device's password is made up, shown once, and good for a login") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  const std::string text =
      house.ask("credential add", {{"address", "ann@example.org"}, {"name", "phone"}, {"generate", true}}).out;
  const std::string password = text.substr(text.rfind(' ') + 1, text.size() - text.rfind(' ') - 2);
  CHECK(password.size() == 29);
  CHECK(net::run(house.directory->authenticate("ann@example.org", password)).has_value());
  CHECK(house.ask("credential list", {{"address", "ann@example.org"}}).out.find("phone") != std::string::npos);
  CHECK(house.ask("credential show", {{"address", "ann@example.org"}, {"name", "phone"}})
            .out.starts_with("CREDENTIAL  phone\nCREATED     "));
  CHECK(house.ask("credential set", {{"address", "ann@example.org"}, {"name", "phone"}, {"password", "y"}}).status ==
        0);
  CHECK_FALSE(net::run(house.directory->authenticate("ann@example.org", password)).has_value());
  CHECK(house.ask("credential remove", {{"address", "ann@example.org"}, {"name", "phone"}}).status == 0);
  CHECK(house.ask("credential show", {{"address", "ann@example.org"}, {"name", "phone"}}).status == 1);
  CHECK(house.ask("credential remove", {{"address", "ann@example.org"}, {"name", "password"}}).status == 1);
}

TEST_CASE("a group and an alias with a rule are made, changed and listed by whom they lead to") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  for (const char* name : {"ann", "bob"}) {
    house.ask("account add", {{"address", std::string(name) + "@example.org"}, {"password", "x"}});
  }
  CHECK(house
            .ask("group add", {{"address", "team@example.org"},
                               {"members", Texts{"ann@example.org", "bob@example.org"}},
                               {"posting", "members"}})
            .out == "group team@example.org leads to 2 addresses\n");
  CHECK(house
            .ask("group set", {{"address", "team@example.org"},
                               {"remove", Texts{"bob@example.org"}},
                               {"posting", "named"},
                               {"senders", Texts{"@example.net"}},
                               {"send_as", true}})
            .out == "group team@example.org leads to 1 address\n");
  CHECK(house.ask("group show", {{"address", "team@example.org"}}).out ==
        "GROUP    team@example.org\nPOST     named\nSENDERS  @example.net\nSEND AS  yes\nMEMBERS  ann@example.org\n");
  CHECK(house.ask("group list", {{"member", "Ann@example.org"}}).out.find("team@") != std::string::npos);
  CHECK(house.ask("group list", {{"member", "bob@example.org"}}).out.empty());
  CHECK(house.ask("alias list").out.empty());
  CHECK(house.ask("alias remove", {{"address", "team@example.org"}}).error ==
        "team@example.org is a group, not an alias");
  CHECK(house.ask("group remove", {{"address", "team@example.org"}}).status == 0);
}

TEST_CASE("accounts are imported a batch at a time, and a mistake names its line") {
  House house;
  house.ask("domain add", {{"name", "example.org"}, {"default_quota_bytes", std::uint64_t{7} << 20}});
  const Texts lines{R"({"address":"ann@example.org","password":"x","name":"Ann"})",
                    R"({"address":"bob@example.org","password":"y","quota_bytes":0,"quota_messages":9})"};
  CHECK(house.ask("account import", {{"lines", lines}}).out == "2 accounts are added\n");
  const std::string list = house.ask("account list").out;
  CHECK(list.find("ann@example.org  7 MiB") != std::string::npos);
  CHECK(list.find("bob@example.org  none   9 ") != std::string::npos);
  CHECK(house.ask("account import", {{"lines", lines}}).error ==
        "of lines 1 to 2 none is added: ann@example.org exists already");
  CHECK(house.ask("account import", {{"lines", lines}, {"skip_existing", true}}).out ==
        "0 accounts are added, 2 existed already\n");
  const auto line = [&](const char* text) {
    return house.ask("account import", {{"lines", Texts{text}}, {"first_line", std::uint64_t{7}}}).error;
  };
  CHECK(line("{") == "line 7: it is no JSON object");
  CHECK(line(R"({"address":"c@example.org"})") == "line 7: \"password\" is missing");
  CHECK(line(R"({"address":"c@example.org","pasword":"x"})") == "line 7: an account has no \"pasword\"");
  CHECK(line(R"({"address":"c@example.com","password":"x"})").find("example.com is no domain") != std::string::npos);
  CHECK(line(R"({"address":"c@example.org","hash":"{ROT13}x"})").find("no password hash") != std::string::npos);
}

TEST_CASE("what is wrong is told in a sentence and changes nothing") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  const auto refused = [&](const char* command, const admin::Arguments& arguments) {
    const auto shown = house.ask(command, arguments);
    CHECK(shown.status == 1);
    CHECK(shown.out == "");
    CHECK(shown.error != "");
    return shown.error;
  };
  refused("domain add", {{"name", "example.org"}});
  refused("domain add", {{"name", "not a domain"}});
  refused("domain add", {{"name", "mail.example.org"}});  // the server's own name
  refused("domain remove", {{"name", "example.net"}});
  refused("account add", {{"address", "ann@example.net"}, {"password", "x"}});
  refused("account remove", {{"address", "nobody@example.org"}});
  refused("mailbox list", {{"account", "nobody@example.org"}});
  CHECK(refused("account add", {{"address", "ann@example.org"}}) == "\"password\" is missing");
  CHECK(refused("account add", {{"address", "ann@example.org"}, {"password", ""}}) == "the password is empty");
  CHECK(refused("account add", {{"address", "ann@example.org"}, {"password", std::string(2000, 'x')}}) ==
        "the password has more than 1,024 bytes");
  CHECK(refused("account add", {{"address", "ann@example.org"}, {"password", std::string("a\0b", 3)}}) ==
        "the password is not UTF-8 text");
  CHECK(refused("account add", {{"address", "ann@example.org"}, {"password", "x"}, {"quota_bytes", "much"}}) ==
        "\"quota_bytes\" must be a whole number and not negative");
  CHECK(refused("domain add", {{"nam", "example.net"}}) == "\"domain add\" takes no \"nam\"");
  CHECK(refused("alias add", {{"address", "a@example.org"}, {"targets", "b@example.org"}}) ==
        "\"targets\" must be a list of texts");
  CHECK(refused("make tea", {}) == "there is no command \"make tea\"");
  CHECK(house.ask("account list").out == "");
}

TEST_CASE("a request that is none is answered, whatever it is") {
  House house;
  const auto code = [&](const std::string& request) {
    const std::string reply = net::run(house.api->call(request));
    CHECK(reply.starts_with("{\"ok\":false,\"code\":\""));
    return reply.substr(20, reply.find('"', 20) - 20);
  };
  CHECK(code("") == "invalid");
  CHECK(code("[]") == "invalid");
  CHECK(code("{") == "invalid");
  CHECK(code("{\"command\":5}") == "invalid");
  CHECK(code("{\"command\":\"domain list\",\"arguments\":[]}") == "invalid");
  CHECK(code("{\"command\":\"x\"}") == "unsupported");
  CHECK(code("{\"command\":\"domain add\",\"arguments\":{\"name\":[\"x\"]}}") == "invalid");
  CHECK(code(std::string(100'000, '[')) == "invalid");
  CHECK(code(std::string(admin::kMaxRequestBytes + 1, ' ')) == "too_large");
}

TEST_CASE("health tells of the server, and its status is that of the exit") {
  House house;
  house.certificates = {{.name = "default",
                         .names = {"mail.example.org"},
                         .file = "/etc/c.pem",
                         .not_after = house.clock().now() + std::chrono::hours(24),
                         .state = "expiring",
                         .why = {}}};
  const auto well = house.ask("health");
  CHECK(well.status == 0);
  CHECK(well.out.starts_with("mail.example.org: ok\ncertificate default /etc/c.pem: expiring, valid until "));
  CHECK(well.out.find("\nstore: takes writes, ") != std::string::npos);
  CHECK(well.out.find("\nqueue: 0 waiting\n") != std::string::npos);
  CHECK(well.out.ends_with("LISTENER  PORT  SESSIONS  FAILED\nsmtp      25    3         0\n"));
  house.certificates[0].state = "expired";
  const auto expired = house.ask("health");
  CHECK(expired.status == 1);
  CHECK(expired.error == "the certificate /etc/c.pem has expired");
  house.certificates[0] = {
      .name = "default", .names = {}, .file = "/etc/c.pem", .not_after = {}, .state = "missing", .why = "not there"};
  CHECK(house.ask("health").error == "the certificate /etc/c.pem is missing: not there");
}

TEST_CASE("a store without faults is clean, and an empty queue is an empty list") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  const auto checked = house.ask("store check");
  CHECK(checked.out == "checked 0 messages and all records: clean\n");
  CHECK(checked.status == 0);
  CHECK(house.ask("queue list").out == "");
  CHECK(house.ask("queue list", {}, true).out == "{\"queue\":[]}\n");
}

namespace {

/// A message from ann to bob at another host, submitted as SMTP does it.
net::Task<base::Result<std::string>> submit(delivery::Delivery& delivery, directory::Account account, std::string to) {
  smtp::Envelope envelope{
      .sender = account.address, .declared_size = {}, .recipients = {{.address = std::move(to), .orcpt = {}}}};
  const smtp::User user{.account = account.id, .address = account.address};
  CO_TRY_ASSIGN(auto sink, co_await delivery.begin(std::move(envelope), user, {}, {}));
  CO_TRY(co_await sink->write("Subject: hello\r\n\r\ntext\r\n"));
  CO_TRY_ASSIGN(auto accepted, co_await sink->accept());
  co_return accepted.id;
}

}  // namespace

TEST_CASE("the queue is listed, shown, held, released, counted and emptied") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  const auto ann = *net::run(house.directory->account("ann@example.org")).value();
  const std::string first = net::run(submit(*house.delivery, ann, "bob@far.example")).value();
  const std::string second = net::run(submit(*house.delivery, ann, "eve@farther.example")).value();
  const std::string listed = house.ask("queue list").out;
  CHECK(listed.starts_with("ID"));
  CHECK(listed.find("ann@example.org  bob@far.example      ready") != std::string::npos);
  CHECK(house.ask("queue list", {{"domain", "farther.example"}}).out.find(first) == std::string::npos);
  CHECK(house.ask("queue list", {{"state", "odd"}}).status == 1);
  const std::string shown = house.ask("queue show", {{"id", first}}).out;
  CHECK(shown.find("SUBMITTED BY: ann@example.org\n") != std::string::npos);
  CHECK(shown.find("bob@far.example") != std::string::npos);
  CHECK(house.ask("queue show", {{"id", "7"}}).error == "there is no message 7 in the queue");
  CHECK(house.ask("queue hold").error.starts_with("say which messages"));
  CHECK(house.ask("queue hold", {{"domain", "far.example"}}).out == "1 message, 1 recipient held\n");
  CHECK(house.ask("queue list", {{"state", "held"}}).out.find(first) != std::string::npos);
  CHECK(house.ask("queue release", {{"all", true}}).out == "2 messages, 2 recipients released\n");
  CHECK(house.ask("queue retry", {{"ids", std::vector<std::string>{second}}}).out ==
        "1 message, 1 recipient to be tried now\n");
  const std::string stats = house.ask("queue stats").out;
  CHECK(stats.starts_with("2 messages, "));
  CHECK(stats.find("farther.example") != std::string::npos);
  CHECK(house.ask("queue remove", {{"ids", std::vector<std::string>{"8"}}}).status == 1);
  CHECK(house.ask("queue remove", {{"sender", "ann@"}}).out == "2 messages, 2 recipients removed\n");
  CHECK(house.ask("queue list").out == "");
  CHECK(house.ask("store check").out == "checked 0 messages and all records: clean\n");
}

namespace {

admin::Session session(std::uint64_t id, std::string user, std::string address, std::string protocol) {
  return {.listener = protocol + "-public",
          .protocol = protocol,
          .info = {.id = id,
                   .endpoints = {.peer_address = std::move(address), .peer_port = 4321},
                   .since = House::clock().steady(),
                   .traffic = {.received = 100, .sent = 2048},
                   .report = {.user = std::move(user), .state = "selected", .command = "IDLE", .tls = true}}};
}

}  // namespace

TEST_CASE("live sessions are listed, filtered and closed by number, user or address") {
  House house;
  house.sessions = {session(7, "bob@example.org", "192.0.2.2", "imap"),
                    session(3, "ann@example.org", "192.0.2.1", "imap"), session(5, "", "192.0.2.1", "smtp")};
  const std::string all = house.ask("sessions list").out;
  CHECK(all.starts_with("ID  LISTENER     PEER       USER"));
  CHECK(all.find("3   imap-public  192.0.2.1  ann@example.org") != std::string::npos);
  CHECK(all.find("selected  IDLE") != std::string::npos);
  CHECK(all.find("100 B     2 KiB") != std::string::npos);
  CHECK(all.find("\n3 ") < all.find("\n5 "));
  const auto numbers = [&](const admin::Arguments& arguments) {
    house.ended.clear();
    const auto shown = house.ask("sessions close", arguments);
    return shown.status == 0 ? house.ended : std::vector<std::uint64_t>{};
  };
  using Numbers = std::vector<std::uint64_t>;
  CHECK(numbers({{"user", "Ann@example.org"}}) == Numbers{3});
  CHECK(numbers({{"address", "192.0.2.1"}}) == Numbers{3, 5});
  CHECK(numbers({{"address", "192.0.2.1"}, {"protocol", "smtp"}}) == Numbers{5});
  CHECK(numbers({{"ids", std::vector<std::string>{"7", "5", "99"}}}) == Numbers{5, 7});
  CHECK(house.ask("sessions close", {{"listener", "imap-public"}}).out == "2 sessions are closed\n");
  CHECK(house.ask("sessions close", {{"user", "nobody@example.org"}}).error == "there is no such session");
  CHECK(house.ask("sessions close").status == 1);  // not all of them by mistake
  CHECK(house.ended == Numbers{3, 7});
}

TEST_CASE("stop is passed on") {
  House house;
  CHECK(house.ask("stop").out == "the server is stopping\n");
  CHECK(house.stopped);
}

TEST_CASE("statistics name tables, accounts and ages") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  for (const char* name : {"ann@example.org", "bob@example.org"}) {
    house.ask("account add", {{"address", std::string(name)}, {"password", "x"}});
    REQUIRE(house.ask("mailbox list", {{"account", std::string(name)}}).status == 0);
  }
  const std::string all = house.ask("store stats").out;
  CHECK(all.find("directory.account") != std::string::npos);
  CHECK(all.find("ann@example.org") != std::string::npos);
  CHECK(all.find("less than a day") != std::string::npos);
  const std::string one = house.ask("store stats", {{"account", "Ann@example.org"}}).out;
  CHECK(one.find("ann@example.org") != std::string::npos);
  CHECK(one.find("bob@example.org") == std::string::npos);
  CHECK(house.ask("store stats", {{"account", "nobody@example.org"}}).status == 1);
  CHECK(house.ask("store stats", {{"top", std::uint64_t{1}}}).out.find("bob@example.org") == std::string::npos);
  CHECK(house.ask("store compact").out == "the store is compacted: 0 B before, 0 B after\n");
}

TEST_CASE("a checkpoint wants a whole path") {
  House house;
  for (const char* path : {"", "/", "///", "backup", "./backup"}) {
    CHECK(house.ask("store checkpoint", {{"directory", std::string(path)}}).status == 1);
  }
}

TEST_CASE("every list tells the members that its table promises, and no others") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  house.ask("alias add", {{"address", "info@example.org"}, {"targets", Texts{"ann@example.org"}}});
  house.ask("group add", {{"address", "team@example.org"}, {"members", Texts{"ann@example.org"}}});
  house.sessions = {session(1, "ann@example.org", "192.0.2.1", "imap")};
  for (const auto& [command, arguments] :
       std::vector<std::pair<std::string, admin::Arguments>>{{"domain list", {}},
                                                             {"account list", {{"usage", true}}},
                                                             {"credential list", {{"address", "ann@example.org"}}},
                                                             {"alias list", {}},
                                                             {"group list", {}},
                                                             {"mailbox list", {{"account", "ann@example.org"}}},
                                                             {"sessions list", {}},
                                                             {"health", {}}}) {
    CAPTURE(command);
    const auto fields = admin::fields(command);
    std::string json = house.ask(command, arguments, true).out;
    json = json.substr(json.find("\"" + fields.list + "\":[{"));
    json = json.substr(0, json.find('}'));
    std::size_t members = 0;
    for (std::size_t at = json.find("\":"); at != std::string::npos; at = json.find("\":", at + 1)) ++members;
    CHECK(members == fields.members.size() + 1);  // and the list itself
    for (const std::string& member : fields.members) CHECK(json.find("\"" + member + "\":") != std::string::npos);
  }
}
