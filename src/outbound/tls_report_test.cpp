// Reports of TLS results: who wants them, what they look like, and that they are read back (RFC 8460 §3, §4, §5).

#include "outbound/tls_report.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"

namespace outbound {
namespace {

TlsReport example() {
  TlsReport report{.organization = "us.example.org",
                   .contact = "postmaster@us.example.org",
                   .id = "5065427c@us.example.org",
                   .begin = base::parse_rfc3339("2016-04-01T00:00:00Z").value(),
                   .end = base::parse_rfc3339("2016-04-01T23:59:59Z").value()};
  TlsPolicyReport policy{.type = "sts",
                         .policy = {"version: STSv1", "mode: testing"},
                         .domain = "company-y.example",
                         .mx = {"*.mail.company-y.example"},
                         .successful = 5326,
                         .failed = 303};
  policy.failures.push_back({.result_type = "certificate-expired",
                             .sending_ip = "2001:db8:abcd:12::1",
                             .receiving_host = "mx1.mail.company-y.example",
                             .receiving_ip = "192.0.2.7",
                             .count = 303,
                             .reason = "certificate has expired"});
  report.policies.push_back(std::move(policy));
  return report;
}

TEST_CASE("who wants reports") {
  const auto one =
      report_receivers({"v=spf1 -all", "v=TLSRPTv1; rua=mailto:reports@example.com,https://reports.example.com/v1"});
  REQUIRE(one);
  CHECK_EQ(one->mail, std::vector<std::string>{"reports@example.com"});
  CHECK_EQ(one->https, std::vector<std::string>{"https://reports.example.com/v1"});
  CHECK_EQ(report_receivers({"v=TLSRPTv1;rua=mailto:a@b.example!10m?x"})->mail.size(), 1U);
  CHECK_FALSE(report_receivers({}));
  CHECK_FALSE(report_receivers({"v=TLSRPTv1; rua=ftp://x"}));
  CHECK_FALSE(report_receivers({"v=TLSRPTv1; rua=mailto:a@b.example\r\nBcc: c"}));
  CHECK_FALSE(report_receivers({"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d"}));
}

TEST_CASE("what is written is read back, compressed or not") {
  const std::string json = report_json(example());
  CHECK_NE(json.find("\"start-datetime\":\"2016-04-01T00:00:00Z\""), std::string::npos);
  for (const std::string& bytes : {json, gzip(json)}) {
    const auto report = parse_report(bytes);
    REQUIRE(report);
    CHECK_EQ(report_json(*report), json);
    CHECK_EQ(report->policies.front().failures.front().count, 303U);
  }
}

TEST_CASE("what is no report is refused") {
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[]"), std::string("nonsense"),
                                 gzip("{}"), gzip(report_json(example())).substr(0, 40), std::string("\x1F\x8B")}) {
    CHECK_FALSE(parse_report(bad));
  }
  // A bomb: 64 MiB of spaces in some 64 KiB.
  CHECK_EQ(parse_report(gzip(std::string(64 << 20, ' '))).error().code, base::Code::too_large);
}

TEST_CASE("reports that real senders have sent") {
  const std::filesystem::path directory =
      std::filesystem::path(POSTRIDER_SOURCE_DIR) / "../shared/vectors/reports/tlsrpt";
  if (!std::filesystem::exists(directory)) {
    MESSAGE("the vectors are not here");
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    CAPTURE(entry.path().string());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto report = parse_report(bytes);
    REQUIRE(report);
    CHECK_FALSE(report->policies.empty());
  }
}

TEST_CASE("a report as a message") {
  const std::string message = report_message(example(), {.from = "postmaster@us.example.org",
                                                         .submitter = "us.example.org",
                                                         .domain = "company-y.example",
                                                         .to = {"reports@company-y.example"},
                                                         .now = base::parse_rfc3339("2016-04-02T01:00:00Z").value()});
  CHECK(message.find("report-type=\"tlsrpt\"") != std::string::npos);
  CHECK(message.find("us.example.org!company-y.example!1459468800!1459555199!5065427c.json.gz") != std::string::npos);
  const std::size_t begin = message.find("\r\n\r\n", message.find("application/tlsrpt+gzip")) + 4;
  std::string encoded = message.substr(begin, message.find("\r\n\r\n--", begin) - begin);
  std::erase(encoded, '\r');
  std::erase(encoded, '\n');
  const auto bytes = base::base64_decode(encoded);
  REQUIRE(bytes);
  CHECK_EQ(report_json(parse_report(*bytes).value()), report_json(example()));
  CHECK_EQ(report_json(parse_report(message).value()), report_json(example()));
  for (std::size_t at = 0; (at = message.find('\n', at)) != std::string::npos; ++at) CHECK_EQ(message[at - 1], '\r');
}

}  // namespace
}  // namespace outbound
