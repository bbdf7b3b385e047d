// The commands over bans and over what accounts may send.

#include <doctest/doctest.h>

#include "admin/test_kit.h"

using admin::test::House;

TEST_CASE("an operator bans a network, sees it, and takes it back") {
  House house;
  CHECK(house.ask("ban list").out == "");
  CHECK(house.ask("ban add", {{"network", "192.0.2.0/24"}, {"reason", "spam"}}).out ==
        "192.0.2.0/24 is banned until it is removed\n");
  const auto timed = house.ask("ban add", {{"network", "2001:db8::/32"}, {"seconds", std::uint64_t{3600}}}, true);
  CHECK(timed.out.find("\"until\":\"2") != std::string::npos);
  const std::string list = house.ask("ban list").out;
  CHECK(list.starts_with("NETWORK"));
  CHECK(list.find("192.0.2.0/24") != std::string::npos);
  CHECK(list.find("operator") != std::string::npos);
  CHECK(list.find("spam") != std::string::npos);
  CHECK(house.ask("ban list", {{"address", "192.0.2.7"}}, true)
            .out.starts_with(R"({"bans":[{"network":"192.0.2.0/24","since":")"));
  CHECK(house.ask("ban list", {{"address", "198.51.100.7"}}, true).out == "{\"bans\":[]}\n");
  const auto visitor = guard::Visitor::of("192.0.2.7", guard::Group::users, false);
  CHECK(house.guard->connect(visitor));
  CHECK(house.ask("ban remove", {{"network", "192.0.2.0/24"}}).out == "192.0.2.0/24 is no longer banned\n");
  CHECK_FALSE(house.guard->connect(visitor));
}

TEST_CASE("what cannot be banned is told in words") {
  House house;
  CHECK(house.ask("ban add", {{"network", "192.0.2.1/24"}}).error ==
        "\"192.0.2.1/24\" has bits set behind its prefix: the network is \"192.0.2.0/24\"");
  CHECK(house.ask("ban add", {{"network", "here"}}).status == 1);
  CHECK(house.ask("ban add", {{"network", "192.0.2.1"}, {"seconds", std::uint64_t{0}}}).error ==
        "a ban lasts from a second to a hundred years");
  CHECK(house.ask("ban add", {{"network", "192.0.2.1"}, {"seconds", UINT64_MAX}}).status == 1);
  CHECK(house.ask("ban add", {{"network", "192.0.2.1"}, {"reason", "a\nb"}}).status == 1);
  CHECK(house.ask("ban remove", {{"network", "192.0.2.1"}}).error == "192.0.2.1/32 is not banned");
  CHECK(house.ask("ban list", {{"address", "somewhere"}}).status == 1);
}

TEST_CASE("an account may be given limits of its own for a day, and shows what is left") {
  House house;
  house.ask("domain add", {{"name", "example.org"}});
  house.ask("account add", {{"address", "ann@example.org"}, {"password", "x"}});
  const auto shows = [&](const char* text) {
    const std::string shown = house.ask("account show", {{"address", "ann@example.org"}}, true).out;
    CAPTURE(shown);
    CHECK(shown.find(text) != std::string::npos);
  };
  shows("\"messages_per_day\":1000,\"messages_today\":0,\"new_recipients_per_day\":500");
  const admin::Arguments more{{"address", "ann@example.org"}, {"messages_per_day", std::uint64_t{20'000}}};
  CHECK(house.ask("account set", more).status == 0);
  shows("\"messages_per_day\":20000");
  shows("\"new_recipients_per_day\":500");
  const admin::Arguments back{
      {"address", "ann@example.org"}, {"messages_per_day", "default"}, {"new_recipients_per_day", std::uint64_t{0}}};
  CHECK(house.ask("account set", back).status == 0);
  shows("\"messages_per_day\":1000");
  shows("\"new_recipients_per_day\":0");
  CHECK(house.ask("account set", {{"address", "ann@example.org"}, {"messages_per_day", "many"}}).status == 1);
  CHECK(house.ask("account remove", {{"address", "ann@example.org"}}).status == 0);
  CHECK(house.ask("store check").status == 0);
}
