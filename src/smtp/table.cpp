#include "smtp/table.h"

#include "base/text.h"
#include "smtp/parameters.h"

namespace smtp {

namespace {

std::uint8_t where(Service service) {
  switch (service) {
    case Service::mx:
      return kMx;
    case Service::submission:
      return kSubmission;
    case Service::lmtp:
      break;
  }
  return kLmtp;
}

/// "Parameters: …" for HELP.
template <class Row>
std::string parameter_line(std::span<const Row> rows) {
  std::string line = "Parameters:";
  for (const Row& row : rows) {
    line += ' ';
    line += row.syntax;
  }
  return line;
}

}  // namespace

const VerbRow* find_verb(std::string_view name, Service service) {
  for (const VerbRow& row : kVerbs) {
    if (!base::iequals(row.name, name)) continue;
    return (row.where & where(service)) != 0 ? &row : nullptr;
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

// RFC 4865 §3: the longest interval in seconds, and the latest time.
std::string hold_limits(const Offer& offer) {
  return std::to_string(offer.max_hold.count()) + " " + base::rfc3339_seconds(offer.hold_until);
}

// RFC 9422 §4: those that are enforced. There is none on domains.
std::string limits(const Offer& offer) {
  return "MAILMAX=" + std::to_string(offer.max_messages) + " RCPTMAX=" + std::to_string(offer.max_recipients);
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
    std::string text(row->syntax);
    if (row->handler == &Connection::mail) text += "\n" + parameter_line(mail_parameters());
    if (row->handler == &Connection::rcpt) text += "\n" + parameter_line(rcpt_parameters());
    return text + "\n" + std::string(row->source);
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
