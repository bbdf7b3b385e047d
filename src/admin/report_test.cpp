// Reports of other hosts as the operator sees them, also those that were written to do harm.

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "admin/test_kit.h"
#include "outbound/tls_report.h"

using admin::test::House;

namespace {

outbound::TlsReport report(std::string id) {
  return {.organization = "Example Net",
          .contact = "tls@example.net",
          .id = std::move(id),
          .begin = base::WallTime(std::chrono::seconds(1'700'000'000)),
          .end = base::WallTime(std::chrono::seconds(1'700'086'399))};
}

outbound::TlsPolicyReport policy(std::size_t failures, const std::string& text) {
  outbound::TlsPolicyReport made{.type = "sts", .domain = "example.org", .successful = 5, .failed = failures};
  for (std::size_t i = 0; i < failures; ++i) {
    made.failures.push_back({.result_type = text, .receiving_host = "mx.example.org", .count = 1});
  }
  return made;
}

net::Task<base::Result<smtp::Sink::Accepted>> send(delivery::Delivery& delivery, std::string text) {
  smtp::Envelope envelope;
  envelope.recipients.push_back({.address = "tls@example.org"});
  CO_TRY_ASSIGN(auto sink, co_await delivery.begin(std::move(envelope), std::nullopt, {}, {}));
  CO_TRY(co_await sink->write(text));
  co_return co_await sink->accept();
}

/// As a message of that type, in short lines.
std::string message(const outbound::TlsReport& report) {
  return outbound::report_message(report, {.from = "tls@example.net",
                                           .submitter = "mx.example.net",
                                           .domain = "example.org",
                                           .to = {"tls@example.org"},
                                           .now = report.end});
}

struct Mailbox : House {
  Mailbox() {
    ask("domain add", {{"name", "example.org"}});
    ask("account add", {{"address", "tls@example.org"}, {"password", "x"}});
  }
  void add(const std::string& text) { REQUIRE(net::run(send(*delivery, text))); }
  boost::json::object list() {
    const auto shown = ask("report list", {{"address", "tls@example.org"}}, true);
    REQUIRE(shown.status == 0);
    return boost::json::parse(shown.out).as_object();
  }
};

}  // namespace

TEST_CASE("reports are listed once, and other mail is passed over") {
  Mailbox box;
  auto one = report("1");
  one.policies.push_back(policy(2, "starttls-not-supported"));
  box.add(message(one));
  box.add(message(one));
  box.add("Subject: hello\r\n\r\n");
  const auto listed = box.list();
  CHECK(listed.at("count") == 1);
  CHECK(listed.at("other_messages") == 1);
  CHECK(listed.at("truncated") == false);
  REQUIRE(listed.at("reports").as_array().size() == 1);
  CHECK(listed.at("reports").at(0).at("problems") ==
        "1 starttls-not-supported at mx.example.org, 1 starttls-not-supported at mx.example.org");
}

TEST_CASE("what strangers write into reports is cut") {
  Mailbox box;
  auto long_words = report("long");
  long_words.organization = std::string(100'000, 'o');
  long_words.policies.push_back(policy(101, std::string(5'000, 't')));
  box.add(message(long_words));
  for (int i = 0; i < 120; ++i) {
    auto many = report(std::to_string(i));
    for (int j = 0; j < 90; ++j) many.policies.push_back(policy(1, "x"));
    box.add(message(many));
  }
  const auto listed = box.list();
  CHECK(listed.at("truncated") == true);
  const auto& rows = listed.at("reports").as_array();
  // 100 failures of the first, and one of each row that follows.
  CHECK(rows.size() == 1 + 10'000 - 100);
  CHECK(rows[0].at("failures").as_array().size() == 100);
  CHECK(boost::json::serialize(rows[0]).size() < 40'000);
}
