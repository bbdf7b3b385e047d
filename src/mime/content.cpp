#include "mime/content.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "mime/charset.h"
#include "mime/lexer.h"

namespace mime {
namespace {

// RFC 2045 §5.1: token and its tspecials.
bool ends_token(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == 127 ||
         std::string_view("()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos;
}

// One "name=value" as written, its name taken apart by RFC 2231 §3 and §4: base["*" section]["*"].
struct RawParameter {
  std::string base;
  std::optional<std::uint32_t> section;
  bool encoded = false;
  std::string value;
};

RawParameter raw_parameter(std::string name, std::string value) {
  RawParameter out{.base = std::move(name), .section = {}, .encoded = false, .value = std::move(value)};
  if (out.base.ends_with('*')) {
    out.encoded = true;
    out.base.pop_back();
  }
  const std::size_t star = out.base.rfind('*');
  if (star == std::string::npos) return out;
  out.section = base::parse_u32(std::string_view(out.base).substr(star + 1));
  if (out.section) out.base.resize(star);
  return out;
}

// The value of a parameter: a quoted string, or what stands up to the semicolon. Unquoted file names with spaces are
// common; a comment after the value is not part of it (RFC 2045 §5.1 has such an example).
std::string parameter_value(Lexer& in) {
  in.skip_cfws();
  if (in.peek() == '"') {
    std::string value = in.quoted_string();
    in.until([](char c) { return c == ';'; });
    return value;
  }
  std::string value;
  while (!in.done() && in.peek() != ';') {
    value += in.until([](char c) { return c == ';' || is_blank(c); });
    std::string blanks(in.until([](char c) { return !is_blank(c); }));
    std::erase_if(blanks, [](char c) { return c == '\r' || c == '\n'; });
    if (in.peek() == '(') in.comment();
    value += blanks;
  }
  return std::string(base::trim(value));
}

std::vector<RawParameter> raw_parameters(Lexer& in) {
  std::vector<RawParameter> out;
  while (!in.done() && out.size() < kParameters) {
    in.until([](char c) { return c == ';'; });
    in.take(';');
    in.skip_cfws();
    std::string name = base::lower(in.until(ends_token));
    in.skip_cfws();
    if (name.empty() || !in.take('=')) continue;
    out.push_back(raw_parameter(std::move(name), parameter_value(in)));
  }
  return out;
}

int hex_value(char c) {
  if (base::is_digit(c)) return c - '0';
  c = base::ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void append_percent_decoded(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
}

// Joins the sections of one parameter, which are in order. The bytes of all are put together before the charset is
// looked at, because a character may be cut by a section's end.
Parameter join(const std::string& name, const std::vector<RawParameter*>& sections) {
  Parameter out{.name = name, .value = {}, .extended = false};
  std::string charset;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::string_view value = sections[i]->value;
    if (!sections[i]->encoded) {
      out.value += value;
      continue;
    }
    if (i == 0) {  // RFC 2231 §4: charset'language'text, in the first section only
      out.extended = true;
      const std::size_t first = value.find('\'');
      const std::size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
      if (second != std::string_view::npos) {
        charset = value.substr(0, first);
        value.remove_prefix(second + 1);
      }
    }
    append_percent_decoded(out.value, value);
  }
  if (out.extended) out.value = to_utf8(out.value, charset);
  return out;
}

struct Group {
  std::size_t order = 0;
  RawParameter* plain = nullptr;     // name=
  RawParameter* extended = nullptr;  // name*=
  std::map<std::uint32_t, RawParameter*> sections;
};

std::vector<Parameter> parameters(Lexer& in) {
  std::vector<RawParameter> raw = raw_parameters(in);
  std::map<std::string, Group> groups;
  for (RawParameter& p : raw) {
    Group& group = groups.try_emplace(p.base, Group{.order = groups.size()}).first->second;
    if (p.section) {
      group.sections.try_emplace(*p.section, &p);
    } else {
      RawParameter*& slot = p.encoded ? group.extended : group.plain;
      if (!slot) slot = &p;
    }
  }
  std::vector<Parameter> out(groups.size());
  for (const auto& [name, group] : groups) {
    // What says more wins: name*= over name*0=, and that over the plain one that is there for old readers.
    std::vector<RawParameter*> sections;
    if (group.extended) {
      sections.push_back(group.extended);
    } else if (group.sections.contains(0)) {
      for (std::uint32_t i = 0; group.sections.contains(i); ++i) sections.push_back(group.sections.at(i));
    } else if (group.plain) {
      sections.push_back(group.plain);
    }
    if (!sections.empty()) out[group.order] = join(name, sections);
  }
  std::erase_if(out, [](const Parameter& p) { return p.name.empty(); });
  return out;
}

}  // namespace

bool parse_content_type(std::string_view body, ContentType& out) {
  Lexer in(body);
  in.skip_cfws();
  std::string type = base::lower(in.until(ends_token));
  in.skip_cfws();
  if (type.empty() || !in.take('/')) return false;
  in.skip_cfws();
  std::string subtype = base::lower(in.until(ends_token));
  if (subtype.empty()) return false;
  out = {std::move(type), std::move(subtype), parameters(in)};
  return true;
}

std::string parse_disposition(std::string_view body, std::vector<Parameter>& out) {
  Lexer in(body);
  in.skip_cfws();
  std::string disposition = base::lower(in.until(ends_token));
  if (!disposition.empty()) out = parameters(in);
  return disposition;
}

std::string parse_token(std::string_view body) {
  Lexer in(body);
  in.skip_cfws();
  return base::lower(in.until(ends_token));
}

std::vector<std::string> parse_languages(std::string_view body) {
  std::vector<std::string> out;
  Lexer in(body);
  while (!in.done() && out.size() < kParameters) {
    in.skip_cfws();
    const std::string_view tag = in.until(ends_token);
    if (!tag.empty()) out.emplace_back(tag);
    in.until([](char c) { return c == ','; });
    in.take(',');
  }
  return out;
}

}  // namespace mime
