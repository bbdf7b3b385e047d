#include "imap/imap_url.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace imap {

namespace {

constexpr std::size_t kTokenDigits = 32;  // RFC 4467 §2.5: at least 128 bits

// RFC 3986 §2.3, and the sub-delims-sh of RFC 5092 §11.
bool is_uchar(char c) { return base::is_alpha(c) || base::is_digit(c) || std::string_view("-._~!$'()*+,").contains(c); }
bool is_achar(char c) { return is_uchar(c) || c == '&' || c == '='; }
bool is_bchar(char c) { return is_achar(c) || c == ':' || c == '@' || c == '/'; }
bool is_host_char(char c) { return is_achar(c) || c == ':' || c == '[' || c == ']'; }

int hex_value(char c) {
  if (base::is_digit(c)) return c - '0';
  const char lower = base::ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing when a character is not allowed, an escape is broken, or a NUL hides in one.
std::optional<std::string> decode(std::string_view text, bool (*allowed)(char)) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!allowed(text[i])) return std::nullopt;
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool has_dot_segment(std::string_view path) {
  return std::ranges::any_of(base::split(path, '/'), [](auto part) { return part == "." || part == ".."; });
}

// RFC 3339 date-time, to the second; a fraction is passed over.
std::optional<std::int64_t> parse_date_time(std::string_view text) {
  const auto number = [&](std::size_t digits) -> std::optional<int> {
    int out = 0;
    if (text.size() < digits || !std::ranges::all_of(text.substr(0, digits), base::is_digit)) return std::nullopt;
    std::from_chars(text.data(), text.data() + digits, out);
    text.remove_prefix(digits);
    return out;
  };
  const auto take = [&](std::string_view any_of) {
    if (text.empty() || !any_of.contains(text.front())) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto year = number(4);
  const auto month = year && take("-") ? number(2) : std::nullopt;
  const auto day = month && take("-") ? number(2) : std::nullopt;
  const auto hour = day && take("Tt") ? number(2) : std::nullopt;
  const auto minute = hour && take(":") ? number(2) : std::nullopt;
  const auto second = minute && take(":") ? number(2) : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (take(".")) {
    if (!take("0123456789")) return std::nullopt;
    while (take("0123456789")) {
    }
  }
  int zone = 0;  // minutes east
  if (!take("Zz")) {
    const int sign = take("+") ? 1 : take("-") ? -1 : 0;
    const auto zone_hour = sign != 0 ? number(2) : std::nullopt;
    const auto zone_minute = zone_hour && take(":") ? number(2) : std::nullopt;
    if (!zone_minute || *zone_hour > 23 || *zone_minute > 59) return std::nullopt;
    zone = sign * (*zone_hour * 60 + *zone_minute);
  }
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!text.empty() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + (*hour * 60 + *minute - zone) * 60 + *second;
}

/// The URL from left to right.
class UrlParser {
 public:
  explicit UrlParser(std::string_view url) : url_(url), rest_(url) { out_.rump = url.size(); }

  base::Result<ImapUrl> parse() {
    TRY(server());
    TRY(mailbox());
    if (word(";UIDVALIDITY=")) {
      TRY_ASSIGN(out_.uid_validity, nz_number());
    }
    if (!word("/;UID=")) return syntax("The URL names no message");
    TRY_ASSIGN(out_.uid, nz_number());
    if (word("/;SECTION=")) TRY(section());
    if (word("/;PARTIAL=")) TRY(partial());
    if (word(";EXPIRE=")) {
      // A date-time has colons and no semicolon.
      out_.expires = parse_date_time(take_until(';'));
      if (!out_.expires) return syntax("The URL expires at no date");
    }
    if (word(";URLAUTH=")) {
      TRY(authorisation());
    } else if (out_.expires) {
      return syntax("Only what is authorised expires");
    }
    if (!rest_.empty()) return syntax("Something stands behind the URL");
    return std::move(out_);
  }

 private:
  // Case is not significant (RFC 5092 §11).
  bool word(std::string_view what) {
    if (!base::istarts_with(rest_, what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  std::string_view take_until(char end) {
    const std::string_view out = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(out.size());
    return out;
  }
  base::Result<std::uint32_t> nz_number() {
    Cursor in(rest_);
    const auto number = in.nz_number();
    if (!number) return syntax("A number in the URL is malformed");
    rest_.remove_prefix(in.position());
    return *number;
  }

  base::Result<void> server() {
    if (rest_.starts_with("//")) return syntax("A URL of a server begins with imap://");
    if (!word("imap://")) {
      if (!rest_.starts_with('/')) return syntax("A relative path is no URL here");  // RFC 5092 §7.2
      rest_.remove_prefix(1);
      return {};
    }
    std::string_view authority = take_until('/');
    if (!rest_.starts_with('/')) return syntax("The URL names no message");
    rest_.remove_prefix(1);
    ImapUrl::Server server;
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      std::string_view user = authority.substr(0, at);
      authority.remove_prefix(at + 1);
      // ";AUTH=…" says how a client would log in; who asks here has done so already.
      if (const std::size_t auth = user.find(';'); auth != std::string_view::npos) {
        const std::string_view type = user.substr(auth);
        if (!base::istarts_with(type, ";AUTH=") || !decode(type.substr(6), is_achar).has_value()) {
          return syntax("The user in the URL is malformed");
        }
        user = user.substr(0, auth);
      }
      const auto decoded = decode(user, is_achar);
      if (!decoded) return syntax("The user in the URL is malformed");
      server.user = *decoded;
    }
    if (authority.empty() || !std::ranges::all_of(authority, is_host_char)) {
      return syntax("The host in the URL is malformed");
    }
    server.host = authority;
    out_.server = std::move(server);
    return {};
  }

  base::Result<void> mailbox() {
    std::string_view name = take_until(';');
    // The slash before ";UID" is not the name's.
    if (name.ends_with('/')) {
      name.remove_suffix(1);
      rest_ = url_.substr(url_.size() - rest_.size() - 1);
    }
    auto decoded = decode(name, is_bchar);
    if (!decoded || decoded->empty() || name.starts_with('/')) return syntax("The mailbox in the URL is malformed");
    if (has_dot_segment(name)) return syntax("Dot-segments are not followed");
    if (!base::valid_utf8(*decoded)) return syntax("The mailbox in the URL is not UTF-8");
    out_.mailbox = std::move(*decoded);
    return {};
  }

  base::Result<void> section() {
    std::string_view text = take_until(';');
    if (text.ends_with('/') && istarts_behind("/;PARTIAL=")) {
      text.remove_suffix(1);
      rest_ = url_.substr(url_.size() - rest_.size() - 1);
    }
    const auto decoded = decode(text, is_bchar);
    if (!decoded || decoded->empty()) return syntax("The section in the URL is malformed");
    TRY_ASSIGN(out_.section, parse_section(*decoded));
    return {};
  }
  bool istarts_behind(std::string_view what) const {
    return base::istarts_with(url_.substr(url_.size() - rest_.size() - 1), what);
  }

  base::Result<void> partial() {
    Cursor in(rest_);
    ImapUrl::Partial partial;
    const auto offset = in.number64();
    if (!offset) return syntax("The range in the URL is malformed");
    partial.offset = *offset;
    if (in.take('.')) {
      partial.length = in.number64();
      if (!partial.length || *partial.length == 0) return syntax("The range in the URL is malformed");
    }
    rest_.remove_prefix(in.position());
    out_.partial = partial;
    return {};
  }

  base::Result<void> authorisation() {
    UrlAccess access;
    const bool submit = word("submit+");
    if (submit || word("user+")) {
      access.kind = submit ? UrlAccess::Kind::submit : UrlAccess::Kind::user;
      const auto user = decode(take_until(':'), is_achar);
      if (!user || user->empty()) return syntax("The URL is authorised for a user that it does not name");
      access.user = *user;
    } else if (word("authuser")) {
      access.kind = UrlAccess::Kind::authuser;
    } else if (!word("anonymous")) {
      return syntax("The URL is authorised for nobody");
    }
    out_.access = std::move(access);
    if (rest_.empty()) return {};
    out_.rump = url_.size() - rest_.size();
    if (!rest_.starts_with(':')) return syntax("The URL's authorisation is malformed");
    rest_.remove_prefix(1);
    out_.mechanism = take_until(':');
    if (out_.mechanism.empty() || !rest_.starts_with(':') || !std::ranges::all_of(out_.mechanism, [](char c) {
          return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '.';
        })) {
      return syntax("The URL's mechanism is malformed");
    }
    out_.token = rest_.substr(1);
    rest_ = {};
    if (out_.token.size() < kTokenDigits ||
        !std::ranges::all_of(out_.token, [](char c) { return hex_value(c) >= 0; })) {
      return syntax("The URL's token is malformed");
    }
    return {};
  }

  std::string_view url_;
  std::string_view rest_;
  ImapUrl out_;
};

}  // namespace

base::Result<ImapUrl> parse_imap_url(std::string_view url) { return UrlParser(url).parse(); }

}  // namespace imap
