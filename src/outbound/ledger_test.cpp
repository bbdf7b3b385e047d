// Counting how TLS went and telling it when the day is over (RFC 8460 §4.1).

#include "outbound/ledger.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "dns/fake.h"
#include "net/loop.h"

namespace outbound {
namespace {

class DayClock final : public base::Clock {
 public:
  base::WallTime now() const override { return base::WallTime(std::chrono::seconds(day * 86'400 + 3600)); }
  base::SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  std::int64_t day = 20'000;
};

net::Task<base::Result<void>> keep(std::vector<ReportMail>* mails, bool works, ReportMail mail) {
  if (!works) co_return base::fail(base::Code::no_space, "full");
  mails->push_back(std::move(mail));
  co_return base::Result<void>();
}

struct World {
  net::Pool pool{1};
  DayClock clock;
  std::unique_ptr<store::Store> store = store::open_memory(pool, clock, {});
  dns::test::FakeResolver resolver;
  Config config{.hostname = "us.example.org"};
  Fetcher fetcher{""};
  Ledger ledger{{.resolver = resolver, .store = *store, .clock = clock}, config, fetcher, {}};
  std::vector<ReportMail> mails;
  bool works = true;
  std::atomic<bool> stopping = false;

  void count(const std::string& domain, TlsResult result, int times) {
    for (int i = 0; i < times; ++i) {
      ledger.add({.domain = domain,
                  .policy_type = "sts",
                  .policy = {"version: STSv1", "mode: enforce"},
                  .mx = {"mx." + domain},
                  .event = {.result = result, .host = "mx." + domain, .address = "192.0.2.7", .why = "because"}});
    }
  }
  void flush() { net::run(ledger.flush()); }
  void report() {
    net::run(ledger.report([this](ReportMail mail) { return keep(&mails, works, std::move(mail)); }, stopping));
  }
  std::size_t kept() {
    const auto reader = store->reader().value();
    std::size_t records = 0;
    for (auto cursor = reader->scan_raw("\x51", "\x52"); cursor->valid(); cursor->next()) ++records;
    return records;
  }
};

TEST_CASE("results add up, over flushes as well, and are told once the day is over") {
  World world;
  world.resolver.txt("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:r@a.example");
  world.resolver.set("_smtp._tls.b.example", dns::Type::txt, {.status = dns::Status::no_name});
  world.count("a.example", TlsResult::success, 3);
  world.count("a.example", TlsResult::certificate_expired, 2);
  world.flush();
  world.count("a.example", TlsResult::success, 4);
  world.count("a.example", TlsResult::certificate_expired, 1);
  world.count("b.example", TlsResult::success, 1);
  world.flush();
  CHECK_EQ(world.kept(), 3U);
  world.report();
  CHECK(world.mails.empty());
  world.clock.day += 1;
  world.report();
  REQUIRE_EQ(world.mails.size(), 1U);
  CHECK_EQ(world.mails[0].domain, "a.example");
  CHECK_EQ(world.mails[0].to, std::vector<std::string>{"r@a.example"});
  const std::string& message = world.mails[0].message;
  const std::size_t begin = message.find("\r\n\r\n", message.find("application/tlsrpt+gzip")) + 4;
  std::string encoded = message.substr(begin, message.find("\r\n\r\n--", begin) - begin);
  std::erase_if(encoded, [](char c) { return c == '\r' || c == '\n'; });
  const auto report = parse_report(base::base64_decode(encoded).value()).value();
  REQUIRE_EQ(report.policies.size(), 1U);
  CHECK_EQ(report.policies[0].successful, 7U);
  CHECK_EQ(report.policies[0].failed, 3U);
  CHECK_EQ(report.policies[0].failures.at(0).result_type, "certificate-expired");
  CHECK_EQ(world.kept(), 0U);
  world.report();
  CHECK_EQ(world.mails.size(), 1U);
}

TEST_CASE("a report that could not be handed over is kept, for a week") {
  World world;
  world.resolver.txt("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:r@a.example");
  world.count("a.example", TlsResult::success, 1);
  world.flush();
  world.clock.day += 1;
  world.works = false;
  world.report();
  CHECK_EQ(world.kept(), 1U);
  world.resolver.down = true;
  world.works = true;
  world.report();
  CHECK_EQ(world.kept(), 1U);
  world.clock.day += 7;
  world.report();
  CHECK_EQ(world.kept(), 0U);
  CHECK(world.mails.empty());
}

}  // namespace
}  // namespace outbound
