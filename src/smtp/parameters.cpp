#include "smtp/parameters.h"

#include <array>
#include <bitset>
#include <limits>

#include "base/text.h"

namespace smtp {
namespace {

// RFC 3461 §4.4, §4.2: the longest that are allowed.
constexpr std::size_t kMaxEnvid = 100;
constexpr std::size_t kMaxOrcpt = 500;
constexpr std::size_t kMaxInterval = 9;  // digits of HOLDFOR and BY

bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

/// Nine decimal digits at most.
std::optional<std::chrono::seconds> parse_interval(std::string_view text) {
  if (text.size() > kMaxInterval) return std::nullopt;
  const auto number = base::parse_u32(text);
  return number ? std::optional(std::chrono::seconds(*number)) : std::nullopt;
}

// RFC 1870 §6.
bool take_size(Mail& mail, std::string_view value) {
  mail.size = parse_size(value);
  return mail.size.has_value();
}

// RFC 1652 §3, RFC 3030 §3.
bool take_body(Mail& mail, std::string_view value) {
  if (base::iequals(value, "8BITMIME")) {
    mail.body = BodyType::eight_bit_mime;
  } else if (base::iequals(value, "BINARYMIME")) {
    mail.body = BodyType::binary_mime;
  } else {
    return base::iequals(value, "7BIT");
  }
  return true;
}

// RFC 6531 §3.4.
bool take_smtputf8(Mail& mail, std::string_view) {
  mail.smtputf8 = true;
  return true;
}

// RFC 4954 §5: who submitted it first, says the client. Taken, and used by nothing: it is nobody's to trust.
bool take_auth(Mail&, std::string_view) { return true; }

// RFC 3461 §4.3.
bool take_ret(Mail& mail, std::string_view value) {
  if (base::iequals(value, "FULL")) {
    mail.ret = Return::full;
  } else if (base::iequals(value, "HDRS")) {
    mail.ret = Return::headers;
  } else {
    return false;
  }
  return true;
}

// RFC 3461 §4.4: kept as it came, because it is passed on and reported like that.
bool take_envid(Mail& mail, std::string_view value) {
  const auto decoded = xtext_decode(value);
  if (value.size() > kMaxEnvid || !decoded || !is_printable(*decoded)) return false;
  mail.envid = value;
  return true;
}

// RFC 4865 §4: one of the two, and once.
bool take_hold_for(Mail& mail, std::string_view value) {
  const auto interval = parse_interval(value);
  if (mail.hold || !interval || interval->count() == 0) return false;
  mail.hold = HoldRequest{.interval = *interval};
  return true;
}
bool take_hold_until(Mail& mail, std::string_view value) {
  const auto until = base::parse_rfc3339(value);
  if (mail.hold || !until) return false;
  mail.hold = HoldRequest{.until = *until};
  return true;
}

// RFC 2852 §4: ["+" / "-"] seconds ";" ("N" / "R") ["T"]; to give a message back at once makes no sense.
bool take_by(Mail& mail, std::string_view value) {
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) return false;
  std::string_view time = value.substr(0, semicolon);
  const std::string_view mode = value.substr(semicolon + 1);
  const bool negative = time.starts_with('-');
  if (negative || time.starts_with('+')) time.remove_prefix(1);
  const auto interval = parse_interval(time);
  if (!interval || mode.empty() || mode.size() > 2) return false;
  ByRequest by{.interval = negative ? -*interval : *interval,
               .give_back = base::ascii_upper(mode[0]) == 'R',
               .trace = mode.size() == 2};
  if (!by.give_back && base::ascii_upper(mode[0]) != 'N') return false;
  if (by.trace && base::ascii_upper(mode[1]) != 'T') return false;
  if (by.give_back && by.interval.count() <= 0) return false;
  mail.by = by;
  return true;
}

// RFC 6710 §3: from -9 to 9, without leading zeros.
bool take_priority(Mail& mail, std::string_view value) {
  const bool negative = value.starts_with('-');
  if (negative) value.remove_prefix(1);
  if (value.size() != 1 || !base::is_digit(value[0]) || (negative && value[0] == '0')) return false;
  mail.priority = negative ? '0' - value[0] : value[0] - '0';
  return true;
}

// RFC 8689 §2.
bool take_require_tls(Mail& mail, std::string_view) {
  mail.require_tls = true;
  return true;
}

// RFC 3461 §4.1: NEVER alone, or a list of the others.
bool take_notify(Rcpt& rcpt, std::string_view value) {
  Notify notify;
  for (const std::string_view word : base::split(value, ',')) {
    if (base::iequals(word, "NEVER")) {
      notify.never = true;
    } else if (base::iequals(word, "SUCCESS")) {
      notify.success = true;
    } else if (base::iequals(word, "FAILURE")) {
      notify.failure = true;
    } else if (base::iequals(word, "DELAY")) {
      notify.delay = true;
    } else {
      return false;
    }
  }
  if (notify.never && notify != Notify{.never = true}) return false;
  if (notify.never && value.size() != std::string_view("NEVER").size()) return false;
  rcpt.notify = notify;
  return true;
}

/// RFC 6533 §3: behind "utf-8;" an address may stand in UTF-8 as it is, once MAIL said SMTPUTF8.
bool is_unitext(std::string_view text) {
  for (const char c : text) {
    const bool ascii = static_cast<unsigned char>(c) < 128;
    if (ascii && (c < '!' || c > '~' || c == '+' || c == '=')) return false;
  }
  return base::valid_utf8(text);
}

// RFC 3461 §4.2: kept as it came, because it is passed on and reported like that.
bool take_orcpt(Rcpt& rcpt, std::string_view value) {
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos || semicolon == 0 || value.size() > kMaxOrcpt) return false;
  for (const char c : value.substr(0, semicolon)) {
    if (!base::is_alpha(c) && !base::is_digit(c) && c != '-') return false;
  }
  const std::string_view address = value.substr(semicolon + 1);
  const auto decoded = xtext_decode(address);
  const bool unitext =
      !decoded && rcpt.smtputf8 && base::iequals(value.substr(0, semicolon), "utf-8") && is_unitext(address);
  if (address.empty() || !(unitext || (decoded && is_printable(*decoded)))) return false;
  rcpt.orcpt = value;
  return true;
}

constexpr std::array kMail = {
    ParameterRow<Mail>{"SIZE", "SIZE=octets", "RFC 1870", true, take_size},
    ParameterRow<Mail>{"BODY", "BODY=7BIT|8BITMIME|BINARYMIME", "RFC 1652", true, take_body},
    ParameterRow<Mail>{"SMTPUTF8", "SMTPUTF8", "RFC 6531", false, take_smtputf8},
    ParameterRow<Mail>{"AUTH", "AUTH=mailbox", "RFC 4954", true, take_auth},
    ParameterRow<Mail>{"RET", "RET=FULL|HDRS", "RFC 3461", true, take_ret},
    ParameterRow<Mail>{"ENVID", "ENVID=xtext", "RFC 3461", true, take_envid},
    ParameterRow<Mail>{"HOLDFOR", "HOLDFOR=seconds", "RFC 4865", true, take_hold_for},
    ParameterRow<Mail>{"HOLDUNTIL", "HOLDUNTIL=date-time", "RFC 4865", true, take_hold_until},
    ParameterRow<Mail>{"BY", "BY=seconds;N|R[T]", "RFC 2852", true, take_by},
    ParameterRow<Mail>{"MT-PRIORITY", "MT-PRIORITY=-9..9", "RFC 6710", true, take_priority},
    ParameterRow<Mail>{"REQUIRETLS", "REQUIRETLS", "RFC 8689", false, take_require_tls},
};

constexpr std::array kRcpt = {
    ParameterRow<Rcpt>{"NOTIFY", "NOTIFY=NEVER|SUCCESS,FAILURE,DELAY", "RFC 3461", true, take_notify},
    ParameterRow<Rcpt>{"ORCPT", "ORCPT=type;xtext", "RFC 3461", true, take_orcpt},
};

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;
};

/// The first of the words in `rest`, which are separated by spaces.
Parsed<Parameter> take_parameter(std::string_view& rest) {
  const std::size_t space = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(rest.find_first_not_of(' ', space), rest.size()));
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

template <class Target, std::size_t count>
Parsed<void> parse_all(std::string_view rest, const std::array<ParameterRow<Target>, count>& rows, Target& target) {
  std::bitset<count> seen;
  while (!rest.empty()) {
    const Parsed<Parameter> parameter = take_parameter(rest);
    if (!parameter) return std::unexpected(parameter.error());
    std::size_t row = 0;
    while (row < count && !base::iequals(rows[row].name, parameter->name)) ++row;
    if (row == count) return std::unexpected(Fault::unknown_parameter);
    if (seen.test(row) || parameter->value.has_value() != rows[row].has_value) return std::unexpected(Fault::syntax);
    seen.set(row);
    if (!rows[row].take(target, parameter->value.value_or(""))) return std::unexpected(Fault::parameter_value);
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (!base::is_digit(c)) return std::nullopt;
  }
  return base::parse_u64(text).value_or(std::numeric_limits<std::uint64_t>::max());
}

std::string xtext_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c <= '~' && c != '+' && c != '=') {
      out += c;
      continue;
    }
    out += '+';
    out += kDigits[static_cast<std::uint8_t>(c) >> 4];
    out += kDigits[static_cast<std::uint8_t>(c) & 0xF];
  }
  return out;
}

std::optional<std::string> xtext_decode(std::string_view text) {
  // Upper case alone.
  const auto digit = [](char c) { return base::is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < '!' || text[i] > '~' || text[i] == '=') return std::nullopt;
    if (text[i] != '+') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = digit(text[i + 1]);
    const int low = digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::span<const ParameterRow<Mail>> mail_parameters() { return kMail; }
std::span<const ParameterRow<Rcpt>> rcpt_parameters() { return kRcpt; }

Parsed<void> parse_parameters(std::string_view text, Mail& mail) { return parse_all(text, kMail, mail); }
Parsed<void> parse_parameters(std::string_view text, Rcpt& rcpt) { return parse_all(text, kRcpt, rcpt); }

}  // namespace smtp
