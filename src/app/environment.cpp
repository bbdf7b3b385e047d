// POSTRIDER_… variables: a setting for each, by one rule, for containers.
#include <algorithm>

#include "app/fields.h"
#include "app/nearest.h"
#include "app/statements.h"
#include "base/text.h"

namespace app {

namespace {

using Key = std::vector<std::string>;  // as a Statement's path

Key split_key(std::string_view key) {
  Key path;
  for (const std::string_view part : base::split(key, '.')) path.emplace_back(part);
  return path;
}

using Known = std::map<std::string, std::vector<Key>>;

const std::vector<std::string>& keys_of(const std::string& table) {
  return std::ranges::find(named_tables(), table, &NamedTable::name)->keys;
}

/// What each variable sets, for all keys that can be told beforehand.
Known known_variables(const std::vector<Key>& named) {
  Known known;
  for (const auto& field : settings()) known[variable_of(field.key)].push_back(split_key(field.key));
  for (const Key& table : named) {
    for (const std::string& key : keys_of(table[0])) {
      known[variable_of(table[0] + "." + table[1] + "." + key)].push_back({table[0], table[1], key});
    }
  }
  return known;
}

/// POSTRIDER_LISTENER_NAME_KEY for a listener that nothing else names.
std::optional<Key> in_new_table(const std::string& variable) {
  std::optional<Key> found;
  for (const NamedTable& table : named_tables()) {
    const std::string begin = variable_of(table.name) + "_";
    if (!variable.starts_with(begin)) continue;
    for (const std::string& key : table.keys) {
      const std::string end = "_" + base::upper(key);
      if (!variable.ends_with(end) || variable.size() <= begin.size() + end.size()) continue;
      const std::string name = variable.substr(begin.size(), variable.size() - begin.size() - end.size());
      // The longest key: …_PLAINTEXT_AUTH is no AUTH of a listener …_PLAINTEXT.
      if (!found || found->back().size() < key.size()) found = Key{table.name, base::lower(name), key};
    }
  }
  return found;
}

std::string unknown(const std::string& variable, const Known& known) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : known) names.push_back(name);
  const std::string near = nearest(variable, names);
  std::string text = "there is no such setting" + (near.empty() ? "" : "; the nearest known one is " + near);
  if (variable.starts_with("POSTRIDER_PORT") || variable.starts_with("POSTRIDER_SERVICE_")) {
    text += " (Kubernetes makes such variables for a service called postrider: set enableServiceLinks: false)";
  }
  return text;
}

}  // namespace

std::string variable_of(std::string_view key) {
  std::string name(kVariablePrefix);
  for (const char c : key) name += c == '.' || c == '-' ? '_' : base::ascii_upper(c);
  return name;
}

void read_environment(const Sources& sources, const std::vector<Key>& named, Statements& into) {
  const Known known = known_variables(named);
  for (auto entry = sources.environment.lower_bound(kVariablePrefix);
       entry != sources.environment.end() && entry->first.starts_with(kVariablePrefix); ++entry) {
    const Origin at{base::printable(entry->first, 100), 0};
    const auto found = known.find(entry->first);
    if (found != known.end() && found->second.size() > 1) {
      into.mistakes.push_back({at, "this may mean " + Statement{.path = found->second[0], .value = {}, .at = {}}.key() +
                                       " or " + Statement{.path = found->second[1], .value = {}, .at = {}}.key() +
                                       ": set it in a file"});
    } else if (found != known.end()) {
      into.all.push_back({.path = found->second[0], .value = Raw(entry->second), .at = at});
    } else if (auto path = in_new_table(entry->first)) {
      into.all.push_back({.path = *std::move(path), .value = Raw(entry->second), .at = at});
    } else {
      into.mistakes.push_back({at, unknown(entry->first, known)});
    }
  }
}

}  // namespace app
