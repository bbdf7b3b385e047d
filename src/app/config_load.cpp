// The TOML parser's side of the configuration: from text to a Config and a list of mistakes, through the field table.
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/fields.h"
#include "app/nearest.h"
#include "base/text.h"

namespace app {

namespace {

class Loader {
 public:
  Loader(Config base, const Sources& sources) : sources_(sources) { out_.config = std::move(base); }

  void load(std::string_view toml);
  Loaded finish();

 private:
  void take_table(const std::string& name, const toml::table& table, int line);
  void take_setting(const std::string& key, const toml::node& node);
  using TakeNamed = void (Loader::*)(const std::string& name, const toml::table& table, int line);
  void take_named(const std::string& kind, const toml::table& tables, TakeNamed take);
  void take_listener(const std::string& name, const toml::table& table, int line);
  void take_certificate(const std::string& name, const toml::table& table, int line);
  template <class Owner>
  void take_fields(const std::string& prefix, std::span<const Field<Owner>> fields, Owner& owner,
                   const toml::table& table);
  template <class Owner>
  void apply(const Field<Owner>& field, Owner& owner, const std::string& key, const toml::node& node);
  /// Nothing when the value cannot be one of a setting; the mistake is noted.
  std::optional<Raw> raw(const std::string& key, const toml::node& node);
  std::optional<std::string> text(const std::string& key, const toml::node& node);

  void check_whole();
  void check_listener(const Listener& listener);
  void check_certificates();
  void unknown(const std::string& key, int line, std::span<const std::string> known);
  void mistake(int line, std::string text) { out_.mistakes.push_back({line, std::move(text)}); }
  /// The line where a key was set, or 0; for mistakes between settings.
  int line_of(const std::string& key) const {
    const auto found = lines_.find(key);
    return found == lines_.end() ? 0 : found->second;
  }

  const Sources& sources_;
  Loaded out_;
  std::map<std::string, int> lines_;
  std::set<std::string> broken_;  // keys that have a mistake already: what depends on them is not complained of
};

int line(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string kind(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a broken number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const auto& field : settings()) keys.emplace_back(field.key);
  return keys;
}

std::vector<std::string> known_tables() {
  std::vector<std::string> tables{"listener", "certificate"};
  for (const std::string& key : known_keys()) {
    const std::string table = key.substr(0, key.find('.'));
    if (table.size() < key.size() && !has(tables, table)) tables.push_back(table);
  }
  return tables;
}

/// Tables of tables that the operator names.
bool is_named(const std::string& table) { return table == "listener" || table == "certificate"; }

const Field<Config>* find_setting(const std::string& key) {
  const auto found = std::ranges::find_if(settings(), [&](const auto& field) { return field.key == key; });
  return found == settings().end() ? nullptr : &*found;
}

void Loader::load(std::string_view toml) {
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    mistake(static_cast<int>(error.source().begin.line), "not TOML: " + std::string(error.description()));
    return;
  }
  const auto tables = known_tables();
  for (const auto& [key_node, node] : root) {
    const std::string key(key_node.str());
    const bool table_name = has(tables, key);
    if (const toml::table* table = node.as_table()) {
      take_table(key, *table, static_cast<int>(key_node.source().begin.line));
    } else if (table_name) {
      mistake(line(node),
              key + " is a table: write [" + key + (is_named(key) ? ".NAME]" : "]") + " and its settings below");
    } else {
      take_setting(key, node);
    }
  }
  check_whole();
}

void Loader::take_table(const std::string& name, const toml::table& table, int at) {
  const auto tables = known_tables();
  if (name == "listener") {
    take_named(name, table, &Loader::take_listener);
  } else if (name == "certificate") {
    take_named(name, table, &Loader::take_certificate);
  } else if (has(tables, name)) {
    for (const auto& [key, node] : table) take_setting(name + "." + std::string(key.str()), node);
  } else if (find_setting(name)) {
    mistake(at, name + " must be a value, not a table");
  } else {
    const std::string near = nearest(name, tables);
    mistake(at, "unknown table [" + base::printable(name, 60) + "]" +
                    (near.empty() ? "" : "; the nearest known one is [" + near + "]"));
  }
}

void Loader::take_setting(const std::string& key, const toml::node& node) {
  const Field<Config>* field = find_setting(key);
  if (!field) {
    unknown(key, line(node), known_keys());
    return;
  }
  apply(*field, out_.config, key, node);
}

void Loader::take_named(const std::string& kind, const toml::table& tables, TakeNamed take) {
  for (const auto& [key, node] : tables) {
    const std::string name(key.str());
    const std::string prefix = kind + "." + base::printable(name, 60);
    const toml::table* table = node.as_table();
    if (!table) {
      mistake(line(node),
              prefix + " is a table: write [" + prefix + "] and its settings below, or [" + kind + ".NAME] above");
      continue;
    }
    const int at = static_cast<int>(key.source().begin.line);
    if (name.empty() || name.size() > 40 || !std::ranges::all_of(name, [](char c) {
          return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '_';
        })) {
      mistake(at, prefix + ": a " + kind + "'s name is at most 40 letters, digits, \"-\" and \"_\"");
      continue;
    }
    lines_[prefix] = at;
    (this->*take)(name, *table, at);
  }
}

void Loader::take_certificate(const std::string& name, const toml::table& table, int at) {
  const std::string prefix = "certificate." + name;
  auto& certificates = out_.config.certificates;
  auto found = std::ranges::find(certificates, name, &NamedCertificate::name);
  if (found == certificates.end())
    found = certificates.insert(certificates.end(), {.name = name, .files = {}, .domains = {}});
  take_fields(prefix, certificate_settings(), *found, table);
  if (found->files.certificate.empty() && !broken_.contains(prefix)) {
    mistake(at, prefix + " needs a certificate: the file, or a directory that holds it and its key");
  }
}

void Loader::take_listener(const std::string& name, const toml::table& table, int at) {
  const std::string prefix = "listener." + name;
  auto& listeners = out_.config.listeners;
  auto found = std::ranges::find(listeners, name, &Listener::name);
  if (found == listeners.end()) {
    // The protocol comes first: the other defaults follow from it.
    Protocol protocol = Protocol::smtp;
    const toml::node* node = table.get("protocol");
    if (!node) {
      mistake(at, prefix + " needs a protocol: smtp, submission, submissions, imap or imaps");
    } else if (const auto value = node->value<std::string>()) {
      protocol = Choice<Protocol>::parse(expand(*value, sources_).value_or("")).value_or(protocol);
    }
    if (!node) broken_.insert(prefix);
    found = listeners.insert(listeners.end(), Listener::standard(name, protocol));
  }
  take_fields(prefix, listener_settings(), *found, table);
}

template <class Owner>
void Loader::take_fields(const std::string& prefix, std::span<const Field<Owner>> fields, Owner& owner,
                         const toml::table& table) {
  std::vector<std::string> known;
  for (const auto& field : fields) known.push_back(prefix + "." + field.key);
  for (const auto& [key_node, node] : table) {
    const std::string key(key_node.str());
    const auto field = std::ranges::find_if(fields, [&](const auto& f) { return f.key == key; });
    if (field == fields.end()) {
      unknown(prefix + "." + key, line(node), known);
    } else {
      apply(*field, owner, prefix + "." + key, node);
      if (broken_.contains(prefix + "." + key)) broken_.insert(prefix);
    }
  }
}

template <class Owner>
void Loader::apply(const Field<Owner>& field, Owner& owner, const std::string& key, const toml::node& node) {
  lines_[key] = line(node);
  const auto value = raw(key, node);
  if (!value) {
    broken_.insert(key);
  } else if (const auto done = field.set(owner, *value); !done) {
    broken_.insert(key);
    mistake(line(node), key + " " + done.error().text);
  }
}

std::optional<std::string> Loader::text(const std::string& key, const toml::node& node) {
  auto expanded = expand(std::string_view(node.as_string()->get()), sources_);
  if (!expanded) {
    mistake(line(node), key + ": " + expanded.error().text);
    return std::nullopt;
  }
  return *std::move(expanded);
}

std::optional<Raw> Loader::raw(const std::string& key, const toml::node& node) {
  if (node.is_string()) {
    auto value = text(key, node);
    return value ? std::optional<Raw>(*std::move(value)) : std::nullopt;
  }
  if (const auto* number = node.as_integer()) return Raw(number->get());
  if (const auto* boolean = node.as_boolean()) return Raw(boolean->get());
  const toml::array* array = node.as_array();
  if (!array) return Raw(Other{kind(node)});
  std::vector<std::string> list;
  for (const toml::node& element : *array) {
    if (!element.is_string()) {
      mistake(line(element), key + " must be a list of texts; this element is " + kind(element));
      return std::nullopt;
    }
    auto value = text(key, element);
    if (!value) return std::nullopt;
    list.push_back(*std::move(value));
  }
  return Raw(std::move(list));
}

void Loader::unknown(const std::string& key, int at, std::span<const std::string> known) {
  const std::string near = nearest(key, known);
  mistake(at, "unknown key " + base::printable(key, 100) + (near.empty() ? "" : "; the nearest known one is " + near));
}

/// What is wrong between settings that are fine by themselves.
void Loader::check_whole() {
  Config& config = out_.config;
  if (config.hostname.empty() && !broken_.contains("hostname")) {
    config.hostname = machine_hostname();
    if (config.hostname.empty()) {
      mistake(0, "hostname is not set, and the machine's own name has no domain: set hostname = \"mail.example.org\"");
    }
  }
  if (config.data_dir.empty() && !broken_.contains("data_dir"))
    mistake(line_of("data_dir"), "data_dir must not be empty");
  check_certificates();
  if (config.mailbox_quota_bytes != 0 && config.mailbox_quota_bytes < config.max_message_bytes) {
    mistake(line_of("limits.mailbox_quota"), "limits.mailbox_quota is smaller than limits.message_size (" +
                                                 print_bytes(config.max_message_bytes) +
                                                 "): such a message could never be delivered");
  }
  if (config.connections.connections_per_address > config.connections.connections) {
    // A default that a lower limit for all has overtaken is no mistake of the operator.
    if (line_of("limits.connections_per_address") == 0) {
      config.connections.connections_per_address = config.connections.connections;
    } else {
      mistake(line_of("limits.connections_per_address"),
              "limits.connections_per_address is greater than limits.connections (" +
                  std::to_string(config.connections.connections) + ")");
    }
  }
  if (config.listeners.empty()) config.listeners = standard_listeners();
  std::map<std::pair<std::string, std::uint16_t>, std::string> taken;
  for (const Listener& listener : config.listeners) {
    if (broken_.contains("listener." + listener.name)) continue;
    check_listener(listener);
    for (const std::string& address : listener.addresses) {
      const auto [other, added] = taken.try_emplace({address, listener.port}, listener.name);
      if (added) continue;
      mistake(line_of("listener." + listener.name), "listener." + listener.name + " and listener." + other->second +
                                                        " both want " + address + " port " +
                                                        std::to_string(listener.port));
    }
  }
}

void Loader::check_certificates() {
  // Without a key the certificate is a directory that holds both: whether it is one is seen when it is read.
  const TlsFiles& files = out_.config.tls;
  if (files.certificate.empty() && !files.key.empty() && !broken_.contains("tls.certificate")) {
    mistake(line_of("tls.key"), "tls.key is given without tls.certificate");
  }
}

void Loader::check_listener(const Listener& listener) {
  const std::string key = "listener." + listener.name;
  if (!listener.certificate.empty() && std::ranges::find(out_.config.certificates, listener.certificate,
                                                         &NamedCertificate::name) == out_.config.certificates.end()) {
    mistake(line_of(key + ".certificate"),
            key + ".certificate: there is no [certificate." + base::printable(listener.certificate, 60) + "]");
  }
  if (!listener.client_ca.empty() && (listener.tls == TlsMode::none || listener.protocol == Protocol::smtp)) {
    mistake(line_of(key + ".client_ca"), key + ".client_ca is for listeners where users log in over TLS");
  }
  const bool implicit = listener.protocol == Protocol::submissions || listener.protocol == Protocol::imaps;
  if (implicit && listener.tls != TlsMode::implicit) {
    mistake(line_of(key + ".tls"), key + ".tls: " + Choice<Protocol>::word(listener.protocol) +
                                       " begins with TLS; for \"starttls\" or \"none\" the protocol is " +
                                       (listener.protocol == Protocol::imaps ? "imap" : "submission"));
  }
  if (listener.protocol == Protocol::smtp && listener.tls == TlsMode::implicit) {
    mistake(line_of(key + ".tls"), key + ".tls: smtp has no implicit TLS; use \"starttls\" or \"none\"");
  }
  if (listener.plaintext_auth && listener.trusted.empty()) {
    mistake(line_of(key + ".plaintext_auth"),
            key + ".plaintext_auth is for hosts of trusted networks, and " + key + ".trusted names none");
  }
}

Loaded Loader::finish() {
  // By line; those of one line as they were found.
  std::multimap<int, Mistake> ordered;
  for (Mistake& found : out_.mistakes) ordered.emplace(found.line, std::move(found));
  out_.mistakes.clear();
  for (auto& [at, found] : ordered) out_.mistakes.push_back(std::move(found));
  out_.config.settle();
  return std::move(out_);
}

}  // namespace

Loaded load(std::string_view toml, Config base, const Sources& sources) {
  Loader loader(std::move(base), sources);
  loader.load(toml);
  return loader.finish();
}

}  // namespace app
