#pragma once
// The verbs and the extensions of the SMTP server, one row each. Dispatch, the check of state and argument, HELP and
// EHLO come from here; a test wants a dialog for every row.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/connection.h"

namespace smtp {

enum Need : std::uint8_t {
  kHello = 1,          // EHLO or HELO came before
  kLogin = 2,          // on submission: AUTH came before
  kTransaction = 4,    // MAIL came before
  kNoTransaction = 8,  // no mail transaction is under way
  kNotChunking = 16,   // no BDAT of this transaction came before (RFC 3030 §2)
  kFlush = 32,         // the reply is sent at once (RFC 2920 §3.2)
};

enum class Argument : std::uint8_t { none, optional, required };

/// Where a verb is known.
enum Where : std::uint8_t {
  kMx = 1,
  kSubmission = 2,
  kLmtp = 4,
  kSmtp = kMx | kSubmission,
  kEverywhere = kSmtp | kLmtp,
};

struct VerbRow {
  std::string_view name;
  std::string_view syntax;
  std::uint8_t needs;
  Argument argument;
  std::uint8_t where;
  net::Task<void> (Connection::*handler)(std::string_view argument);
  std::string_view source;
};

// BDAT checks its state itself: its octets must be taken first.
inline constexpr std::array kVerbs = {
    VerbRow{"EHLO", "EHLO name", kFlush, Argument::required, kSmtp, &Connection::ehlo, "RFC 5321 section 4.1.1.1"},
    VerbRow{"HELO", "HELO name", kFlush, Argument::required, kSmtp, &Connection::helo, "RFC 5321 section 4.1.1.1"},
    VerbRow{"LHLO", "LHLO name", kFlush, Argument::required, kLmtp, &Connection::lhlo, "RFC 2033 section 4.1"},
    VerbRow{"MAIL", "MAIL FROM:<address> [parameters]", kHello | kLogin | kNoTransaction, Argument::required,
            kEverywhere, &Connection::mail, "RFC 5321 section 4.1.1.2"},
    VerbRow{"RCPT", "RCPT TO:<address> [parameters]", kTransaction | kNotChunking, Argument::required, kEverywhere,
            &Connection::rcpt, "RFC 5321 section 4.1.1.3"},
    VerbRow{"DATA", "DATA", kTransaction | kNotChunking | kFlush, Argument::none, kEverywhere, &Connection::data,
            "RFC 5321 section 4.1.1.4"},
    VerbRow{"BDAT", "BDAT octets [LAST]", 0, Argument::required, kEverywhere, &Connection::bdat, "RFC 3030 section 2"},
    VerbRow{"RSET", "RSET", 0, Argument::none, kEverywhere, &Connection::rset, "RFC 5321 section 4.1.1.5"},
    VerbRow{"NOOP", "NOOP [text]", kFlush, Argument::optional, kEverywhere, &Connection::noop,
            "RFC 5321 section 4.1.1.9"},
    VerbRow{"QUIT", "QUIT", kFlush, Argument::none, kEverywhere, &Connection::quit, "RFC 5321 section 4.1.1.10"},
    VerbRow{"VRFY", "VRFY address [SMTPUTF8]", kFlush, Argument::required, kEverywhere, &Connection::vrfy,
            "RFC 5321 section 4.1.1.6"},
    VerbRow{"EXPN", "EXPN list [SMTPUTF8]", kFlush, Argument::required, kEverywhere, &Connection::expn,
            "RFC 5321 section 4.1.1.7"},
    VerbRow{"HELP", "HELP [verb]", kFlush, Argument::optional, kEverywhere, &Connection::help,
            "RFC 5321 section 4.1.1.8"},
    VerbRow{"STARTTLS", "STARTTLS", kFlush, Argument::none, kEverywhere, &Connection::starttls, "RFC 3207 section 4"},
    VerbRow{"AUTH", "AUTH mechanism [initial-response]", kNoTransaction | kFlush, Argument::required, kSubmission,
            &Connection::auth, "RFC 4954 section 4"},
};

/// The row of a verb that this service has (ASCII case-insensitive), or nullptr.
const VerbRow* find_verb(std::string_view name, Service service);

struct ExtensionRow {
  std::string_view keyword;
  std::string_view source;
  bool (*shown)(const Offer& offer);
  std::string (*parameter)(const Offer& offer);  // nullptr: none
};

inline bool always(const Offer&) { return true; }
inline std::string size_limit(const Offer& offer) { return std::to_string(offer.max_message_bytes); }
std::string hold_limits(const Offer& offer);
std::string limits(const Offer& offer);
std::string auth_mechanisms(const Offer& offer);

inline constexpr std::array kExtensions = {
    ExtensionRow{"PIPELINING", "RFC 2920", always, nullptr},
    ExtensionRow{"SIZE", "RFC 1870", always, size_limit},
    ExtensionRow{"STARTTLS", "RFC 3207", [](const Offer& offer) { return offer.starttls; }, nullptr},
    ExtensionRow{"AUTH", "RFC 4954", [](const Offer& offer) { return !offer.mechanisms.empty(); }, auth_mechanisms},
    ExtensionRow{"ENHANCEDSTATUSCODES", "RFC 2034", always, nullptr},
    ExtensionRow{"8BITMIME", "RFC 1652", always, nullptr},
    ExtensionRow{"SMTPUTF8", "RFC 6531", always, nullptr},
    ExtensionRow{"CHUNKING", "RFC 3030", always, nullptr},
    ExtensionRow{"BINARYMIME", "RFC 3030", always, nullptr},
    ExtensionRow{"DSN", "RFC 3461", always, nullptr},
    ExtensionRow{"DELIVERBY", "RFC 2852", always, nullptr},
    ExtensionRow{"MT-PRIORITY", "RFC 6710", always, nullptr},
    ExtensionRow{"FUTURERELEASE", "RFC 4865", [](const Offer& offer) { return offer.max_hold.count() > 0; },
                 hold_limits},
    ExtensionRow{"REQUIRETLS", "RFC 8689", [](const Offer& offer) { return offer.tls; }, nullptr},
    ExtensionRow{"LIMITS", "RFC 9422", always, limits},
    ExtensionRow{"HELP", "RFC 5321", always, nullptr},
};

/// The lines of EHLO's reply behind the first, joined by "\n".
std::string extension_lines(const Offer& offer);
/// The text of HELP: all verbs of the service, or the syntax of one. "" when there is no such verb.
std::string help_text(std::string_view verb, Service service);

}  // namespace smtp
