#pragma once
// SMTP commands as values. Parsing is pure, total and linear; what is wrong is a Fault, which reply.cpp puts into
// words. RFC 5321 §4.1; the parameters of MAIL and RCPT are in parameters.h.

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/host.h"

namespace smtp {

enum class Fault {
  syntax,             // not what the command looks like
  control,            // a control byte in the command
  no_brackets,        // an address without < and >
  address,            // not an address
  path_too_long,      // RFC 5321 §4.5.3.1.3
  needs_smtputf8,     // a non-ASCII address without the parameter SMTPUTF8
  unknown_parameter,  // RFC 5321 §4.1.1.11
  parameter_value     // a value that is none of those which its parameter has
};

template <class T>
using Parsed = std::expected<T, Fault>;

/// A line as verb and argument (without the spaces around it). Views of the line.
struct Command {
  std::string_view verb;
  std::string_view argument;
};
Parsed<Command> parse_command(std::string_view line);

/// The one word of EHLO and HELO: a domain or an address literal, or what real clients send in their place.
Parsed<std::string> parse_hello(std::string_view argument);

/// HOLDFOR or HOLDUNTIL: how long from now, or until when.
struct HoldRequest {
  std::optional<std::chrono::seconds> interval;
  std::optional<base::WallTime> until;
};

/// BY: from now on, and what is to happen then (see DeliverBy).
struct ByRequest {
  std::chrono::seconds interval{0};
  bool give_back = false;
  bool trace = false;
};

struct Mail {
  std::string sender;  // "" for <>
  std::optional<std::uint64_t> size;
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;
  Return ret = Return::unsaid;
  std::string envid;  // xtext, as it came
  std::optional<HoldRequest> hold;
  std::optional<ByRequest> by;
  int priority = 0;
  bool require_tls = false;
};
Parsed<Mail> parse_mail(std::string_view argument);

struct Rcpt {
  std::string recipient;  // without a source route; "postmaster" for <Postmaster>
  bool smtputf8 = false;  // MAIL said so
  Notify notify;
  std::string orcpt;  // as it came
};
Parsed<Rcpt> parse_rcpt(std::string_view argument, bool smtputf8);

struct Bdat {
  std::uint64_t size = 0;  // the greatest number when it is greater than that
  bool last = false;
};
Parsed<Bdat> parse_bdat(std::string_view argument);

/// What VRFY and EXPN are asked about.
struct Verify {
  std::string address;
  bool smtputf8 = false;  // the reply may hold UTF-8
};
Parsed<Verify> parse_verify(std::string_view argument);

/// Views of the argument.
struct Auth {
  std::string_view mechanism;
  std::optional<std::string_view> initial_response;  // in base64; "=" stands for an empty one
};
Parsed<Auth> parse_auth(std::string_view argument);

}  // namespace smtp
