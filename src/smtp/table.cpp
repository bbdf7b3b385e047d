#include "smtp/table.h"

#include "base/text.h"

namespace smtp {

const VerbRow* find_verb(std::string_view name, Service service) {
  for (const VerbRow& row : kVerbs) {
    if (!base::iequals(row.name, name)) continue;
    return row.submission_only && service != Service::submission ? nullptr : &row;
  }
  return nullptr;
}

std::string auth_mechanisms(const Offer& offer) {
  std::string names;
  for (const std::string_view name : offer.mechanisms) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  return names;
}

std::string extension_lines(const Offer& offer) {
  std::string lines;
  for (const ExtensionRow& row : kExtensions) {
    if (!row.shown(offer)) continue;
    if (!lines.empty()) lines += '\n';
    lines += row.keyword;
    if (row.parameter != nullptr) {
      lines += ' ';
      lines += row.parameter(offer);
    }
  }
  return lines;
}

std::string help_text(std::string_view verb, Service service) {
  if (!verb.empty()) {
    const VerbRow* row = find_verb(verb, service);
    if (row == nullptr) return {};
    return std::string(row->syntax) + "\n" + std::string(row->source);
  }
  std::string text = "Commands:";
  for (const VerbRow& row : kVerbs) {
    if (find_verb(row.name, service) == nullptr) continue;
    text += ' ';
    text += row.name;
  }
  return text + "\nHELP verb tells the syntax of one";
}

}  // namespace smtp
