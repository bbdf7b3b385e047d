// What the parser reads from messages, for tests that compare it with other parsers. Standard input: messages, each
// behind a line with its size; standard output: a line of JSON for each. Bytes that may be any are in base64.

#include <boost/json.hpp>
#include <iostream>
#include <string>

#include "base/text.h"
#include "mime/address.h"
#include "mime/date.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/message.h"
#include "mime/text.h"

namespace {

namespace json = boost::json;

json::object parameters(const std::vector<mime::Parameter>& list) {
  json::object out;
  for (const mime::Parameter& p : list) out[p.name] = base::base64_encode(p.value);
  return out;
}

json::array mailboxes(std::string_view body) {
  json::array out;
  for (const mime::Address& a : mime::addresses(body)) {
    if (a.group_start || a.group_end) continue;
    out.push_back(json::array{mime::decode_text(a.name), base::base64_encode(a.local), base::base64_encode(a.domain)});
  }
  return out;
}

json::object describe(const mime::Message& message, const mime::Part& part, std::string_view bytes) {
  json::object out{{"type", part.type + "/" + part.subtype},
                   {"parent", part.parent == mime::kNoPart ? -1 : static_cast<std::int64_t>(part.parent)},
                   {"parameters", parameters(part.parameters)},
                   {"disposition", part.disposition},
                   {"disposition_parameters", parameters(part.disposition_parameters)}};
  if (!part.leaf()) return out;
  const std::string_view raw = bytes.substr(part.body_begin, part.end - part.body_begin);
  out["body"] = base::base64_encode(mime::decode_transfer(raw, part.encoding));
  if (part.type != "text" || part.subtype == "html") return out;
  mime::PartText text(message, part);
  std::string utf8;
  text.feed(raw, utf8);
  text.finish(utf8);
  out["text"] = utf8;
  return out;
}

json::object describe(std::string_view bytes) {
  const mime::Message message = mime::parse(bytes);
  const mime::EnvelopeFields& fields = message.envelopes[0];
  json::object out{
      {"subject", mime::decode_text(fields.subject)}, {"from", mailboxes(fields.from)}, {"to", mailboxes(fields.to)}};
  const auto date = mime::parse_date(fields.date);
  out["date"] = date ? json::value(date->unix_seconds) : json::value(nullptr);
  json::array parts;
  for (const mime::Part& part : message.parts) parts.push_back(describe(message, part, bytes));
  out["parts"] = std::move(parts);
  return out;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto size = base::parse_u64(line);
    if (!size || *size > (1U << 30U)) return 2;
    std::string bytes(*size, '\0');
    if (!std::cin.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return 2;
    std::cout << json::serialize(describe(bytes)) << '\n';
  }
  return 0;
}
