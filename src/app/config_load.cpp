// From statements to a Config and a list of mistakes, through the field table.
#include <algorithm>
#include <map>
#include <set>

#include "app/checks.h"
#include "app/fields.h"
#include "app/nearest.h"
#include "app/statements.h"
#include "base/text.h"

namespace app {

namespace {

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const auto& field : settings()) keys.emplace_back(field.key);
  return keys;
}

std::vector<std::string> known_tables() {
  std::vector<std::string> tables;
  for (const NamedTable& table : named_tables()) tables.push_back(table.name);
  for (const std::string& key : known_keys()) {
    const std::string table = key.substr(0, key.find('.'));
    if (table.size() < key.size() && !has(tables, table)) tables.push_back(table);
  }
  return tables;
}

bool is_named(const std::string& table) {
  return std::ranges::find(named_tables(), table, &NamedTable::name) != named_tables().end();
}

bool is_table_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && std::ranges::all_of(name, [](char c) {
    return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '_';
  });
}

const Field<Config>* find_setting(const std::string& key) {
  const auto found = std::ranges::find_if(settings(), [&](const auto& field) { return field.key == key; });
  return found == settings().end() ? nullptr : &*found;
}

class Loader {
 public:
  Loader(Config base, const Sources& sources) : tables_(known_tables()), sources_(sources) {
    out_.config = std::move(base);
    // What a reference reads is watched like the file that holds it.
    sources_.file = [this, file = sources.file](const std::string& path, std::size_t limit) {
      out_.inputs.add_file(path);
      return file(path, limit);
    };
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  void load(std::string_view toml, const std::string& file);
  Loaded finish();

 private:
  void take(const Statement& statement);
  void take_table(const Statement& statement);
  void take_named(const Statement& statement);
  void make_listener(const Statement& statement);
  void make_certificate(const std::string& name);
  void make_route(const std::string& name);
  template <class Owner>
  void take_named_setting(std::vector<Owner>& owners, std::span<const Field<Owner>> fields, const Statement& statement);
  template <class Owner>
  void apply(const Field<Owner>& field, Owner& owner, const Statement& statement);
  std::optional<Raw> expanded(const Statement& statement);
  std::vector<std::vector<std::string>> named() const;
  const Statement* last(const std::vector<std::string>& path) const;

  void unknown(const Statement& statement, std::span<const std::string> known);
  void mistake(const Origin& at, std::string text) { out_.mistakes.push_back({at, std::move(text)}); }

  const std::vector<std::string> tables_;
  Sources sources_;
  Statements statements_;
  Loaded out_;
  std::set<std::string> broken_;  // keys that have a mistake already: what depends on them is not complained of
};

void Loader::load(std::string_view toml, const std::string& file) {
  read_with_includes(toml, file, sources_, statements_);
  const Inputs references = std::exchange(out_.inputs, statements_.inputs);
  for (const std::string& path : references.files) out_.inputs.add_file(path);
  if (std::ranges::none_of(named(), [](const auto& path) { return path[0] == "listener"; })) {
    out_.config.listeners = standard_listeners();
  }
  read_environment(sources_, named(), statements_);
  for (const Statement& statement : statements_.all) take(statement);
  std::ranges::move(statements_.mistakes, std::back_inserter(out_.mistakes));
  // What a file that is no TOML would have said is anybody's guess.
  if (statements_.complete) check_whole(out_, broken_);
}

/// {"listener", NAME} and its like, for what the base has and what the files name.
std::vector<std::vector<std::string>> Loader::named() const {
  std::vector<std::vector<std::string>> paths;
  for (const Listener& listener : out_.config.listeners) paths.push_back({"listener", listener.name});
  for (const NamedCertificate& certificate : out_.config.certificates)
    paths.push_back({"certificate", certificate.name});
  for (const queue::Route& route : out_.config.delivery.queue.routes) paths.push_back({"route", route.name});
  for (const Statement& statement : statements_.all) {
    const bool names = statement.table && statement.path.size() == 2 && is_named(statement.path[0]);
    if (names && std::ranges::find(paths, statement.path) == paths.end()) paths.push_back(statement.path);
  }
  return paths;
}

const Statement* Loader::last(const std::vector<std::string>& path) const {
  const Statement* found = nullptr;
  for (const Statement& statement : statements_.all) {
    if (statement.path == path) found = &statement;
  }
  return found;
}

void Loader::take(const Statement& statement) {
  const auto& path = statement.path;
  if (is_named(path[0]) && path.size() == 2) {
    take_named(statement);
  } else if (path[0] == "listener" && path.size() == 3) {
    take_named_setting(out_.config.listeners, listener_settings(), statement);
  } else if (path[0] == "certificate" && path.size() == 3) {
    take_named_setting(out_.config.certificates, certificate_settings(), statement);
  } else if (path[0] == "route" && path.size() == 3) {
    take_named_setting(out_.config.delivery.queue.routes, route_settings(), statement);
  } else if (path.size() == 1 && statement.table) {
    take_table(statement);
  } else if (path.size() == 1 && has(tables_, path[0])) {
    mistake(statement.at, path[0] + " is a table: write [" + path[0] + (is_named(path[0]) ? ".NAME]" : "]") +
                              " and its settings below");
  } else if (path.size() < 3 && (path.size() == 1 || has(tables_, path[0]))) {
    // What is deeper, or in a table that does not exist, was told of with the table.
    if (const Field<Config>* field = find_setting(statement.key())) {
      apply(*field, out_.config, statement);
    } else {
      unknown(statement, known_keys());
    }
  }
}

void Loader::take_table(const Statement& statement) {
  const std::string& name = statement.path[0];
  if (has(tables_, name)) return;
  if (find_setting(name)) {
    mistake(statement.at, name + " must be a value, not a table");
  } else {
    const std::string near = nearest(name, tables_);
    mistake(statement.at, "unknown table [" + base::printable(name, 60) + "]" +
                              (near.empty() ? "" : "; the nearest known one is [" + near + "]"));
  }
}

/// [listener.NAME]
void Loader::take_named(const Statement& statement) {
  const std::string& kind = statement.path[0];
  const std::string prefix = statement.key();
  if (!statement.table) {
    mistake(statement.at,
            prefix + " is a table: write [" + prefix + "] and its settings below, or [" + kind + ".NAME] above");
  } else if (!is_table_name(statement.path[1])) {
    mistake(statement.at, prefix + ": a " + kind + "'s name is at most 40 letters, digits, \"-\" and \"_\"");
  } else {
    out_.origins[prefix] = statement.at;
    if (kind == "listener") {
      make_listener(statement);
    } else if (kind == "certificate") {
      make_certificate(statement.path[1]);
    } else {
      make_route(statement.path[1]);
    }
  }
}

void Loader::make_certificate(const std::string& name) {
  auto& certificates = out_.config.certificates;
  if (std::ranges::find(certificates, name, &NamedCertificate::name) == certificates.end())
    certificates.push_back({.name = name, .files = {}, .domains = {}});
}

void Loader::make_route(const std::string& name) {
  auto& routes = out_.config.delivery.queue.routes;
  if (std::ranges::find(routes, name, &queue::Route::name) != routes.end()) return;
  queue::Route route;
  route.name = name;
  routes.push_back(std::move(route));
}

void Loader::make_listener(const Statement& statement) {
  const std::string& name = statement.path[1];
  auto& listeners = out_.config.listeners;
  if (std::ranges::find(listeners, name, &Listener::name) != listeners.end()) return;
  // The protocol comes first, wherever it is given: the other defaults follow from it.
  Protocol protocol = Protocol::smtp;
  if (const Statement* given = last({"listener", name, "protocol"}); !given) {
    mistake(statement.at, statement.key() + " needs a protocol: smtp, submission, submissions, imap, imaps or lmtp");
    broken_.insert(statement.key());
  } else if (const auto* word = given->value ? std::get_if<std::string>(&*given->value) : nullptr) {
    protocol = Choice<Protocol>::parse(expand(*word, sources_).value_or("")).value_or(protocol);
  }
  listeners.push_back(Listener::standard(name, protocol));
}

template <class Owner>
void Loader::take_named_setting(std::vector<Owner>& owners, std::span<const Field<Owner>> fields,
                                const Statement& statement) {
  const std::string& name = statement.path[1];
  const std::string prefix = statement.path[0] + "." + name;
  const auto find = [&] { return std::ranges::find(owners, name, &Owner::name); };
  if (find() == owners.end()) {
    if (statement.at.line > 0) return;  // its table was no good, which was told
    take_named({.path = {statement.path[0], name}, .value = Other{"a table"}, .table = true, .at = statement.at});
    if (find() == owners.end()) return;
  }
  const auto field = std::ranges::find_if(fields, [&](const auto& f) { return f.key == statement.path[2]; });
  if (field == fields.end()) {
    std::vector<std::string> known;
    for (const auto& f : fields) known.push_back(prefix + "." + f.key);
    unknown(statement, known);
    return;
  }
  apply(*field, *find(), statement);
  if (broken_.contains(statement.key())) broken_.insert(prefix);
}

template <class Owner>
void Loader::apply(const Field<Owner>& field, Owner& owner, const Statement& statement) {
  const std::string key = statement.key();
  out_.origins[key] = statement.at;
  const auto value = expanded(statement);
  if (!value) {
    broken_.insert(key);
  } else if (const auto done = field.set(owner, *value); !done) {
    broken_.insert(key);
    mistake(statement.at, key + " " + done.error().text);
  }
}

/// Nothing when the value cannot be one of a setting; the mistake is noted.
std::optional<Raw> Loader::expanded(const Statement& statement) {
  if (!statement.value) return std::nullopt;
  Raw value = *statement.value;
  const auto expand_one = [&](std::string& text) {
    auto whole = expand(text, sources_);
    if (whole) {
      text = *std::move(whole);
    } else {
      mistake(statement.at, statement.key() + ": " + whole.error().text);
    }
    return whole.has_value();
  };
  if (auto* text = std::get_if<std::string>(&value)) {
    if (!expand_one(*text)) return std::nullopt;
  } else if (auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (std::string& element : *list) {
      if (!expand_one(element)) return std::nullopt;
    }
  }
  return value;
}

void Loader::unknown(const Statement& statement, std::span<const std::string> known) {
  const std::string near = nearest(statement.key(), known);
  mistake(statement.at, "unknown key " + statement.key() + (near.empty() ? "" : "; the nearest known one is " + near));
}

Loaded Loader::finish() {
  // By file in the order of reading, then by line; those of one line as they were found. The environment comes last.
  const auto& files = out_.inputs.files;
  std::multimap<std::pair<std::ptrdiff_t, int>, Mistake> ordered;
  for (Mistake& found : out_.mistakes) {
    const auto file = std::ranges::find(files, found.at.file) - files.begin();
    const std::pair at(file, found.at.line);
    ordered.emplace(at, std::move(found));
  }
  out_.mistakes.clear();
  for (auto& [at, found] : ordered) out_.mistakes.push_back(std::move(found));
  out_.config.settle();
  return std::move(out_);
}

}  // namespace

Loaded load(std::string_view toml, const std::string& file, Config base, const Sources& sources) {
  Loader loader(std::move(base), sources);
  loader.load(toml, file);
  return loader.finish();
}

Loaded load_file(const std::string& file, Config base, const Sources& sources) {
  const auto text = sources.file(file, kMaxConfigFile);
  if (text) return load(*text, file, std::move(base), sources);
  Loaded loaded{.config = std::move(base), .mistakes = {{{file, 0}, text.error().text}}, .origins = {}, .inputs = {}};
  loaded.inputs.add_file(file);
  return loaded;
}

}  // namespace app
