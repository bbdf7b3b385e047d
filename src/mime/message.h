#pragma once
// The structure of a message: header fields, the MIME tree with byte offsets, and what IMAP's ENVELOPE and
// BODYSTRUCTURE need of it. A push parser: it is fed the message in chunks of any size as it arrives and keeps nothing
// but the structure, so memory is bounded by the limits below and not by the size of the message. Every input gives a
// Message; what is beyond a limit is left undescribed (its bytes belong to the part around it). Time is linear. Pure,
// no I/O, not thread-safe. RFC 5322 §2-3, RFC 2045 §5, RFC 2046 §5.1; line ends are CRLF (a bare LF is taken as a line
// end as well).

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mime {

struct Limits {
  std::size_t parts = 1000;
  std::size_t depth = 50;                 // nesting of multipart and message/rfc822
  std::size_t header_bytes = 256 * 1024;  // of one header block that are looked at
  std::size_t fields = 1000;              // of one header block
  std::size_t kept_bytes = 1024 * 1024;   // of all texts in the Message together
};

/// A parameter of Content-Type or Content-Disposition, RFC 2231 continuations joined and percent-decoded; name in lower
/// case and without asterisks.
struct Parameter {
  std::string name;
  std::string value;
  bool extended = false;  // it named a charset: `value` is UTF-8 now, and IMAP shows "name*" (RFC 9051 §7.5.2)

  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// What ENVELOPE tells of a header block (RFC 9051 §7.5.2): the raw, unfolded field bodies; empty when absent. A field
/// that stands twice counts once, the first; but several To, Cc or Bcc fields are joined with commas.
struct EnvelopeFields {
  std::string date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id;
  std::string references;  // not in ENVELOPE; for threads

  friend bool operator==(const EnvelopeFields&, const EnvelopeFields&) = default;
};

inline constexpr std::uint32_t kNoPart = std::numeric_limits<std::uint32_t>::max();

/// One node of the tree. The vector of parts is in document order; links are indexes into it. A multipart without a
/// usable boundary or without any delimiter line, and a message in base64 or quoted-printable, have no child: they are
/// leaves, whatever they say of themselves (see imap_form.h for how IMAP shows them).
struct Part {
  std::uint32_t parent = kNoPart;
  std::uint32_t first_child = kNoPart;  // of a multipart, or the embedded message of message/rfc822
  std::uint32_t next_sibling = kNoPart;

  // Offsets from the message's first byte: header [header_begin, body_begin) with its blank line, body [body_begin,
  // end).
  std::uint64_t header_begin = 0;
  std::uint64_t body_begin = 0;
  std::uint64_t end = 0;
  std::uint64_t lines = 0;  // line ends in the body

  std::string type = "text";          // lower case
  std::string subtype = "plain";      // lower case
  std::vector<Parameter> parameters;  // as declared: no default charset is filled in
  std::string encoding = "7bit";      // Content-Transfer-Encoding, lower case
  std::string id, description, md5, location;
  std::string disposition;  // lower case; empty when absent
  std::vector<Parameter> disposition_parameters;
  std::vector<std::string> languages;
  std::optional<std::uint32_t> envelope;  // of a message's header block: index into Message::envelopes

  bool multipart() const { return type == "multipart"; }
  bool message() const { return type == "message" && (subtype == "rfc822" || subtype == "global"); }
  bool leaf() const { return first_child == kNoPart; }

  friend bool operator==(const Part&, const Part&) = default;
};

struct Message {
  std::vector<Part> parts;                // parts[0] is the message itself
  std::vector<EnvelopeFields> envelopes;  // envelopes[0] is that of the message itself
  std::uint64_t size = 0;                 // bytes fed
  std::uint64_t received_fields = 0;      // Received fields of the outer header, for loop detection
  bool eight_bit = false;                 // any byte above 127
  bool eight_bit_header = false;          // one of them in a header, of the message or of a part
  bool tls_optional = false;              // the outer header has "TLS-Required: No" (RFC 8689 §3)
  bool bare_cr_or_lf = false;             // a CR without LF or a LF without CR somewhere
  bool nul = false;                       // any NUL byte

  /// A parameter of Content-Type; "" when absent.
  std::string_view parameter(const Part& part, std::string_view name) const;

  friend bool operator==(const Message&, const Message&) = default;
};

class Parser {
 public:
  explicit Parser(Limits limits = {});
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  void feed(std::string_view chunk);
  /// Ends the message; the parser must not be used afterwards.
  Message finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parser fed at once.
Message parse(std::string_view message, Limits limits = {});

}  // namespace mime
