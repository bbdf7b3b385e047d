#include "mime/header.h"

#include "base/text.h"
#include "mime/content.h"
#include "mime/lexer.h"

namespace mime {

std::vector<Field> fields(std::string_view block, std::size_t limit) {
  std::vector<Field> out;
  std::size_t begin = 0;  // of the field under way
  auto end_field = [&](std::size_t end) {
    if (out.empty()) return;
    Field& field = out.back();
    field.raw = block.substr(begin, end - begin);
    const std::size_t body = static_cast<std::size_t>(field.body.data() - block.data());
    field.body = block.substr(body, end - body);
    if (field.body.ends_with('\n')) field.body.remove_suffix(1);
    if (field.body.ends_with('\r')) field.body.remove_suffix(1);
  };
  std::size_t at = 0;
  while (at < block.size()) {
    const std::size_t lf = block.find('\n', at);
    const std::size_t next = lf == std::string_view::npos ? block.size() : lf + 1;
    std::string_view line = block.substr(at, (lf == std::string_view::npos ? next : lf) - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    FieldLine field;
    if (!base::is_space(line.front()) && split_field(line, field)) {
      end_field(at);
      begin = at;
      if (out.size() == limit) return out;
      out.push_back({.name = field.name, .body = field.body, .raw = {}});
    }
    at = next;
  }
  end_field(at);
  return out;
}

const Field* find(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (base::iequals(field.name, name)) return &field;
  }
  return nullptr;
}

std::string unfold(std::string_view body) {
  body = base::trim(body);
  std::string out;
  out.reserve(body.size());
  bool line_end = false;
  for (const char c : body) {
    if (c == '\r' || c == '\n') {
      line_end = true;
      continue;
    }
    // A line that was taken into the field without white space before it (see fields()) is no part of its last word.
    if (line_end && !base::is_space(c)) out += ' ';
    line_end = false;
    out += c;
  }
  return out;
}

std::string likely_charset(const std::vector<Field>& fields) {
  const Field* field = find(fields, "Content-Type");
  ContentType type;
  if (!field || !parse_content_type(field->body, type)) return {};
  for (Parameter& p : type.parameters) {
    if (p.name == "charset") return std::move(p.value);
  }
  return {};
}

}  // namespace mime
