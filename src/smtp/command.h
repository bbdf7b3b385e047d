#pragma once
// SMTP commands as values. Parsing is pure, total and linear; what is wrong is a Fault, which reply.cpp puts into
// words. RFC 5321 §4.1, with the parameters of RFC 1870 (SIZE), RFC 1652 (BODY), RFC 6531 (SMTPUTF8) and RFC 4954
// (AUTH).

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/host.h"

namespace smtp {

enum class Fault {
  syntax,            // not what the command looks like
  control,           // a control byte in the command
  no_brackets,       // an address without < and >
  address,           // not an address
  path_too_long,     // RFC 5321 §4.5.3.1.3
  needs_smtputf8,    // a non-ASCII address without the parameter SMTPUTF8
  unknown_parameter  // RFC 5321 §4.1.1.11
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

struct Mail {
  std::string sender;  // "" for <>
  std::optional<std::uint64_t> size;
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;
};
Parsed<Mail> parse_mail(std::string_view argument);

struct Rcpt {
  std::string recipient;  // without a source route; "postmaster" for <Postmaster>
};
Parsed<Rcpt> parse_rcpt(std::string_view argument, bool smtputf8);

struct Bdat {
  std::uint64_t size = 0;  // the greatest number when it is greater than that
  bool last = false;
};
Parsed<Bdat> parse_bdat(std::string_view argument);

/// Views of the argument.
struct Auth {
  std::string_view mechanism;
  std::optional<std::string_view> initial_response;  // in base64; "=" stands for an empty one
};
Parsed<Auth> parse_auth(std::string_view argument);

}  // namespace smtp
