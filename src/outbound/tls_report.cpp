#include "outbound/tls_report.h"

#include <zlib.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "mime/decode.h"
#include "mime/message.h"

namespace outbound {

namespace {

namespace json = boost::json;
using base::Code;
using base::Result;

constexpr std::size_t kMaxReceivers = 10;
constexpr std::size_t kMaxJson = 16 << 20;
constexpr std::size_t kMaxItems = 10'000;  // policies, failures and strings that are read
constexpr int kGzipWindow = 15 + 16;       // zlib.h: the header and trailer of gzip
constexpr std::size_t kBase64Line = 76;    // RFC 2045 §6.8

json::array strings(const std::vector<std::string>& list) { return json::array(list.begin(), list.end()); }

json::object failure_json(const TlsFailure& failure) {
  json::object made{{"result-type", failure.result_type}};
  const auto add = [&made](const char* key, const std::string& value) {
    if (!value.empty()) made[key] = value;
  };
  add("sending-mta-ip", failure.sending_ip);
  add("receiving-mx-hostname", failure.receiving_host);
  add("receiving-ip", failure.receiving_ip);
  made["failed-session-count"] = failure.count;
  add("failure-reason-code", failure.reason);
  return made;
}

json::object policy_json(const TlsPolicyReport& report) {
  json::object policy{{"policy-type", report.type}};
  if (!report.policy.empty()) policy["policy-string"] = strings(report.policy);
  policy["policy-domain"] = report.domain;
  if (!report.mx.empty()) policy["mx-host"] = strings(report.mx);
  json::object made{
      {"policy", std::move(policy)},
      {"summary",
       {{"total-successful-session-count", report.successful}, {"total-failure-session-count", report.failed}}}};
  if (report.failures.empty()) return made;
  json::array failures;
  for (const TlsFailure& failure : report.failures) failures.push_back(failure_json(failure));
  made["failure-details"] = std::move(failures);
  return made;
}

Result<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_streamp)> ended(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK) {
    std::string part(64 * 1024, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(part, 0, part.size() - stream.avail_out);
    if (out.size() > kMaxJson) return base::fail(Code::too_large, "the report has more than 16 MiB");
    if (state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) break;
  }
  if (state != Z_STREAM_END) return base::fail(Code::invalid, "the report is not whole gzip");
  return out;
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::uint64_t count_of(const json::object& object, const char* key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

const json::object* object_of(const json::object& object, const char* key) {
  const json::value* const value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

/// RFC 8460 §4.4 has lists; some senders write one string.
std::vector<std::string> strings_of(const json::object& object, const char* key) {
  std::vector<std::string> list;
  const json::value* const value = object.if_contains(key);
  if (value != nullptr && value->is_string()) list.emplace_back(value->get_string());
  if (value == nullptr || !value->is_array()) return list;
  for (const json::value& one : value->get_array()) {
    if (one.is_string() && list.size() < kMaxItems) list.emplace_back(one.get_string());
  }
  return list;
}

TlsPolicyReport policy_of(const json::object& object) {
  TlsPolicyReport report;
  if (const json::object* policy = object_of(object, "policy")) {
    report.type = text_of(*policy, "policy-type");
    report.policy = strings_of(*policy, "policy-string");
    report.domain = text_of(*policy, "policy-domain");
    report.mx = strings_of(*policy, "mx-host");
  }
  if (const json::object* summary = object_of(object, "summary")) {
    report.successful = count_of(*summary, "total-successful-session-count");
    report.failed = count_of(*summary, "total-failure-session-count");
  }
  const json::value* const failures = object.if_contains("failure-details");
  if (failures == nullptr || !failures->is_array()) return report;
  for (const json::value& one : failures->get_array()) {
    if (!one.is_object() || report.failures.size() >= kMaxItems) continue;
    const json::object& failure = one.get_object();
    report.failures.push_back({.result_type = text_of(failure, "result-type"),
                               .sending_ip = text_of(failure, "sending-mta-ip"),
                               .receiving_host = text_of(failure, "receiving-mx-hostname"),
                               .receiving_ip = text_of(failure, "receiving-ip"),
                               .count = count_of(failure, "failed-session-count"),
                               .reason = text_of(failure, "failure-reason-code")});
  }
  return report;
}

/// The report in a message; nothing when `bytes` is no message that has one.
std::optional<std::string> report_part(std::string_view bytes) {
  if (bytes.starts_with('{') || bytes.starts_with("\x1F\x8B")) return std::nullopt;
  const mime::Message message = mime::parse(bytes);
  for (const mime::Part& part : message.parts) {
    if (part.type != "application" || !part.subtype.starts_with("tlsrpt")) continue;
    return mime::decode_transfer(bytes.substr(part.body_begin, part.end - part.body_begin), part.encoding);
  }
  return std::nullopt;
}

bool mail_receiver(std::string_view uri, std::string& address) {
  if (!base::istarts_with(uri, "mailto:")) return false;
  address = std::string(uri.substr(7, uri.find('?') - 7));
  const bool plain = std::ranges::all_of(address, [](char c) { return c > 0x20 && c < 0x7F && c != '<' && c != '>'; });
  return plain && address.find('@') != std::string::npos && address.find('%') == std::string::npos;
}

/// A word of the report that stands in a header field or a file's name.
std::string word(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool good = base::is_alpha(c) || base::is_digit(c) || c == '.' || c == '-' || c == '_' || c == '@';
    made += good ? c : '_';
  }
  return made;
}

std::string joined(const std::vector<std::string>& list) {
  std::string all;
  for (const std::string& one : list) all += (all.empty() ? "" : ",\r\n ") + one;
  return all;
}

}  // namespace

std::optional<ReportReceivers> report_receivers(const std::vector<std::string>& records) {
  std::optional<ReportReceivers> found;
  for (const std::string& record : records) {
    // RFC 8460 §3: others' records do not count; of ours there is one.
    if (!record.starts_with("v=TLSRPTv1;")) continue;
    if (found) return std::nullopt;
    found.emplace();
    for (const std::string_view part : base::split(record, ';')) {
      const std::string_view field = base::trim(part);
      if (!field.starts_with("rua=")) continue;
      for (const std::string_view uri : base::split(field.substr(4), ',')) {
        std::string address;
        if (found->mail.size() + found->https.size() >= kMaxReceivers) break;
        if (mail_receiver(base::trim(uri), address)) found->mail.push_back(std::move(address));
        if (base::istarts_with(base::trim(uri), "https://")) found->https.emplace_back(base::trim(uri));
      }
    }
  }
  if (found && found->mail.empty() && found->https.empty()) return std::nullopt;
  return found;
}

std::string report_json(const TlsReport& report) {
  json::array policies;
  for (const TlsPolicyReport& policy : report.policies) policies.push_back(policy_json(policy));
  const json::object made{
      {"organization-name", report.organization},
      {"date-range",
       {{"start-datetime", base::rfc3339_seconds(report.begin)}, {"end-datetime", base::rfc3339_seconds(report.end)}}},
      {"contact-info", report.contact},
      {"report-id", report.id},
      {"policies", std::move(policies)}};
  return json::serialize(made);
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::bad_alloc();
  return out;
}

Result<TlsReport> parse_report(std::string_view bytes) {
  std::string attached;
  if (auto part = report_part(bytes)) {
    attached = *std::move(part);
    bytes = attached;
  }
  std::string plain;
  if (bytes.starts_with("\x1F\x8B")) {
    TRY_ASSIGN(plain, gunzip(bytes));
    bytes = plain;
  }
  if (bytes.size() > kMaxJson) return base::fail(Code::too_large, "the report has more than 16 MiB");
  json::error_code error;
  const json::value value = json::parse(bytes, error, {}, {.max_depth = 16});
  if (error || !value.is_object()) return base::fail(Code::invalid, "the report is no JSON object");
  const json::object& object = value.get_object();
  TlsReport report{.organization = text_of(object, "organization-name"),
                   .contact = text_of(object, "contact-info"),
                   .id = text_of(object, "report-id")};
  const json::object* const range = object_of(object, "date-range");
  const auto begin = range != nullptr ? base::parse_rfc3339(text_of(*range, "start-datetime")) : std::nullopt;
  const auto end = range != nullptr ? base::parse_rfc3339(text_of(*range, "end-datetime")) : std::nullopt;
  if (!begin || !end) return base::fail(Code::invalid, "the report has no date-range");
  report.begin = *begin;
  report.end = *end;
  const json::value* const policies = object.if_contains("policies");
  if (policies == nullptr || !policies->is_array()) return base::fail(Code::invalid, "the report has no policies");
  for (const json::value& one : policies->get_array()) {
    if (one.is_object() && report.policies.size() < kMaxItems) report.policies.push_back(policy_of(one.get_object()));
  }
  return report;
}

std::string report_filename(const TlsReport& report, std::string_view submitter, std::string_view domain) {
  return word(submitter) + "!" + word(domain) + "!" + std::to_string(base::unix_seconds(report.begin)) + "!" +
         std::to_string(base::unix_seconds(report.end)) + "!" + word(report.id.substr(0, report.id.find('@'))) +
         ".json.gz";
}

std::string report_message(const TlsReport& report, const ReportMessage& message) {
  const std::string boundary = "=_tlsrpt_" + word(report.id);
  const std::string submitter = word(message.submitter);
  const std::string domain = word(message.domain);
  std::string out;
  out += "From: <" + message.from + ">\r\n";
  out += "To: " + joined(message.to) + "\r\n";
  out += "Date: " + base::rfc5322_date(message.now) + "\r\n";
  out += "Message-ID: <" + word(report.id) + ">\r\n";
  out += "Subject: Report Domain: " + domain + "\r\n Submitter: " + submitter + "\r\n Report-ID: <" + word(report.id) +
         ">\r\n";
  out += "TLS-Report-Domain: " + domain + "\r\n";
  out += "TLS-Report-Submitter: " + submitter + "\r\n";
  // RFC 8689 §3: it may have to say that TLS does not work.
  out += "TLS-Required: No\r\n";
  out += "Auto-Submitted: auto-generated\r\n";
  out += "MIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + boundary + "\"\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
  out += "This is how TLS went between " + submitter + " and the mail hosts of " + domain + "\r\nfrom " +
         base::rfc3339_seconds(report.begin) + " to " + base::rfc3339_seconds(report.end) + " (RFC 8460).\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n";
  out += "Content-Disposition: attachment;\r\n filename=\"" + report_filename(report, submitter, domain) + "\"\r\n\r\n";
  const std::string encoded = base::base64_encode(gzip(report_json(report)));
  for (std::size_t at = 0; at < encoded.size(); at += kBase64Line) out += encoded.substr(at, kBase64Line) + "\r\n";
  return out + "\r\n--" + boundary + "--\r\n";
}

}  // namespace outbound
