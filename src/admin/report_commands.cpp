// Reports of other hosts, where they arrive: in the mailbox of an address that our domains name for them.
#include <set>

#include "admin/commands.h"
#include "base/text.h"
#include "outbound/tls_report.h"

namespace admin {

namespace {

constexpr std::uint64_t kDefaultMessages = 1000;
constexpr std::uint64_t kMostMessages = 100'000;
constexpr std::size_t kAtOnce = 10;                // of which none else waits for the reader
constexpr std::uint64_t kMostBytes = 16ull << 20;  // of a message
// What is told in all; strangers write the reports.
constexpr std::size_t kMostRows = 10'000;
constexpr std::size_t kMostFailures = 10'000;
constexpr std::size_t kMostFailuresOfPolicy = 100;
constexpr std::size_t kMostText = 200;  // bytes of a text of theirs

struct Found {
  json::array rows;
  std::size_t failures = 0;  // in them
  std::size_t reports = 0;
  std::size_t others = 0;                               // messages that are none
  std::set<std::pair<std::string, std::string>> known;  // organization and id: a report that came twice is one

  bool full() const { return rows.size() >= kMostRows || failures >= kMostFailures; }
};

std::string cut(std::string_view text) { return base::printable(text, kMostText); }
json::value cut_or_null(std::string_view text) { return text_or_null(cut(text)); }

json::array failures_of(const outbound::TlsPolicyReport& policy) {
  json::array failures;
  for (const outbound::TlsFailure& failure : policy.failures) {
    if (failures.size() == kMostFailuresOfPolicy) break;
    failures.push_back(json::object{{"type", cut(failure.result_type)},
                                    {"count", failure.count},
                                    {"sending_ip", cut_or_null(failure.sending_ip)},
                                    {"receiving_host", cut_or_null(failure.receiving_host)},
                                    {"receiving_ip", cut_or_null(failure.receiving_ip)},
                                    {"reason", cut_or_null(failure.reason)}});
  }
  return failures;
}

/// What failed, in words, in the reporter's order.
std::string summary_of(const outbound::TlsPolicyReport& policy) {
  std::string text;
  for (const outbound::TlsFailure& failure : policy.failures) {
    if (text.size() > kMostText) break;
    if (!text.empty()) text += ", ";
    text += std::to_string(failure.count) + " " + cut(failure.result_type);
    if (!failure.receiving_host.empty()) text += " at " + cut(failure.receiving_host);
  }
  return cut(text);
}

void take(const outbound::TlsReport& report, Found& found) {
  if (!found.known.emplace(cut(report.organization), cut(report.id)).second) return;
  ++found.reports;
  for (const outbound::TlsPolicyReport& policy : report.policies) {
    if (found.full()) break;
    json::array failures = failures_of(policy);
    found.failures += failures.size();
    found.rows.push_back(json::object{{"begin", base::rfc3339_seconds(report.begin)},
                                      {"end", base::rfc3339_seconds(report.end)},
                                      {"organization", cut(report.organization)},
                                      {"contact", cut_or_null(report.contact)},
                                      {"id", cut(report.id)},
                                      {"domain", base::printable(policy.domain, 255)},
                                      {"policy", cut(policy.type)},
                                      {"successful", policy.successful},
                                      {"failed", policy.failed},
                                      {"problems", cut_or_null(summary_of(policy))},
                                      {"failures", std::move(failures)}});
  }
}

/// On the pool. What is gone meanwhile is skipped.
base::Result<void> read_some(mailstore::EmailReader& reader, const std::vector<base::EmailId>& ids, Found& found) {
  for (const base::EmailId id : ids) {
    const auto email = reader.email(id);
    if (!email && email.error().code == base::Code::not_found) continue;
    if (!email) return std::unexpected(email.error());
    std::string message;
    if (email->size <= kMostBytes) TRY(reader.bytes(*email, 0, email->size, message));
    const auto report = outbound::parse_report(message);
    if (report) {
      take(*report, found);
    } else {
      ++found.others;
    }
  }
  return {};
}

}  // namespace

net::Task<base::Result<json::object>> report_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string mailbox, optional_text(arguments, "mailbox"));
  CO_TRY_ASSIGN(const std::uint64_t limit, number_argument(arguments, "limit", kDefaultMessages));
  CO_TRY_ASSIGN(const auto account, co_await api.services().directory.account(address));
  if (!account) co_return base::fail(base::Code::not_found, "there is no account " + base::printable(address, 100));
  mailstore::Mailstore& mail = api.services().mail;
  CO_TRY_ASSIGN(const auto box, co_await mail.mailbox(account->id, mailbox.empty() ? "INBOX" : mailbox));
  CO_TRY_ASSIGN(const auto view, co_await mail.view(account->id, box.id));
  const std::size_t most = static_cast<std::size_t>(std::min(limit, kMostMessages));
  Found found;
  // The newest ones, from the oldest of them on.
  for (std::size_t at = view->size() - std::min(view->size(), most); at < view->size() && !found.full();) {
    std::vector<base::EmailId> ids;
    for (; at < view->size() && ids.size() < kAtOnce; ++at) ids.push_back(view->at(at).email);
    CO_TRY(
        co_await mail.read(account->id, [&](mailstore::EmailReader& reader) { return read_some(reader, ids, found); }));
  }
  const bool truncated = found.full();
  co_return json::object{{"reports", std::move(found.rows)},
                         {"count", found.reports},
                         {"other_messages", found.others},
                         {"truncated", truncated}};
}

}  // namespace admin
