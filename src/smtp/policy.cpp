#include "smtp/policy.h"

#include <algorithm>

#include "base/text.h"

namespace smtp {
namespace {

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label,
                             [](char c) { return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '_'; });
}

bool no_name(const Stranger& stranger) { return !is_domain(stranger.helo) && !address_literal(stranger.helo); }

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool our_name(const Stranger& stranger) {
  const net::Endpoints& ends = stranger.endpoints;
  // A program of this machine has the machine's name.
  if (net::is_loopback(ends.peer_address) || ends.peer_address == ends.local_address) return false;
  if (base::iequals(without_dot(stranger.helo), stranger.hostname)) return true;
  const auto literal = address_literal(stranger.helo);
  return literal && literal == base::Address::parse(ends.local_address);
}

bool foreign_literal(const Stranger& stranger) {
  const auto literal = address_literal(stranger.helo);
  return literal && literal != base::Address::parse(stranger.endpoints.peer_address);
}

constexpr Rule kRules[] = {
    {"hello_syntax", no_name, &Config::hello_syntax, reply::not_a_name},
    {"hello_own_name", our_name, &Config::hello_own_name, reply::not_your_name},
    {"hello_foreign_literal", foreign_literal, &Config::hello_foreign_literal, reply::not_your_address},
};

}  // namespace

std::span<const Rule> rules() { return kRules; }

const Rule* judge(const Stranger& stranger, const Config& config, std::vector<std::string_view>& noted) {
  for (const Rule& rule : kRules) {
    const Policy policy = config.*rule.policy;
    if (policy == Policy::ignore || !rule.broken(stranger)) continue;
    if (policy == Policy::refuse) return &rule;
    noted.push_back(rule.name);
  }
  return nullptr;
}

bool is_domain(std::string_view name) {
  name = without_dot(name);
  if (name.empty() || name.size() > 255) return false;
  return std::ranges::all_of(base::split(name, '.'), is_label);
}

std::optional<base::Address> address_literal(std::string_view name) {
  if (name.size() < 2 || name.front() != '[' || name.back() != ']') return std::nullopt;
  name = name.substr(1, name.size() - 2);
  const bool v6 = base::istarts_with(name, "IPv6:");
  if (v6) name.remove_prefix(5);
  // An IPv6 address without its tag is none, nor is an IPv4 address with it.
  if (v6 != name.contains(':')) return std::nullopt;
  return base::Address::parse(name);
}

}  // namespace smtp
