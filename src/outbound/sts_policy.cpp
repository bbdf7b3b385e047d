#include "outbound/sts_policy.h"

#include <algorithm>

#include "base/text.h"

namespace outbound {

namespace {

using base::Code;

constexpr std::uint32_t kMaxAge = 31'557'600;  // RFC 8461 §3.2: a year
constexpr std::size_t kMaxMx = 1000;
constexpr std::size_t kMaxId = 32;

bool is_alnum(char c) { return base::is_alpha(c) || base::is_digit(c); }

/// A domain of letters, digits, hyphens and underscores, with no empty label.
bool is_domain(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

std::optional<std::string> mx_pattern(std::string_view value) {
  const std::string_view name = value.starts_with("*.") ? value.substr(2) : value;
  return is_domain(name) ? std::optional(base::lower(value)) : std::nullopt;
}

std::optional<std::string> id_of(std::string_view record) {
  std::optional<std::string> id;
  for (const std::string_view part : base::split(record, ';')) {
    const std::string_view field = base::trim(part);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos || base::trim(field.substr(0, equals)) != "id" || id) continue;
    id = std::string(base::trim(field.substr(equals + 1)));
  }
  const bool good = id && !id->empty() && id->size() <= kMaxId && std::ranges::all_of(*id, is_alnum);
  return good ? id : std::nullopt;
}

/// The fields of a policy; of those that may stand once, the first counts.
struct Fields {
  std::optional<std::string_view> version, mode, max_age;
  std::vector<std::string> mx;
};

base::Result<void> take_line(std::string_view line, Fields& fields) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return base::fail(Code::invalid, "the policy has a line without a colon");
  const std::string_view key = base::trim(line.substr(0, colon));
  const std::string_view value = base::trim(line.substr(colon + 1));
  if (key == "version" && !fields.version) fields.version = value;
  if (key == "mode" && !fields.mode) fields.mode = value;
  if (key == "max_age" && !fields.max_age) fields.max_age = value;
  if (key != "mx") return {};
  auto pattern = mx_pattern(value);
  if (!pattern)
    return base::fail(Code::invalid, "the policy has an mx that is no host name: " + base::printable(value, 80));
  if (fields.mx.size() >= kMaxMx) return base::fail(Code::invalid, "the policy has too many mx lines");
  fields.mx.push_back(*std::move(pattern));
  return {};
}

}  // namespace

std::optional<std::string> sts_id(const std::vector<std::string>& records) {
  std::optional<std::string> id;
  int count = 0;
  for (const std::string& record : records) {
    // RFC 8461 §3.1: records that do not begin like this are others'.
    const std::string_view rest = std::string_view(record).substr(0, 8);
    if (rest.substr(0, 7) != "v=STSv1" || (rest.size() > 7 && rest[7] != ';' && !base::is_space(rest[7]))) continue;
    ++count;
    id = id_of(record);
  }
  return count == 1 ? id : std::nullopt;
}

base::Result<StsPolicy> parse_sts_policy(std::string_view text) {
  Fields fields;
  for (const std::string_view line : base::split(text, '\n')) {
    const std::string_view trimmed = base::trim(line);
    if (!trimmed.empty()) TRY(take_line(trimmed, fields));
  }
  if (fields.version != "STSv1") return base::fail(Code::invalid, "the policy's version is not STSv1");
  StsPolicy policy;
  if (fields.mode == "enforce") {
    policy.mode = StsMode::enforce;
  } else if (fields.mode == "testing") {
    policy.mode = StsMode::testing;
  } else if (fields.mode != "none") {
    return base::fail(Code::invalid, "the policy's mode is none of enforce, testing and none");
  }
  const auto age = fields.max_age ? base::parse_u64(*fields.max_age) : std::nullopt;
  if (!age || fields.max_age->size() > 10) return base::fail(Code::invalid, "the policy's max_age is no number");
  policy.max_age = static_cast<std::uint32_t>(std::min<std::uint64_t>(*age, kMaxAge));
  policy.mx = std::move(fields.mx);
  if (policy.mx.empty() && policy.mode != StsMode::none) return base::fail(Code::invalid, "the policy names no mx");
  return policy;
}

bool allows(const StsPolicy& policy, std::string_view host) {
  const std::size_t dot = host.find('.');
  const std::string_view parent = dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
  return std::ranges::any_of(policy.mx, [&](const std::string& pattern) {
    // §4.1: a wildcard stands for exactly one label.
    if (pattern.starts_with("*.")) return !parent.empty() && base::iequals(parent, std::string_view(pattern).substr(2));
    return base::iequals(host, pattern);
  });
}

}  // namespace outbound
