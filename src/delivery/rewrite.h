#pragma once
// Rewriting of addresses: rules that the operator gives, in order; the first that fits an address counts, and what it
// makes of it is not looked at again, so nothing goes round. Pure.
//
// A rule is "PATTERN=TARGET": the pattern is "LOCAL@DOMAIN", where LOCAL may be "*" (any) and DOMAIN "*.example.org"
// (those below it) or "*" (any); in the target "*" is what stood there: "*@*.example.org=*@example.org". Without a
// target the address stays as it is.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace delivery {

struct Rewrite {
  std::string local;   // lower case, or "*"
  std::string domain;  // in lower-case A-labels, or ".example.org", or "*"
  bool keeps = false;  // the address stays
  std::string to_local, to_domain;

  friend bool operator==(const Rewrite&, const Rewrite&) = default;
};

/// invalid, with what is expected.
base::Result<Rewrite> parse_rewrite(std::string_view text);
std::string print(const Rewrite& rule);

/// What becomes of the address; nothing when it stays. The null sender and "postmaster" alone stay.
std::optional<std::string> rewritten(const std::vector<Rewrite>& rules, std::string_view address);

/// The header block with the addresses in From, Sender, Reply-To, their Resent- forms, Disposition-Notification-To,
/// Return-Receipt-To and Errors-To rewritten; nothing when all of them stay. Fields in which none changes keep every
/// byte; the others are written anew (RFC 5322 §3.4), without comments.
std::optional<std::string> rewritten_header(const std::vector<Rewrite>& rules, std::string_view header);

}  // namespace delivery
