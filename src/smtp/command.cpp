#include "smtp/command.h"

#include "base/text.h"
#include "mime/address.h"
#include "smtp/parameters.h"

namespace smtp {
namespace {

constexpr std::size_t kMaxHello = 255;
// RFC 5321 §4.5.3.1.3 asks for 256 at least; local part and domain at their own limits need more.
constexpr std::size_t kMaxPath = mime::kMaxLocalPart + 1 + 255 + 2;

std::string_view trim_left(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// The text up to the next space, which is taken from `rest` with the spaces behind it.
std::string_view take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view() : trim_left(rest.substr(space));
  return word;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) > 126) return false;
  }
  return true;
}

/// Where the '>' is that ends the path at the front of `text`; quoted strings may hold one. npos when there is none.
std::size_t path_end(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '>' && !quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// RFC 5321 §4.1.1.3: a source route ("@a,@b:") is recognized and left out; the mailbox behind it counts alone, so it
/// never makes a recipient acceptable that would not be so by itself.
Parsed<std::string_view> without_route(std::string_view path) {
  if (!path.starts_with('@')) return path;
  const std::size_t colon = path.find(':');
  if (colon == std::string_view::npos) return std::unexpected(Fault::address);
  for (const std::string_view hop : base::split(path.substr(0, colon), ',')) {
    if (hop.size() < 2 || hop[0] != '@' || hop.find_first_of("\"<> \\") != std::string_view::npos) {
      return std::unexpected(Fault::address);
    }
  }
  return path.substr(colon + 1);
}

enum class Null { refused, allowed };

/// "<mailbox>" from the front of `rest`, with the spaces behind it; "" for "<>".
Parsed<std::string_view> take_path(std::string_view& rest, Null null) {
  if (!rest.starts_with('<')) return std::unexpected(rest.empty() ? Fault::syntax : Fault::no_brackets);
  const std::size_t end = path_end(rest);
  if (end == std::string_view::npos) return std::unexpected(Fault::no_brackets);
  const std::string_view path = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  if (!rest.empty() && rest[0] != ' ') return std::unexpected(Fault::syntax);
  rest = trim_left(rest);

  const Parsed<std::string_view> mailbox = without_route(path);
  if (!mailbox) return mailbox;
  if (mailbox->empty()) return null == Null::allowed && path.empty() ? mailbox : std::unexpected(Fault::address);
  if (mailbox->size() > kMaxPath) return std::unexpected(Fault::path_too_long);
  // RFC 5321 §4.1.1.3: "<Postmaster>" is the one recipient without a domain.
  if (null == Null::refused && base::iequals(*mailbox, "postmaster")) return "postmaster";
  mime::AddrSpec address;
  if (!mime::parse_addr_spec(*mailbox, address)) return std::unexpected(Fault::address);
  return mailbox;
}

/// What stands behind "FROM:" or "TO:". RFC 5321 §3.3 allows no space behind the colon; many clients send one.
Parsed<std::string_view> behind_keyword(std::string_view argument, std::string_view keyword) {
  if (!base::istarts_with(argument, keyword)) return std::unexpected(Fault::syntax);
  return trim_left(argument.substr(keyword.size()));
}

}  // namespace

Parsed<Command> parse_command(std::string_view line) {
  for (const char c : line) {
    // RFC 5321 §4.1.2: invalid characters are refused. (A tab, too: no client sends one.)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) return std::unexpected(Fault::control);
  }
  while (line.ends_with(' ')) line.remove_suffix(1);
  std::string_view rest = line;
  const std::string_view verb = take_word(rest);
  return Command{verb, rest};
}

Parsed<std::string> parse_hello(std::string_view argument) {
  // Names with underscores and the like are taken, as every server does: it says nothing that anybody relies on.
  if (argument.empty() || argument.size() > kMaxHello || argument.contains(' ') || !is_ascii(argument)) {
    return std::unexpected(Fault::syntax);
  }
  return std::string(argument);
}

Parsed<Mail> parse_mail(std::string_view argument) {
  Parsed<std::string_view> rest = behind_keyword(argument, "FROM:");
  if (!rest) return std::unexpected(rest.error());
  const Parsed<std::string_view> path = take_path(*rest, Null::allowed);
  if (!path) return std::unexpected(path.error());

  Mail mail;
  mail.sender = *path;
  if (const auto parsed = parse_parameters(*rest, mail); !parsed) return std::unexpected(parsed.error());
  if (!mail.smtputf8 && !is_ascii(mail.sender)) return std::unexpected(Fault::needs_smtputf8);
  return mail;
}

Parsed<Rcpt> parse_rcpt(std::string_view argument, bool smtputf8) {
  Parsed<std::string_view> rest = behind_keyword(argument, "TO:");
  if (!rest) return std::unexpected(rest.error());
  const Parsed<std::string_view> path = take_path(*rest, Null::refused);
  if (!path) return std::unexpected(path.error());
  Rcpt rcpt{.recipient = std::string(*path), .smtputf8 = smtputf8};
  if (const auto parsed = parse_parameters(*rest, rcpt); !parsed) return std::unexpected(parsed.error());
  if (!smtputf8 && !is_ascii(*path)) return std::unexpected(Fault::needs_smtputf8);
  return rcpt;
}

Parsed<Bdat> parse_bdat(std::string_view argument) {
  const std::optional<std::uint64_t> size = parse_size(take_word(argument));
  if (!size) return std::unexpected(Fault::syntax);
  if (argument.empty()) return Bdat{*size, false};
  if (!base::iequals(argument, "LAST")) return std::unexpected(Fault::syntax);
  return Bdat{*size, true};
}

Parsed<Verify> parse_verify(std::string_view argument) {
  // RFC 6531 §3.7.4.2: the parameter stands behind the string, which may hold spaces.
  Verify verify;
  const std::size_t space = argument.rfind(' ');
  if (space != std::string_view::npos && base::iequals(argument.substr(space + 1), "SMTPUTF8")) {
    verify.smtputf8 = true;
    argument = argument.substr(0, space);
  }
  while (argument.ends_with(' ')) argument.remove_suffix(1);
  if (argument.starts_with('<') && argument.ends_with('>')) argument = argument.substr(1, argument.size() - 2);
  if (argument.size() > kMaxPath) return std::unexpected(Fault::path_too_long);
  // What could not stand in a path (a quote within a domain literal) is no address here either.
  const std::string path = "<" + std::string(argument) + ">";
  std::string_view rest = path;
  const Parsed<std::string_view> address = take_path(rest, Null::refused);
  if (!address || !rest.empty()) return std::unexpected(Fault::address);
  verify.address = *address;
  return verify;
}

Parsed<Auth> parse_auth(std::string_view argument) {
  Auth auth;
  auth.mechanism = take_word(argument);
  if (auth.mechanism.empty() || argument.contains(' ')) return std::unexpected(Fault::syntax);
  if (!argument.empty()) auth.initial_response = argument;
  return auth;
}

}  // namespace smtp
