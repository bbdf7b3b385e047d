#include "smtp/outgoing.h"

#include <algorithm>

#include "base/text.h"
#include "mime/address.h"

namespace smtp {

namespace {

// RFC 2852 §4: nine digits and a sign.
constexpr std::int64_t kMaxBy = 999'999'999;

std::string by_parameter(const DeliverBy& by, base::WallTime now) {
  const auto left = std::chrono::floor<std::chrono::seconds>(by.time - now).count();
  return " BY=" + std::to_string(std::clamp<std::int64_t>(left, -kMaxBy, kMaxBy)) + (by.give_back ? ";R" : ";N") +
         (by.trace ? "T" : "");
}

std::string body_parameter(BodyType body, const Extensions& extensions) {
  if (body == BodyType::binary_mime) return " BODY=BINARYMIME";
  return body == BodyType::eight_bit_mime && extensions.eight_bit_mime ? " BODY=8BITMIME" : "";
}

void add_notify(const Notify& notify, std::string& command) {
  std::string wanted;
  const auto add = [&wanted](bool flag, const char* word) {
    if (flag) wanted += (wanted.empty() ? "" : ",") + std::string(word);
  };
  add(notify.never, "NEVER");
  add(notify.success, "SUCCESS");
  add(notify.failure, "FAILURE");
  add(notify.delay, "DELAY");
  if (!wanted.empty()) command += " NOTIFY=" + wanted;
}

}  // namespace

bool sendable(std::string_view address) {
  mime::AddrSpec parts;
  return address == "postmaster" || mime::parse_addr_spec(address, parts);
}

std::string mail_command(const Envelope& envelope, const MailNeeds& needs, const Extensions& extensions,
                         base::WallTime now) {
  std::string command = "MAIL FROM:<" + envelope.sender + ">";
  if (extensions.size) command += " SIZE=" + std::to_string(needs.size);
  command += body_parameter(needs.body, extensions);
  if (needs.smtputf8) command += " SMTPUTF8";
  if (extensions.dsn && envelope.ret != Return::unsaid) {
    command += envelope.ret == Return::full ? " RET=FULL" : " RET=HDRS";
  }
  if (extensions.dsn && !envelope.envid.empty()) command += " ENVID=" + envelope.envid;
  if (extensions.deliver_by && envelope.deliver_by) command += by_parameter(*envelope.deliver_by, now);
  if (extensions.mt_priority && envelope.priority != 0) {
    command += " MT-PRIORITY=" + std::to_string(envelope.priority);
  }
  if (extensions.require_tls && envelope.require_tls) command += " REQUIRETLS";
  return command;
}

std::string rcpt_command(const Recipient& recipient, const Extensions& extensions) {
  std::string command = "RCPT TO:<" + recipient.address + ">";
  if (!extensions.dsn) return command;
  add_notify(recipient.notify, command);
  if (!recipient.orcpt.empty()) command += " ORCPT=" + recipient.orcpt;
  return command;
}

void DotStuffer::feed(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  std::size_t at = 0;
  if (std::exchange(held_cr_, false)) {
    out += "\r\n";
    line_start_ = true;
    if (bytes[0] == '\n') at = 1;
  }
  while (at < bytes.size()) {
    if (line_start_ && bytes[at] == '.') out += '.';
    line_start_ = false;
    const std::size_t end = bytes.find_first_of("\r\n", at);
    if (end == std::string_view::npos) {
      out += bytes.substr(at);
      return;
    }
    out += bytes.substr(at, end - at);
    at = end + 1;
    if (bytes[end] == '\r') {
      if (at == bytes.size()) {
        held_cr_ = true;
        return;
      }
      if (bytes[at] == '\n') ++at;
    }
    out += "\r\n";
    line_start_ = true;
  }
}

void DotStuffer::finish(std::string& out) {
  if (std::exchange(held_cr_, false)) {
    out += "\r\n";
    line_start_ = true;
  }
  if (!line_start_) out += "\r\n";
  out += ".\r\n";
}

}  // namespace smtp
