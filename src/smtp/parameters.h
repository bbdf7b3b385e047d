#pragma once
// The parameters of MAIL and RCPT (RFC 5321 §4.1.2 esmtp-param), a row each: parsing, HELP and the test that wants a
// dialog for every one come from the tables. Pure, total, linear in the line.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "smtp/command.h"

namespace smtp {

/// Decimal digits; numbers above the range become the greatest one, which is above every limit.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// RFC 3461 §4: what xtext stands for; nothing when it is not xtext.
std::optional<std::string> xtext_decode(std::string_view text);
/// The xtext of an ASCII text.
std::string xtext_encode(std::string_view text);

template <class Target>
struct ParameterRow {
  std::string_view name;
  std::string_view syntax;  // as HELP shows it
  std::string_view source;
  bool has_value;
  /// What the value means goes into the target; false when it is not well-formed.
  bool (*take)(Target& target, std::string_view value);
};

std::span<const ParameterRow<Mail>> mail_parameters();
std::span<const ParameterRow<Rcpt>> rcpt_parameters();

/// All that stands behind the path of MAIL or RCPT. Each parameter may stand once.
Parsed<void> parse_parameters(std::string_view text, Mail& mail);
Parsed<void> parse_parameters(std::string_view text, Rcpt& rcpt);

}  // namespace smtp
