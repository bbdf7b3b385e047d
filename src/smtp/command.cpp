#include "smtp/command.h"

#include <limits>

#include "base/text.h"
#include "mime/address.h"

namespace smtp {
namespace {

constexpr std::size_t kMaxHello = 255;
// RFC 5321 §4.5.3.1.3 asks for 256 at least; local part and domain at their own limits need more.
constexpr std::size_t kMaxPath = 64 + 1 + 255 + 2;

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

/// Decimal digits; numbers above the range become the greatest one.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (!base::is_digit(c)) return std::nullopt;
  }
  return base::parse_u64(text).value_or(std::numeric_limits<std::uint64_t>::max());
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

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;
};

/// RFC 5321 §4.1.2 esmtp-param.
Parsed<Parameter> take_parameter(std::string_view& rest) {
  const std::string_view word = take_word(rest);
  const std::size_t equals = word.find('=');
  Parameter parameter{word.substr(0, equals), std::nullopt};
  if (equals != std::string_view::npos) parameter.value = word.substr(equals + 1);
  if (parameter.name.empty() || parameter.name[0] == '-' || parameter.value == "") {
    return std::unexpected(Fault::syntax);
  }
  for (const char c : parameter.name) {
    if (!base::is_alpha(c) && !base::is_digit(c) && c != '-') return std::unexpected(Fault::syntax);
  }
  return parameter;
}

struct Seen {
  bool size = false, body = false, auth = false;
};

Parsed<void> apply(const Parameter& parameter, Mail& mail, Seen& seen) {
  const auto once = [&](bool& flag) { return parameter.value && !std::exchange(flag, true); };
  if (base::iequals(parameter.name, "SIZE")) {  // RFC 1870 §6: only one
    if (!once(seen.size)) return std::unexpected(Fault::syntax);
    mail.size = parse_size(*parameter.value);
    if (!mail.size) return std::unexpected(Fault::syntax);
  } else if (base::iequals(parameter.name, "BODY")) {  // RFC 1652 §3
    if (!once(seen.body)) return std::unexpected(Fault::syntax);
    if (base::iequals(*parameter.value, "8BITMIME")) {
      mail.body = BodyType::eight_bit_mime;
    } else if (!base::iequals(*parameter.value, "7BIT")) {
      return std::unexpected(Fault::unknown_parameter);  // BINARYMIME is not offered
    }
  } else if (base::iequals(parameter.name, "SMTPUTF8")) {  // RFC 6531 §3.4: no value
    if (parameter.value || std::exchange(mail.smtputf8, true)) return std::unexpected(Fault::syntax);
  } else if (base::iequals(parameter.name, "AUTH")) {
    // RFC 4954 §5: who submitted it first, says the client. Taken, and used by nothing: it is nobody's to trust.
    if (!once(seen.auth)) return std::unexpected(Fault::syntax);
  } else {
    return std::unexpected(Fault::unknown_parameter);
  }
  return {};
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
  Seen seen;
  while (!rest->empty()) {
    const Parsed<Parameter> parameter = take_parameter(*rest);
    if (!parameter) return std::unexpected(parameter.error());
    if (const Parsed<void> applied = apply(*parameter, mail, seen); !applied) return std::unexpected(applied.error());
  }
  if (!mail.smtputf8 && !is_ascii(mail.sender)) return std::unexpected(Fault::needs_smtputf8);
  return mail;
}

Parsed<Rcpt> parse_rcpt(std::string_view argument, bool smtputf8) {
  Parsed<std::string_view> rest = behind_keyword(argument, "TO:");
  if (!rest) return std::unexpected(rest.error());
  const Parsed<std::string_view> path = take_path(*rest, Null::refused);
  if (!path) return std::unexpected(path.error());
  while (!rest->empty()) {
    const Parsed<Parameter> parameter = take_parameter(*rest);
    return std::unexpected(parameter ? Fault::unknown_parameter : parameter.error());
  }
  if (!smtputf8 && !is_ascii(*path)) return std::unexpected(Fault::needs_smtputf8);
  return Rcpt{std::string(*path)};
}

Parsed<Bdat> parse_bdat(std::string_view argument) {
  const std::optional<std::uint64_t> size = parse_size(take_word(argument));
  if (!size) return std::unexpected(Fault::syntax);
  if (argument.empty()) return Bdat{*size, false};
  if (!base::iequals(argument, "LAST")) return std::unexpected(Fault::syntax);
  return Bdat{*size, true};
}

Parsed<Auth> parse_auth(std::string_view argument) {
  Auth auth;
  auth.mechanism = take_word(argument);
  if (auth.mechanism.empty() || argument.contains(' ')) return std::unexpected(Fault::syntax);
  if (!argument.empty()) auth.initial_response = argument;
  return auth;
}

}  // namespace smtp
