#include "imap/envelope.h"

#include "imap/lexer.h"

namespace imap {

namespace {

using Text = std::optional<std::string>;

// "(" name adl mailbox host ")"
bool take_address(Cursor& in, EnvelopeAddress& out) {
  if (!in.take('(')) return false;
  std::optional<Text> parts[4];
  for (auto& part : parts) {
    if (&part != parts && !in.space()) return false;
    part = in.nstring();
    if (!part) return false;
  }
  out = {.name = std::move(*parts[0]), .mailbox = std::move(*parts[2]), .host = std::move(*parts[3])};
  return in.take(')');
}

// NIL, or a list of which the first is kept.
bool take_addresses(Cursor& in, std::optional<EnvelopeAddress>& first) {
  if (!in.space()) return false;
  if (in.word("NIL")) return true;
  if (!in.take('(')) return false;
  while (in.peek() == '(') {
    EnvelopeAddress address;
    if (!take_address(in, address)) return false;
    if (!first) first = std::move(address);
  }
  return in.take(')');
}

}  // namespace

std::optional<Envelope> parse_envelope(std::string_view text) {
  Cursor in(text);
  Envelope out;
  if (!in.take('(')) return std::nullopt;
  auto date = in.nstring();
  auto subject = date && in.space() ? in.nstring() : std::nullopt;
  if (!subject) return std::nullopt;
  out.date = std::move(*date);
  out.subject = std::move(*subject);
  std::optional<EnvelopeAddress> unused;  // sender and reply-to
  if (!take_addresses(in, out.from) || !take_addresses(in, unused) || !take_addresses(in, unused) ||
      !take_addresses(in, out.to) || !take_addresses(in, out.cc)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace imap
