#pragma once
// Reports of how TLS went (RFC 8460): what a domain publishes about who wants them (§3), the report as JSON (§4) and as
// a message (§5.3), and reports of others read back. Pure, bounded by their input.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace outbound {

/// Where reports are wanted: "mailto:" and "https:" of one TXT record at _smtp._tls.DOMAIN; nothing when there is not
/// exactly one record that is well-formed. At most ten.
struct ReportReceivers {
  std::vector<std::string> mail;   // addresses
  std::vector<std::string> https;  // URLs
};
std::optional<ReportReceivers> report_receivers(const std::vector<std::string>& records);

struct TlsFailure {
  std::string result_type;  // "certificate-expired"
  std::string sending_ip;
  std::string receiving_host;
  std::string receiving_ip;
  std::uint64_t count = 0;
  std::string reason;  // in words
};

struct TlsPolicyReport {
  std::string type;                 // "tlsa", "sts", "no-policy-found"
  std::vector<std::string> policy;  // as it was published, a string for each record or line
  std::string domain;
  std::vector<std::string> mx;
  std::uint64_t successful = 0;
  std::uint64_t failed = 0;
  std::vector<TlsFailure> failures;
};

struct TlsReport {
  std::string organization;
  std::string contact;
  std::string id;
  base::WallTime begin, end;
  std::vector<TlsPolicyReport> policies;
};

/// RFC 8460 §4.4, compressed by gzip or not.
std::string report_json(const TlsReport& report);
std::string gzip(std::string_view bytes);

/// A report of somebody else: JSON, compressed by gzip or not, or the message that holds it (§5.3); at most 16 MiB of
/// JSON. invalid, too_large in words.
base::Result<TlsReport> parse_report(std::string_view bytes);

/// §5.1: submitter!domain!begin!end!id.json.gz
std::string report_filename(const TlsReport& report, std::string_view submitter, std::string_view domain);

struct ReportMessage {
  std::string from;       // an address
  std::string submitter;  // our host name
  std::string domain;     // that it is about
  std::vector<std::string> to;
  base::WallTime now;
};
/// The whole message (§5.3), with CRLF.
std::string report_message(const TlsReport& report, const ReportMessage& message);

}  // namespace outbound
