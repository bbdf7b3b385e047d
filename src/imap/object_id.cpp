#include "imap/object_id.h"

#include <charconv>

namespace imap {

namespace {

void append_hex(std::string& out, std::uint64_t number) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  out.append(digits, end);
}

}  // namespace

void append_object_id(std::string& out, std::string_view word, char kind, std::uint64_t number) {
  if (out.back() != '(') out += ' ';
  out += word;
  out += " (";
  out += kind;
  append_hex(out, number);
  out += ')';
}

std::string mailbox_id(mailstore::AccountId account, mailstore::MailboxId mailbox) {
  std::string out = "MAILBOXID (F";
  append_hex(out, account.value);
  out += '-';
  append_hex(out, mailbox.value);
  out += ')';
  return out;
}

// Ids are compared as texts (RFC 8474 §7: case is significant), so only one spelling of a number is one.
std::uint64_t parse_object_id(std::string_view text, char kind) {
  if (!text.starts_with(kind)) return 0;
  text.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size()) return 0;
  std::string again;
  append_hex(again, number);
  return again == text ? number : 0;
}

}  // namespace imap
