#include "sendmail/input.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/header_writer.h"

namespace sendmail {
namespace {

using base::Code;

constexpr std::string_view kLineEnd = "\r\n";
// Fields that are added when they are missing.
constexpr std::array<std::string_view, 3> kNeeded{"From", "Date", "Message-ID"};

/// RFC 5322 §2.2: whether the line begins a field. Blanks before the colon are from older times (§4.5).
bool begins_field(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] > ' ' && line[at] < 127 && line[at] != ':') ++at;
  if (at == 0) return false;
  while (at < line.size() && base::is_space(line[at])) ++at;
  return at < line.size() && line[at] == ':';
}

bool names_recipients(std::string_view field, bool resent) {
  for (const std::string_view name : {"To", "Cc", "Bcc"}) {
    if (base::iequals(field, resent ? "Resent-" + std::string(name) : std::string(name))) return true;
  }
  return false;
}

bool is_bcc(std::string_view field) { return base::iequals(field, "Bcc") || base::iequals(field, "Resent-Bcc"); }

}  // namespace

base::Result<std::vector<std::string>> addresses_in(std::string_view text, std::string_view hostname) {
  std::vector<std::string> out;
  for (const mime::Address& address : mime::addresses(text, kMaxRecipients + 1)) {
    if (address.group_start || address.group_end) continue;
    const mime::AddrSpec spec{.local = address.local,
                              .domain = address.domain.empty() ? std::string(hostname) : address.domain};
    std::string whole = mime::format(spec);
    mime::AddrSpec back;
    if (!mime::parse_addr_spec(whole, back)) {
      return base::fail(Code::invalid, base::printable(whole) + " is not an address");
    }
    out.push_back(std::move(whole));
  }
  return out;
}

base::Result<void> Input::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty() && !done_) {
    if (held_cr_) {
      held_cr_ = false;
      if (bytes.front() == '\n') bytes.remove_prefix(1);
      TRY(end_line(out));
      continue;
    }
    const std::size_t end = bytes.find_first_of(kLineEnd);
    text(bytes.substr(0, end), out);
    if (header_.size() > kMaxHeader) return base::fail(Code::too_large, "the header has more than 1 MiB");
    if (end == std::string_view::npos) return {};
    const char c = bytes[end];
    bytes.remove_prefix(end + 1);
    if (c == '\r') {
      held_cr_ = true;
    } else {
      TRY(end_line(out));
    }
  }
  return {};
}

base::Result<void> Input::finish(std::string& out) {
  if (std::exchange(held_cr_, false)) TRY(end_line(out));
  if (std::exchange(held_dot_, false)) done_ = true;
  if (!done_ && !line_start_) TRY(end_line(out));
  if (in_header_) TRY(end_header(out));
  return {};
}

void Input::text(std::string_view piece, std::string& out) {
  if (piece.empty()) return;
  if (std::exchange(held_dot_, false)) {
    put(".", out);
  } else if (line_start_ && completion_.dot_ends && piece == ".") {
    held_dot_ = true;  // what follows tells whether it is alone
    line_start_ = false;
    return;
  }
  line_start_ = false;
  put(piece, out);
}

base::Result<void> Input::end_line(std::string& out) {
  if (std::exchange(held_dot_, false)) {
    done_ = true;
    return {};
  }
  put(kLineEnd, out);
  line_start_ = true;
  return in_header_ ? look_at_line(out) : base::Result<void>();
}

/// A line of the header is whole: does the header go on?
base::Result<void> Input::look_at_line(std::string& out) {
  const std::string_view line = std::string_view(header_).substr(line_);
  const bool first = line_ == 0;
  if (line == kLineEnd) {
    header_.resize(line_);
    return end_header(out);
  }
  // Programs pass on what they read from a mailbox, with the line that it has between messages.
  if (first && line.starts_with("From ")) {
    header_.clear();
    return {};
  }
  if (begins_field(line) || (!first && base::is_space(line.front()))) {
    line_ = header_.size();
    return {};
  }
  // What is no field begins the body.
  const std::string body(line);
  header_.resize(line_);
  TRY(end_header(out));
  out += body;
  return {};
}

base::Result<void> Input::end_header(std::string& out) {
  in_header_ = false;
  if (header_.contains('\0')) return base::fail(Code::invalid, "the header has a NUL byte in it");
  const auto fields = mime::fields(header_, kMaxFields + 1);
  if (fields.size() > kMaxFields) return base::fail(Code::too_large, "the header has more than 10,000 fields");
  // RFC 5322 §3.6.6: a message that is sent again goes to whom it is sent again.
  const bool resent =
      std::ranges::any_of(fields, [](const mime::Field& field) { return names_recipients(field.name, true); });
  std::vector<bool> seen(kNeeded.size());
  for (const mime::Field& field : fields) {
    if (completion_.from_header && names_recipients(field.name, resent)) TRY(take_recipients(field.body));
    if (completion_.from_header && is_bcc(field.name)) continue;
    for (std::size_t i = 0; i < kNeeded.size(); ++i) {
      if (base::iequals(field.name, kNeeded[i])) seen[i] = true;
    }
    out += field.raw;
  }
  add_missing(seen, out);
  out += kLineEnd;
  std::string().swap(header_);
  return {};
}

base::Result<void> Input::take_recipients(std::string_view body) {
  TRY_ASSIGN(auto found, addresses_in(body, completion_.hostname));
  if (recipients_.size() + found.size() > kMaxRecipients) {
    return base::fail(Code::too_large, "the message has more than 10,000 recipients");
  }
  std::ranges::move(found, std::back_inserter(recipients_));
  return {};
}

void Input::add_missing(const std::vector<bool>& seen, std::string& out) const {
  mime::HeaderWriter writer;
  if (!seen[0]) {
    mime::AddrSpec from;
    if (mime::parse_addr_spec(completion_.from, from)) {
      // What cannot be written is left out: then the message has no From, as it came.
      (void)writer.addresses("From", {{.name = completion_.full_name, .local = from.local, .domain = from.domain}});
    }
  }
  if (!seen[1]) writer.date("Date", completion_.now);
  if (!seen[2]) writer.ids("Message-ID", {mime::message_id(completion_.unique, completion_.hostname)});
  out += writer.block();
}

}  // namespace sendmail
