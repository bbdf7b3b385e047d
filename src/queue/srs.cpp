#include "queue/srs.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "mime/address.h"

namespace queue {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kDigest = 6;  // characters, 5 bits each
constexpr std::size_t kMaxLocal = 64;
constexpr int kCircle = 32 * 32;  // days that two characters tell apart

/// Hosts on the way may change the case of an address, so the digest does not depend on it.
std::string digest(std::string_view key, std::string_view of) {
  const std::string bytes = crypto::hmac_sha256(key, base::lower(of));
  std::string out;
  for (std::size_t i = 0; i < kDigest; ++i) out += kAlphabet[static_cast<unsigned char>(bytes[i]) & 31];
  return out;
}

int day_of(base::WallTime now) { return static_cast<int>(base::unix_seconds(now) / 86'400 % kCircle); }

std::string day_text(int day) {
  return {kAlphabet[static_cast<std::size_t>(day) / 32], kAlphabet[static_cast<std::size_t>(day) % 32]};
}

std::optional<int> parse_day(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  const std::size_t high = kAlphabet.find(base::ascii_lower(text[0]));
  const std::size_t low = kAlphabet.find(base::ascii_lower(text[1]));
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<int>(high * 32 + low);
}

/// Cuts off what stands before the next "=".
std::optional<std::string_view> take(std::string_view& rest) {
  const std::size_t end = rest.find('=');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return part;
}

bool tagged(std::string_view local, std::string_view tag) {
  return base::istarts_with(local, tag) && local.size() > tag.size() &&
         std::string_view("=+-").contains(local[tag.size()]);
}

/// "SRS1=digest=host==rest": what is behind the digest.
std::optional<std::string_view> behind_digest(std::string_view local) {
  local.remove_prefix(std::string_view("SRS1=").size());
  if (!take(local)) return std::nullopt;
  return local;
}

}  // namespace

std::optional<std::string> srs_forward(std::string_view key, std::string_view sender, std::string_view our_domain,
                                       base::WallTime now) {
  mime::AddrSpec from;
  if (!mime::parse_addr_spec(sender, from)) return std::nullopt;
  std::string tag = "SRS0=";
  std::string content;
  if (tagged(from.local, "SRS0")) {
    tag = "SRS1=";
    content = from.domain + "=" + from.local.substr(std::string_view("SRS0").size());
  } else if (tagged(from.local, "SRS1") && behind_digest(from.local)) {
    tag = "SRS1=";
    content = std::string(*behind_digest(from.local));
  } else {
    content = day_text(day_of(now)) + "=" + from.domain + "=" + from.local;
  }
  const std::string local = tag + digest(key, content) + "=" + content;
  if (local.size() > kMaxLocal) return std::nullopt;
  return mime::format({.local = local, .domain = std::string(our_domain)});
}

bool is_srs(std::string_view address) {
  return base::istarts_with(address, "SRS0=") || base::istarts_with(address, "SRS1=");
}

std::optional<std::string> srs_reverse(std::string_view key, std::string_view address, base::WallTime now) {
  mime::AddrSpec to;
  if (!is_srs(address) || !mime::parse_addr_spec(address, to)) return std::nullopt;
  std::string_view rest = to.local;
  const bool first = base::istarts_with(rest, "SRS0=");
  rest.remove_prefix(std::string_view("SRS0=").size());
  const auto given = take(rest);
  if (!given || !crypto::equal_constant_time(base::lower(*given), digest(key, rest))) return std::nullopt;
  if (!first) {
    const auto host = take(rest);
    if (!host || rest.empty()) return std::nullopt;
    return mime::format({.local = "SRS0" + std::string(rest), .domain = std::string(*host)});
  }
  const auto day = take(rest);
  const auto number = day ? parse_day(*day) : std::nullopt;
  const auto domain = take(rest);
  if (!number || !domain || rest.empty()) return std::nullopt;
  if ((day_of(now) - *number + kCircle) % kCircle > kSrsDays) return std::nullopt;
  return mime::format({.local = std::string(rest), .domain = std::string(*domain)});
}

}  // namespace queue
