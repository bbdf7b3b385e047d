// Kinds of values that say which way mail goes.
#include <algorithm>

#include "app/values.h"
#include "base/network.h"
#include "base/text.h"
#include "imap/server_entries.h"

namespace app {

namespace {

base::Result<outbound::RouteHost> host_of(const std::string& text) {
  const auto bad = [&text] {
    return base::fail(base::Code::invalid,
                      "must be hosts such as \"relay.example.net:587\", not \"" + base::printable(text, 80) + "\"");
  };
  outbound::RouteHost host{.name = {}, .port = 0, .path = {}};
  if (text.starts_with('/')) {
    host.path = text;
    return host;
  }
  std::string_view name = text;
  std::string_view port;
  if (name.starts_with('[')) {
    const std::size_t end = name.find(']');
    if (end == std::string_view::npos) return bad();
    port = name.substr(end + 1);
    name = name.substr(1, end - 1);
    if (!port.empty() && !port.starts_with(':')) return bad();
  } else if (std::ranges::count(name, ':') == 1) {
    port = name.substr(name.find(':'));
    name = name.substr(0, name.find(':'));
  }
  if (!port.empty()) {
    const auto number = base::parse_u64(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return bad();
    host.port = static_cast<std::uint16_t>(*number);
  }
  if (const auto address = base::canonical_address(name)) {
    host.name = *address;
  } else if (const auto known = parse_hostname(name)) {
    host.name = *known;
  } else if (base::iequals(name, "localhost")) {
    host.name = "localhost";
  } else {
    return bad();
  }
  return host;
}

}  // namespace

base::Result<std::vector<std::chrono::seconds>> Durations::parse(const Raw& raw) {
  std::vector<std::chrono::seconds> durations;
  TRY_ASSIGN(const auto texts, parse_texts(raw, "a duration or a list of them"));
  if (texts.empty()) return base::fail(base::Code::invalid, "must name at least one duration");
  for (const std::string& text : texts) {
    TRY_ASSIGN(const auto one, parse_duration(Raw(text), std::chrono::seconds(10), std::chrono::hours(7 * 24)));
    durations.push_back(one);
  }
  return durations;
}

std::string Durations::print(const type& value) {
  std::vector<std::string> texts;
  for (const auto one : value) texts.push_back(print_seconds(one));
  return toml_list(texts);
}

base::Result<std::vector<outbound::RouteHost>> RouteHosts::parse(const Raw& raw) {
  TRY_ASSIGN(const auto texts, parse_texts(raw, "a host or a list of them"));
  type hosts;
  for (const std::string& text : texts) {
    TRY_ASSIGN(auto host, host_of(text));
    hosts.push_back(std::move(host));
  }
  return hosts;
}

std::string RouteHosts::print(const type& value) {
  std::vector<std::string> texts;
  for (const outbound::RouteHost& host : value) {
    const std::string name = host.name.contains(':') ? "[" + host.name + "]" : host.name;
    const std::string port = host.port == 0 ? "" : ":" + std::to_string(host.port);
    texts.push_back(host.path.empty() ? name + port : host.path);
  }
  return toml_list(texts);
}

base::Result<std::vector<std::string>> Command::parse(const Raw& raw) {
  type command;
  if (const auto* list = std::get_if<type>(&raw)) command = *list;
  if (const auto* path = std::get_if<std::string>(&raw); path != nullptr && !path->empty()) command = {*path};
  const bool right = command.empty() || (command[0].starts_with('/') && command[0].find('{') == std::string::npos);
  if (!right || std::holds_alternative<std::int64_t>(raw) || std::holds_alternative<bool>(raw)) {
    return base::fail(base::Code::invalid, "must be a list: the path of a program, from the root, and its arguments");
  }
  TRY(outbound::check_command(command));
  return command;
}

base::Result<std::vector<delivery::Rewrite>> Rewrites::parse(const Raw& raw) {
  type rules;
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw); list && list->empty()) return rules;
  TRY_ASSIGN(const auto texts, parse_texts(raw, "PATTERN=ADDRESS or a list of such"));
  for (const std::string& text : texts) {
    TRY_ASSIGN(auto rule, delivery::parse_rewrite(text));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string Rewrites::print(const type& value) {
  std::vector<std::string> texts;
  for (const delivery::Rewrite& rule : value) texts.push_back(delivery::print(rule));
  return toml_list(texts);
}

base::Result<std::vector<mailstore::Annotation>> ServerEntries::parse(const Raw& raw) {
  type entries;
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw); list && list->empty()) return entries;
  TRY_ASSIGN(const auto texts, parse_texts(raw, "\"/shared/… = value\" or a list of such"));
  for (const std::string& text : texts) {
    TRY_ASSIGN(auto entry, imap::parse_server_entry(text));
    if (std::ranges::any_of(entries, [&](const auto& each) { return base::iequals(each.name, entry.name); })) {
      return base::fail(base::Code::invalid, "must name " + base::printable(entry.name, 80) + " once");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string ServerEntries::print(const type& value) {
  std::vector<std::string> texts;
  for (const auto& [name, text] : value) texts.push_back(name + " = " + text);
  return toml_list(texts);
}

base::Result<std::vector<std::string>> MailDomains::parse(const Raw& raw) {
  TRY_ASSIGN(auto texts, parse_texts(raw, "a domain or a list of them"));
  for (std::string& text : texts) {
    if (text == "*") continue;
    if (text.starts_with("*.")) text.erase(0, 1);
    const bool below = text.starts_with('.');
    const auto domain = directory::normalize_domain(std::string_view(text).substr(below ? 1 : 0));
    if (!domain) return base::fail(base::Code::invalid, "must be mail domains: " + domain.error().text);
    text = (below ? "." : "") + *domain;
  }
  return texts;
}

base::Result<std::vector<std::string>> MailAddresses::parse(const Raw& raw) {
  TRY_ASSIGN(auto texts, parse_texts(raw, "an address or a list of them"));
  for (std::string& text : texts) {
    const auto address = directory::normalize_address(text);
    if (!address) return base::fail(base::Code::invalid, "must be mail addresses: " + address.error().text);
    text = *address;
  }
  return texts;
}

}  // namespace app
