#include "smtp/reply.h"

#include "smtp/session.h"

namespace smtp {
namespace {

/// A sentence from elsewhere made fit for a reply line: printable ASCII, well below 512 bytes (RFC 5321 §4.5.3.1.5).
std::string plain(std::string_view text) {
  std::string out(text.substr(0, 300));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > 126) c = '?';
  }
  return out;
}

std::string joined(std::string_view a, std::string_view b) {
  std::string out(a);
  out += b;
  return out;
}

/// What is true of every command that needs the server to do something: it cannot just now.
Reply for_now(const base::Error& error) {
  switch (error.code) {
    case base::Code::no_space:
      return {452, "4.3.1", "Insufficient system storage, try again later"};
    case base::Code::busy:
      return {451, "4.3.2", "Too busy just now, try again later"};
    default:
      return {451, "4.3.0", "Local error, try again later"};
  }
}

// RFC 3463 §3.3: X.2.1, "mailbox disabled, not accepting messages"; for now, because what ends for good is removed.
Reply suspended() { return {450, "4.2.1", "The mailbox takes no mail at present, try again later"}; }

Reply not_this_sender() { return {553, "5.7.1", "You may not send as this address"}; }

Reply over_quota() {
  // Temporary by common practice: mailboxes are emptied, and the sender's queue is the right place to wait.
  return {452, "4.2.2", "The mailbox is full, try again later"};
}

const char* whose(guard::Scope scope) {
  switch (scope) {
    case guard::Scope::client:
      return "from your address";
    case guard::Scope::network:
      return "from your network";
    case guard::Scope::account:
      return "of your account";
    case guard::Scope::all:
      break;
  }
  return "from all together";
}

}  // namespace

void append(std::string& out, const Reply& reply) {
  std::string_view rest = reply.text;
  while (true) {
    const std::size_t end = rest.find('\n');
    out += std::to_string(reply.code);
    out += end == std::string_view::npos ? ' ' : '-';
    if (!reply.status.empty()) {
      out += reply.status;
      out += ' ';
    }
    out += rest.substr(0, end);
    out += "\r\n";
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

std::string too_many_connections(std::string_view hostname) {
  std::string out;
  append(out, {421, "4.3.2", joined(hostname, " too many connections, try again later")});
  return out;
}

std::string refused_connection(std::string_view hostname, const guard::Refusal& refusal) {
  std::string out;
  if (refusal.for_good) {
    // RFC 5321 §3.1: 554 in place of the greeting.
    append(out, {554, "5.7.1", joined(hostname, " takes no connections from your address")});
  } else if (refusal.banned) {
    append(out, reply::banned(hostname));
  } else if (refusal.limit.what == guard::What::errors) {
    append(out, reply::too_many_errors_from(hostname));
  } else {
    std::string text = joined(hostname, " too many connections ");
    append(out, {421, "4.7.0", joined(text += whose(refusal.limit.scope), " within a minute, try again later")});
  }
  return out;
}

namespace reply {

Reply greeting(std::string_view hostname, Service service) {
  return {220, "", joined(hostname, service == Service::lmtp ? " LMTP postrider ready" : " ESMTP postrider ready")};
}
Reply hello(std::string_view text) { return {250, "", std::string(text)}; }
Reply ok() { return {250, "2.0.0", "OK"}; }
Reply reset() { return {250, "2.0.0", "Reset"}; }
Reply bye(std::string_view hostname) { return {221, "2.0.0", joined(hostname, " closing connection")}; }
Reply help(std::string_view text) { return {214, "2.0.0", std::string(text)}; }
Reply no_such_help() { return {504, "5.5.4", "No such command"}; }
// RFC 5321 §3.5.3, §7.3: who is here is told to nobody.
Reply cannot_verify() { return {252, "2.0.0", "Cannot verify the user, but will take mail and try to deliver it"}; }
Reply no_expansion() { return {502, "5.5.1", "Lists are not expanded here"}; }
Reply verified(std::string_view address) { return {250, "2.1.5", "<" + std::string(address) + ">"}; }
Reply verified_list() { return {250, "2.1.5", "It stands for several addresses; EXPN names them"}; }
Reply expanded(const std::vector<std::string>& addresses) {
  std::string lines;
  for (const std::string& address : addresses) lines += (lines.empty() ? "<" : "\n<") + address + ">";
  return {250, "2.1.5", std::move(lines)};
}
Reply needs_utf8_reply() { return {252, "2.6.8", "The answer has non-ASCII characters in it: ask with SMTPUTF8"}; }
Reply ready_for_tls() { return {220, "2.0.0", "Ready to start TLS"}; }
Reply tls_unavailable() { return {454, "4.7.0", "TLS is not available just now"}; }
Reply tls_is_on() { return {503, "5.5.1", "TLS is on already"}; }

Reply bad_line(LineEnd end) {
  switch (end) {
    case LineEnd::bare_lf:
      // People try with `openssl s_client`, which sends this without -crlf: tell them at once.
      return {500, "5.5.2", "The line ended in a bare LF; SMTP lines end in CR LF (openssl s_client needs -crlf)"};
    case LineEnd::bare_cr:
      return {500, "5.5.2", "A CR stood within the line; SMTP lines end in CR LF"};
    case LineEnd::too_long:
      return {500, "5.5.2", "Line too long"};
    case LineEnd::crlf:
      break;
  }
  return {500, "5.5.2", "Bad line"};
}
Reply unknown_command() { return {500, "5.5.1", "Command not recognized"}; }

Reply wrong(Fault fault, std::string_view syntax) {
  switch (fault) {
    case Fault::control:
      return {501, "5.5.2", "A control character stood in the command"};
    case Fault::no_brackets:
      return {501, "5.5.2", joined("The address must stand in < and >: ", syntax)};
    case Fault::address:
      return {501, "5.1.3", "Not a valid address"};
    case Fault::path_too_long:
      return {501, "5.1.3", "The address is too long"};
    // RFC 6531 §3.5: 550 for the sender, 553 for a recipient.
    case Fault::needs_smtputf8:
      return {syntax.starts_with("MAIL") ? 550 : 553, "5.6.7", "A non-ASCII address needs the parameter SMTPUTF8"};
    case Fault::unknown_parameter:
      return {555, "5.5.4", "A parameter is not recognized or not offered"};
    case Fault::parameter_value:
      return {501, "5.5.4", "A parameter has a value that it cannot have"};
    case Fault::syntax:
      break;
  }
  return {501, "5.5.4", joined("Syntax: ", syntax)};
}

Reply takes_no_argument(std::string_view verb) { return {501, "5.5.4", joined(verb, " takes no argument")}; }
Reply needs_argument(std::string_view syntax) { return {501, "5.5.4", joined("Syntax: ", syntax)}; }
Reply say_hello_first() { return {503, "5.5.1", "Send EHLO or HELO first"}; }
Reply in_transaction() { return {503, "5.5.1", "A mail transaction is under way"}; }
Reply no_transaction() { return {503, "5.5.1", "Send MAIL first"}; }
// RFC 2033 §4.2: LMTP has a code of its own for it.
Reply no_recipients(Service service) { return {service == Service::lmtp ? 503 : 554, "5.5.1", "No valid recipients"}; }
Reply bdat_under_way() { return {503, "5.5.1", "The message is being sent by BDAT"}; }
Reply binary_needs_bdat() { return {503, "5.5.1", "A message in BINARYMIME is sent by BDAT"}; }
Reply too_many_recipients() { return {452, "4.5.3", "Too many recipients, send the rest in another transaction"}; }
Reply message_too_large(std::uint64_t limit) {
  return {552, "5.3.4",
          joined("The message is larger than this server takes; the limit in bytes is ", std::to_string(limit))};
}
Reply require_tls_needs_tls() { return {530, "5.7.10", "REQUIRETLS needs TLS, issue STARTTLS first"}; }
Reply held_too_long(std::chrono::seconds limit) {
  return {501, "5.5.4",
          joined("Longer than messages are held here; the limit in seconds is ", std::to_string(limit.count()))};
}

// RFC 3207 §4.
Reply needs_tls() { return {530, "5.7.0", "Must issue a STARTTLS command first"}; }
// RFC 4954 §6, RFC 6409 §4.3.
Reply needs_authentication() { return {530, "5.7.0", "Authentication required"}; }
Reply authentication_ended() { return {530, "5.7.0", "The login is no longer valid, authenticate again"}; }
Reply auth_needs_ehlo() { return {503, "5.5.1", "AUTH needs EHLO first"}; }
Reply auth_needs_tls() { return {538, "5.7.11", "Encryption required for authentication, issue STARTTLS first"}; }
Reply auth_is_done() { return {503, "5.5.1", "Authenticated already"}; }
Reply unknown_mechanism() { return {504, "5.5.4", "Authentication mechanism not offered"}; }
Reply challenge(std::string_view base64) { return {334, "", std::string(base64)}; }
Reply auth_cancelled() { return {501, "5.7.0", "Authentication cancelled"}; }
Reply auth_malformed() { return {501, "5.5.2", "Malformed authentication response"}; }
Reply auth_line(LineEnd end) {
  if (end == LineEnd::too_long) return {500, "5.5.6", "Authentication exchange line is too long"};
  return bad_line(end);
}
Reply authenticated() { return {235, "2.7.0", "Authentication succeeded"}; }
Reply auth_failed(const base::Error& error) {
  if (error.code == base::Code::busy || error.code == base::Code::unavailable || error.code == base::Code::corrupt) {
    return {454, "4.7.0", "Temporary authentication failure, try again later"};
  }
  return {535, "5.7.8", "Authentication credentials invalid"};
}

Reply too_many_logins() { return {454, "4.7.0", "Too many logins of this account within a minute, try again later"}; }

Reply sender_ok() { return {250, "2.1.0", "Sender OK"}; }
// RFC 6710 §3: the status tells that it is not the one asked for.
Reply other_priority(int priority) {
  return {250, "2.3.6", std::to_string(priority) + " is the new priority assigned to the message"};
}
Reply recipient_ok() { return {250, "2.1.5", "Recipient OK"}; }
Reply send_content() { return {354, "", "Send the message, end with <CRLF>.<CRLF>"}; }
Reply chunk_taken(std::uint64_t bytes) { return {250, "2.0.0", std::to_string(bytes) + " octets received"}; }
Reply accepted(std::string_view id) { return {250, "2.0.0", joined("OK id=", id)}; }
Reply bare_line_ends() {
  return {550, "5.6.0", "The message has a bare CR or LF in it; lines must end in CR LF (RFC 5321 section 2.3.8)"};
}
Reply nul_in_content() { return {550, "5.6.0", "The message has a NUL byte in it (RFC 5322 section 4)"}; }
Reply too_late_to_deliver() { return {550, "5.4.7", "The time until which to deliver it has passed"}; }

Reply sender_refused(const base::Error& error) {
  switch (error.code) {
    case base::Code::denied:
      return not_this_sender();
    case base::Code::invalid:
      return {553, "5.1.7", "Not a valid sender address"};
    default:
      return for_now(error);
  }
}

Reply recipient_refused(const base::Error& error) {
  switch (error.code) {
    case base::Code::not_found:
      return {550, "5.1.1", "No such user here"};
    case base::Code::unsupported:
      return {550, "5.7.1", "Relaying denied"};
    // RFC 3463 §3.8: X.7.2, "mailing list expansion prohibited".
    case base::Code::denied:
      return {550, "5.7.2", "This address takes mail only from certain senders, and you are none of them"};
    case base::Code::invalid:
      return {553, "5.1.3", "Not a valid recipient address"};
    case base::Code::over_quota:
      return over_quota();
    case base::Code::suspended:
      return suspended();
    default:
      return for_now(error);
  }
}

Reply content_refused(const base::Error& error, std::uint64_t limit) {
  switch (error.code) {
    case base::Code::invalid:
      return {550, "5.6.0", plain(error.text)};
    case base::Code::conflict:
      return {554, "5.4.6", "Routing loop: too many Received fields"};
    case base::Code::too_large:
      return message_too_large(limit);
    case base::Code::over_quota:
      return over_quota();
    case base::Code::suspended:
      return suspended();
    case base::Code::denied:
      return not_this_sender();
    case base::Code::not_found:
      return {550, "5.1.1", "No such user here"};
    default:
      return for_now(error);
  }
}

// RFC 3463 §3.8: X.7.1, "delivery not authorized, message refused"; for now, so that a server keeps it and tries again.
Reply limited(const guard::Limit& limit) {
  std::string text = joined("Too many ", guard::name(limit.what));
  text += ' ';
  return {450, "4.7.1", joined(text += whose(limit.scope), " within a minute, try again later")};
}
Reply day_is_spent(const guard::Spent& spent) {
  const std::string limit = std::to_string(spent.limit);
  const std::string until = base::rfc3339_seconds(spent.until);
  if (spent.of == guard::Spent::Of::messages) {
    return {450, "4.7.1", "This account has sent its " + limit + " messages of a day; it may go on at " + until};
  }
  return {
      450, "4.7.1",
      "This account may write to " + limit + " new recipients in a day, and these are more; it may go on at " + until};
}
// RFC 5321 §3.1: 554 in place of the greeting. §4.3.1: the client waits for the greeting.
Reply spoke_too_early() {
  return {554, "5.5.0", "You spoke before the greeting, which RFC 5321 section 4.3.1 forbids"};
}
// RFC 5321 §4.1.1.1: 550 to a name that is rejected for policy reasons.
Reply not_your_name() { return {550, "5.7.1", "This is my own name, not yours"}; }
Reply not_a_name() {
  return {501, "5.5.2", "The name must be a domain or an address literal (RFC 5321 section 4.1.3)"};
}
Reply not_your_address() { return {550, "5.7.1", "The address literal is not the address that you come from"}; }

// RFC 7372 §3.3.
Reply no_reverse_name() { return {550, "5.7.25", "Your address has no name in the DNS that leads back to it"}; }
Reply reverse_name_unknown() {
  return {451, "4.7.25", "The name of your address cannot be looked up for now, try again later"};
}

Reply stopping(std::string_view hostname) {
  return {421, "4.3.2", joined(hostname, " is shutting down, try again later")};
}
Reply ended(std::string_view hostname) {
  return {421, "4.3.2", joined(hostname, " the administrator has ended this session, try again later")};
}
Reply timed_out(std::string_view hostname) {
  return {421, "4.4.2", joined(hostname, " timed out, closing connection")};
}
Reply too_many_errors(std::string_view hostname) {
  return {421, "4.7.0", joined(hostname, " too many errors, closing connection")};
}
Reply too_many_commands(std::string_view hostname) {
  return {421, "4.7.0", joined(hostname, " too many commands, closing connection")};
}
// 421 and not 5xx: the message is welcome in the next session.
Reply too_many_messages(std::string_view hostname) {
  return {421, "4.7.0", joined(hostname, " enough messages for one session, connect again")};
}
Reply banned(std::string_view hostname) {
  return {421, "4.7.0", joined(hostname, " your address is banned for now, try again later")};
}
Reply too_many_errors_from(std::string_view hostname) {
  return {421, "4.7.0", joined(hostname, " too many errors from your address within a minute, try again later")};
}

}  // namespace reply
}  // namespace smtp
