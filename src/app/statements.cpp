#include "app/statements.h"

#include <toml++/toml.h>

#include "base/text.h"

namespace app {

namespace {

int line(const toml::source_region& region) { return static_cast<int>(region.begin.line); }

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

/// One file's tree on its way into the list.
class Walk {
 public:
  Walk(const std::string& file, Statements& into) : file_(file), into_(into) {}

  void table(const toml::table& table, const std::vector<std::string>& above) {
    for (const auto& [key, node] : table) {
      std::vector<std::string> path = above;
      path.emplace_back(key.str());
      const toml::table* inner = node.as_table();
      if (!inner) {
        add({.path = path, .value = raw(path, node), .at = {file_, line(node.source())}});
        continue;
      }
      const bool deepest = path.size() == 3;
      add({.path = path, .value = Other{"a table"}, .table = !deepest, .at = {file_, line(key.source())}});
      if (!deepest) this->table(*inner, path);
    }
  }

 private:
  void add(Statement statement) { into_.all.push_back(std::move(statement)); }

  std::optional<Raw> raw(const std::vector<std::string>& path, const toml::node& node) {
    if (const auto* text = node.as_string()) return Raw(text->get());
    if (const auto* number = node.as_integer()) return Raw(number->get());
    if (const auto* boolean = node.as_boolean()) return Raw(boolean->get());
    const toml::array* array = node.as_array();
    if (!array) return Raw(Other{kind(node)});
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
      if (!element.is_string()) {
        into_.mistakes.push_back({{file_, line(element.source())},
                                  Statement{.path = path, .value = {}, .at = {}}.key() +
                                      " must be a list of texts; this element is " + kind(element)});
        return std::nullopt;
      }
      list.push_back(element.as_string()->get());
    }
    return Raw(std::move(list));
  }

  const std::string& file_;
  Statements& into_;
};

}  // namespace

std::string Statement::key() const {
  std::string out;
  for (const std::string& part : path) out += (out.empty() ? "" : ".") + base::printable(part, 60);
  return out;
}

void read_toml(std::string_view toml, const std::string& file, Statements& into) {
  try {
    const toml::table root = toml::parse(toml);
    Walk(file, into).table(root, {});
  } catch (const toml::parse_error& error) {
    into.complete = false;
    into.mistakes.push_back({{file, line(error.source())}, "not TOML: " + std::string(error.description())});
  }
}

}  // namespace app
