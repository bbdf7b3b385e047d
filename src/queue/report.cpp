#include "queue/report.h"

#include <algorithm>

#include "base/text.h"
#include "mime/encode.h"
#include "mime/writer.h"
#include "queue/records.h"
#include "smtp/parameters.h"

namespace queue {
namespace {

bool ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_failure(Action action) { return action == Action::failed || action == Action::expired; }

/// RFC 3464 §2.3.3.
const char* word(Action action) {
  switch (action) {
    case Action::failed:
    case Action::expired:
      return "failed";
    case Action::delayed:
      return "delayed";
    case Action::delivered:
      return "delivered";
    case Action::relayed:
      return "relayed";
  }
  return "failed";
}

/// As RCPT named it: where an alias leads is nobody's business (RFC 3461 §5.2.7.4).
const std::string& final_address(const schema::QueuedRecipient& recipient) {
  return recipient.original().empty() ? recipient.address() : recipient.original();
}

std::string typed_address(std::string_view address) {
  return ascii(address) ? "rfc822; " + std::string(address) : "utf-8; " + utf8_address(address);
}

/// RFC 3461 §6.3 (d): ORCPT is "type;xtext"; the field has it decoded.
std::string original_recipient(std::string_view orcpt) {
  const std::size_t semicolon = orcpt.find(';');
  if (semicolon == std::string_view::npos) return {};
  const std::string_view type = orcpt.substr(0, semicolon);
  const std::string_view rest = orcpt.substr(semicolon + 1);
  // RFC 6533 §3: this type has an encoding of its own, which is good for the field, too.
  const std::string address =
      base::iequals(type, "utf-8") ? std::string(rest) : smtp::xtext_decode(rest).value_or(std::string(rest));
  return std::string(type) + "; " + (ascii(address) ? address : utf8_address(address));
}

mime::HeaderWriter per_message(const ReportFrom& from, const schema::QueuedMessage& message) {
  mime::HeaderWriter fields;
  if (!message.envid().empty()) {
    fields.text("Original-Envelope-Id", smtp::xtext_decode(message.envid()).value_or(message.envid()));
  }
  fields.text("Reporting-MTA", "dns; " + from.hostname);
  fields.date("Arrival-Date", wall_time(message.created_us()));
  return fields;
}

mime::HeaderWriter per_recipient(const Reported& one) {
  mime::HeaderWriter fields;
  if (const std::string original = original_recipient(one.recipient.orcpt()); !original.empty()) {
    fields.text("Original-Recipient", original);
  }
  fields.text("Final-Recipient", typed_address(final_address(one.recipient)));
  fields.text("Action", word(one.action));
  fields.text("Status", one.status);
  if (!one.host.empty()) fields.text("Remote-MTA", "dns; " + one.host);
  if (!one.diagnostic.empty()) {
    fields.text("Diagnostic-Code", "smtp; " + base::printable(one.diagnostic, 900));
  } else if (!one.text.empty()) {
    fields.text("Diagnostic-Code", "x-postrider; " + base::printable(one.text, 900));
  }
  fields.date("Last-Attempt-Date", one.tried);
  if (one.until) fields.date("Will-Retry-Until", *one.until);
  return fields;
}

struct Words {
  const char* subject;
  const char* opening;
};

Words words_of(Action action) {
  switch (action) {
    case Action::failed:
    case Action::expired:
      return {"Undelivered mail", "Your message could not be delivered to:"};
    case Action::delayed:
      return {"Delayed mail", "Your message has not been delivered yet. You need not send it again. It waits for:"};
    case Action::delivered:
      return {"Delivered mail", "Your message was delivered to:"};
    case Action::relayed:
      return {
          "Relayed mail",
          "Your message was handed over to a server that does not report deliveries: you may hear no more of it. It "
          "went on to:"};
  }
  return {"", ""};
}

std::string explanation(const ReportFrom& from, const std::vector<Reported>& recipients) {
  std::string text = "This is the mail system at " + from.hostname + ".\r\n";
  for (const Action action : {Action::failed, Action::expired, Action::delayed, Action::relayed, Action::delivered}) {
    bool first = true;
    for (const Reported& one : recipients) {
      if (one.action != action) continue;
      if (std::exchange(first, false)) text += "\r\n" + std::string(words_of(action).opening) + "\r\n";
      text += "\r\n  " + mime::clean_text(final_address(one.recipient), 400) + "\r\n";
      if (!one.text.empty()) text += "    " + mime::clean_text(one.text, 1000) + "\r\n";
      if (!one.diagnostic.empty()) {
        text += "    " + (one.host.empty() ? std::string("the server") : one.host) +
                " said: " + mime::clean_text(one.diagnostic, 1000) + "\r\n";
      }
      if (action == Action::expired) text += "    It was tried until its time was over.\r\n";
      if (one.until) text += "    It will be tried until " + base::rfc5322_date(*one.until) + ".\r\n";
    }
  }
  return text;
}

/// The header of what is returned, with the line end of its last field.
std::string_view header_block(std::string_view message) {
  const std::size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message : message.substr(0, end + 2);
}

}  // namespace

std::string utf8_address(std::string_view address) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < address.size();) {
    const auto lead = static_cast<unsigned char>(address[i]);
    if (lead < 0x80) {
      // RFC 6533 §3: what has a meaning in the form, or none in a field.
      if (lead > 32 && lead < 127 && lead != '\\' && lead != '+' && lead != '=') {
        out += address[i++];
        continue;
      }
    }
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    std::uint32_t code = lead < 0x80 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < address.size(); ++k) {
      code = (code << 6) | (static_cast<unsigned char>(address[i + k]) & 0x3Fu);
    }
    std::string digits;
    for (; code > 0 || digits.size() < 2; code >>= 4) digits.insert(digits.begin(), kHex[code & 15]);
    out += "\\x{" + digits + "}";
    i += length;
  }
  return out;
}

bool returns_whole(const schema::QueuedMessage& message, const std::vector<Reported>& recipients) {
  // RFC 3461 §4.3, §6.2: only a failure returns more than the header.
  const bool failed = std::ranges::any_of(recipients, [](const Reported& one) { return is_failure(one.action); });
  if (!failed || message.ret() == schema::QUEUED_RETURN_HEADERS) return false;
  return message.size() <= (message.ret() == schema::QUEUED_RETURN_FULL ? kMaxReturned : kMaxReturnedUnasked);
}

Report write_report(const ReportFrom& from, const schema::QueuedMessage& message,
                    const std::vector<Reported>& recipients, std::string_view returned, bool whole) {
  const mime::Message original = mime::parse(header_block(returned));
  const std::string subject = words_of(recipients.front().action).subject;
  mime::HeaderWriter header;
  header.date("Date", from.now);
  const std::vector<mime::Address> sender{
      {.name = "Mail delivery system", .route = {}, .local = "MAILER-DAEMON", .domain = from.hostname}};
  static_cast<void>(header.addresses("From", sender));  // an address of ours can be written
  mime::AddrSpec to;
  if (mime::parse_addr_spec(message.sender(), to)) {
    // One that cannot be written is named by the envelope alone.
    static_cast<void>(header.addresses("To", {{.name = {}, .route = {}, .local = to.local, .domain = to.domain}}));
  }
  header.text("Subject", subject + " - " + std::string(word(recipients.front().action)));
  header.ids("Message-ID", {mime::message_id(from.id, from.hostname)});
  if (!original.envelopes.empty() && !original.envelopes[0].message_id.empty()) {
    header.ids("In-Reply-To", {original.envelopes[0].message_id});
    header.ids("References", {original.envelopes[0].message_id});
  }
  header.text("Auto-Submitted", "auto-replied");  // RFC 3834 §5

  std::vector<mime::HeaderWriter> status{per_message(from, message)};
  for (const Reported& one : recipients) status.push_back(per_recipient(one));
  const bool global = message.eight_bit_header();
  const std::vector<mime::Entity> parts{mime::Entity::text(explanation(from, recipients)),
                                        mime::Entity::fields("delivery-status", status),
                                        whole ? mime::Entity::message(returned, global ? "global" : "rfc822")
                                              : mime::Entity::headers(header_block(returned))};
  const mime::Entity report =
      mime::Entity::multipart("report", parts, from.unique, {{.name = "report-type", .value = "delivery-status"}});
  return {.bytes = report.whole(header), .eight_bit = report.eight_bit(), .smtputf8 = !ascii(message.sender())};
}

}  // namespace queue
