#pragma once
// Every text that an SMTP client can be told, with its code (RFC 5321 §4.2) and enhanced status code (RFC 2034,
// RFC 3463). Texts are ASCII, but for addresses that a client of SMTPUTF8 asked for (RFC 6531 §3.7.4.2). A "\n" within
// a text makes a reply of several lines.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/types.h"
#include "smtp/command.h"
#include "smtp/framer.h"

namespace smtp {

struct Reply {
  int code = 250;
  std::string_view status;  // "2.1.0", or "" for the replies that have none (RFC 2034 §4)
  std::string text;
};

void append(std::string& out, const Reply& reply);

namespace reply {

// The session.
Reply greeting(std::string_view hostname, Service service);
Reply hello(std::string_view text);
Reply ok();
Reply reset();
Reply bye(std::string_view hostname);
Reply help(std::string_view text);
Reply no_such_help();
Reply cannot_verify();
Reply no_expansion();
Reply verified(std::string_view address);
Reply verified_list();
Reply expanded(const std::vector<std::string>& addresses);
Reply needs_utf8_reply();
Reply ready_for_tls();
Reply tls_unavailable();
Reply tls_is_on();

// Wrong lines and wrong moments.
Reply bad_line(LineEnd end);
Reply unknown_command();
Reply wrong(Fault fault, std::string_view syntax);
Reply takes_no_argument(std::string_view verb);
Reply needs_argument(std::string_view syntax);
Reply say_hello_first();
Reply in_transaction();
Reply no_transaction();
Reply no_recipients(Service service);
Reply bdat_under_way();
Reply binary_needs_bdat();
Reply too_many_recipients();
Reply message_too_large(std::uint64_t limit);
Reply require_tls_needs_tls();
Reply held_too_long(std::chrono::seconds limit);

// AUTH.
Reply needs_tls();
Reply needs_authentication();
Reply authentication_ended();
Reply auth_needs_ehlo();
Reply auth_needs_tls();
Reply auth_is_done();
Reply unknown_mechanism();
Reply challenge(std::string_view base64);
Reply auth_cancelled();
Reply auth_malformed();
Reply auth_line(LineEnd end);
Reply authenticated();
Reply auth_failed(const base::Error& error);
Reply too_many_logins();

// A message.
Reply sender_ok();
Reply other_priority(int priority);
Reply recipient_ok();
Reply send_content();
Reply chunk_taken(std::uint64_t bytes);
Reply accepted(std::string_view id);
Reply bare_line_ends();
Reply nul_in_content();
Reply too_late_to_deliver();
Reply sender_refused(const base::Error& error);
Reply recipient_refused(const base::Error& error);
Reply content_refused(const base::Error& error, std::uint64_t limit);

// What is enough for now, or not liked at all.
Reply limited(const guard::Limit& limit);
Reply day_is_spent(const guard::Spent& spent);
Reply spoke_too_early();
Reply not_your_name();
Reply not_a_name();
Reply not_your_address();
Reply no_reverse_name();
Reply reverse_name_unknown();

// The end.
Reply stopping(std::string_view hostname);
Reply ended(std::string_view hostname);
Reply timed_out(std::string_view hostname);
Reply too_many_errors(std::string_view hostname);
Reply too_many_commands(std::string_view hostname);
Reply too_many_messages(std::string_view hostname);
Reply banned(std::string_view hostname);
Reply too_many_errors_from(std::string_view hostname);

}  // namespace reply
}  // namespace smtp
