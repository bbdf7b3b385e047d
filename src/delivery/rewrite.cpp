#include "delivery/rewrite.h"

#include <array>

#include "base/text.h"
#include "directory/directory.h"
#include "mailstore/mailstore.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/header_writer.h"

namespace delivery {
namespace {

constexpr std::size_t kMaxAddresses = 1000;  // of one field; a longer one stays as it is

constexpr std::array kFields{"From",
                             "Sender",
                             "Reply-To",
                             "Resent-From",
                             "Resent-Sender",
                             "Resent-Reply-To",
                             "Errors-To",
                             "Return-Receipt-To",
                             "Disposition-Notification-To"};

std::unexpected<base::Error> malformed(std::string_view text) {
  return base::fail(base::Code::invalid,
                    "must be as \"*@*.example.org=*@example.org\", \"old@example.org=new@example.org\" or "
                    "\"root@*=\", not \"" +
                        base::printable(text, 80) + "\"");
}

std::string normal_domain(std::string_view domain) {
  auto normalized = directory::normalize_domain(domain);
  return normalized ? *std::move(normalized) : base::lower(domain);
}

/// An address, either part of which may be "*"; `below`: the domain may be "*.example.org".
bool take_pattern(std::string_view text, bool below, std::string& local, std::string& domain) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return false;
  local = text.substr(0, at);
  std::string_view rest = text.substr(at + 1);
  mime::AddrSpec spec;
  if (local != "*" && !mime::parse_addr_spec(local + "@x.example", spec)) return false;
  if (local != "*") local = spec.local;
  if (rest == "*") {
    domain = "*";
    return true;
  }
  const bool is_below = below && rest.starts_with("*.");
  const auto normalized = directory::normalize_domain(is_below ? rest.substr(2) : rest);
  if (!normalized) return false;
  domain = (is_below ? "." : "") + *normalized;
  return true;
}

const Rewrite* rule_for(const std::vector<Rewrite>& rules, std::string_view local, std::string_view domain) {
  const std::string lower = base::lower(local);
  const std::string normal = normal_domain(domain);
  for (const Rewrite& rule : rules) {
    if (rule.local != "*" && rule.local != lower) continue;
    const bool fits =
        rule.domain == "*" || rule.domain == normal || (rule.domain.starts_with('.') && normal.ends_with(rule.domain));
    if (fits) return &rule;
  }
  return nullptr;
}

/// False: it stays.
bool rewrite(const std::vector<Rewrite>& rules, std::string& local, std::string& domain) {
  const Rewrite* rule = rule_for(rules, local, domain);
  if (rule == nullptr || rule->keeps) return false;
  const std::string new_local = rule->to_local == "*" ? local : rule->to_local;
  const std::string new_domain = rule->to_domain == "*" ? domain : rule->to_domain;
  if (new_local == local && new_domain == domain) return false;
  local = new_local;
  domain = new_domain;
  return true;
}

/// The field written anew; nothing when it stays.
std::optional<std::string> rewritten_field(const std::vector<Rewrite>& rules, const mime::Field& field) {
  std::vector<mime::Address> list = mime::addresses(field.body, kMaxAddresses + 1);
  if (list.size() > kMaxAddresses) return std::nullopt;
  bool changed = false;
  for (mime::Address& address : list) {
    address.name = mime::decode_text(address.name);
    if (address.group_start) address.local = mime::decode_text(address.local);
    if (address.group_start || address.group_end || address.domain.empty()) continue;
    changed = rewrite(rules, address.local, address.domain) || changed;
  }
  mime::HeaderWriter writer;
  if (!changed || !writer.addresses(field.name, list)) return std::nullopt;
  return writer.block();
}

}  // namespace

base::Result<Rewrite> parse_rewrite(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t equals = at == std::string_view::npos ? at : text.find('=', at);
  if (equals == std::string_view::npos) return malformed(text);
  Rewrite rule;
  if (!take_pattern(base::trim(text.substr(0, equals)), true, rule.local, rule.domain)) return malformed(text);
  rule.local = base::lower(rule.local);
  const std::string_view target = base::trim(text.substr(equals + 1));
  rule.keeps = target.empty();
  if (!rule.keeps && !take_pattern(target, false, rule.to_local, rule.to_domain)) return malformed(text);
  return rule;
}

std::string print(const Rewrite& rule) {
  const auto local = [](const std::string& text) {
    if (text == "*") return text;
    const std::string whole = mime::format({.local = text, .domain = "x"});
    return whole.substr(0, whole.size() - 2);
  };
  const std::string pattern = local(rule.local) + "@" + (rule.domain.starts_with('.') ? "*" : "") + rule.domain + "=";
  return rule.keeps ? pattern : pattern + local(rule.to_local) + "@" + rule.to_domain;
}

std::optional<std::string> rewritten(const std::vector<Rewrite>& rules, std::string_view address) {
  mime::AddrSpec spec;
  if (rules.empty() || !mime::parse_addr_spec(address, spec)) return std::nullopt;
  if (!rewrite(rules, spec.local, spec.domain)) return std::nullopt;
  return mime::format(spec);
}

std::optional<std::string> rewritten_header(const std::vector<Rewrite>& rules, std::string_view header) {
  if (rules.empty()) return std::nullopt;
  std::string out;
  std::size_t copied = 0;
  for (const mime::Field& field : mime::fields(header, mailstore::kParseLimits.fields)) {
    if (std::ranges::none_of(kFields, [&](const char* name) { return base::iequals(field.name, name); })) continue;
    const auto anew = rewritten_field(rules, field);
    if (!anew) continue;
    const auto begin = static_cast<std::size_t>(field.raw.data() - header.data());
    out += header.substr(copied, begin - copied);
    out += *anew;
    copied = begin + field.raw.size();
  }
  if (copied == 0) return std::nullopt;
  out += header.substr(copied);
  return out;
}

}  // namespace delivery
