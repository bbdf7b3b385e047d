// Reports that other hosts send to us: TLS-RPT (RFC 8460), from the mailbox that they come to, or from a file.
#include <cstdio>

#include "app/cli_kit.h"
#include "app/files.h"
#include "base/text.h"
#include "outbound/tls_report.h"

namespace app {

namespace {

constexpr std::size_t kMaxReport = 32 << 20;
constexpr std::size_t kShown = 200;

std::string clean(const std::string& text) { return base::printable(text, kShown); }

void print_policy(const outbound::TlsPolicyReport& policy) {
  std::printf("%s (%s): %llu connections were fine, %llu were not\n", clean(policy.domain).c_str(),
              clean(policy.type).c_str(), static_cast<unsigned long long>(policy.successful),
              static_cast<unsigned long long>(policy.failed));
  for (const outbound::TlsFailure& failure : policy.failures) {
    std::printf("  %llu %s at %s from %s%s%s\n", static_cast<unsigned long long>(failure.count),
                clean(failure.result_type).c_str(), clean(failure.receiving_host).c_str(),
                clean(failure.sending_ip).c_str(), failure.reason.empty() ? "" : ": ", clean(failure.reason).c_str());
  }
}

int show_report(const Given& given) {
  const auto bytes = read_file(given.name, kMaxReport);
  if (!bytes) return refuse(bytes.error());
  const auto report = outbound::parse_report(*bytes);
  if (!report) return refuse(report.error());
  if (given.json) {
    std::printf("%s\n", outbound::report_json(*report).c_str());
    return 0;
  }
  std::printf("%s, %s to %s\n", clean(report->organization).c_str(), base::rfc3339_seconds(report->begin).c_str(),
              base::rfc3339_seconds(report->end).c_str());
  for (const outbound::TlsPolicyReport& policy : report->policies) print_policy(policy);
  return 0;
}

}  // namespace

void add_reports(CLI::App& app, Given& given) {
  CLI::App* reports = group(app, "report", "What other hosts report to us");
  CLI::App* list =
      command(*reports, "list",
              "List the reports of TLS results (RFC 8460) that have come to an account, oldest first; other "
              "messages there are passed over",
              "postrider report list tls-reports@example.org");
  list->add_option("ADDRESS", given.name, "The account that our domains name in _smtp._tls")->required();
  list->add_option("--mailbox", given.filter, "The mailbox that they are in; INBOX otherwise");
  list->add_option("--limit", given.limit, "Look at so many messages, the newest ones")->capture_default_str();
  admin_command(*list, given, "report list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments arguments{{"address", given.name}, {"limit", given.limit}};
    add_text(arguments, "mailbox", given.filter);
    return arguments;
  });

  CLI::App* tls = command(*reports, "tls",
                          "Show a report of TLS results (RFC 8460): its message, or the JSON in it, compressed or not",
                          "postrider report tls example.net!example.org!1459468800!1459555199!1.json.gz");
  tls->add_option("FILE", given.name, "The message, or its attachment")->required();
  tls->add_flag("--json", given.json, "Print JSON");
  tls->callback([&given] { given.action = [&given] { return show_report(given); }; });
}

}  // namespace app
