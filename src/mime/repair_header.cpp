#include "mime/repair_header.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "mime/address.h"
#include "mime/content.h"
#include "mime/header.h"
#include "mime/header_writer.h"
#include "mime/repair.h"

namespace mime {
namespace {

constexpr std::size_t kFoldAt = 900;          // of a line that is too long, where there is a blank
constexpr std::size_t kLongestText = 15'000;  // that HeaderWriter does not cut
constexpr std::size_t kMaxAddresses = 1000;
constexpr std::size_t kLongestBoundary = 60;  // that HeaderWriter writes in one piece

constexpr std::array<std::string_view, 13> kAddressFields{
    "from",       "sender",          "reply-to",        "to",        "cc",
    "bcc",        "resent-from",     "resent-sender",   "resent-to", "resent-cc",
    "resent-bcc", "resent-reply-to", "mail-followup-to"};
// Fields whose 8-bit bytes have no place where an encoded word could stand, or are evidence.
constexpr std::array<std::string_view, 18> kStructured{
    "date",           "resent-date", "message-id",       "resent-message-id", "in-reply-to",
    "references",     "received",    "return-path",      "mime-version",      "content-transfer-encoding",
    "content-id",     "content-md5", "content-language", "content-location",  "authentication-results",
    "dkim-signature", "list-id",     "list-unsubscribe"};

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::ranges::any_of(names, [&](std::string_view each) { return base::iequals(name, each); });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 127 && !std::string_view("()<>@,;:\\\"/[]?=").contains(c);
  });
}

/// RFC 2045 §6.1's names, or what says nothing: then the bytes are what is in them.
bool says_nothing(std::string_view charset) {
  return charset.empty() || base::iequals(charset, "us-ascii") || base::iequals(charset, "ascii") ||
         base::iequals(charset, "ansi_x3.4-1968");
}

/// Whether HeaderWriter can write them so that the field still means the same.
bool can_write(const std::vector<Parameter>& parameters) {
  return std::ranges::all_of(parameters, [](const Parameter& p) {
    const bool whole = p.name != "boundary" || (p.value.size() <= kLongestBoundary && !has_eight_bit(p.value));
    return is_token(p.name) && !p.name.contains('*') && whole && p.value.size() < 900;
  });
}

std::string write_value(std::string_view name, const std::string& token, std::vector<Parameter> parameters,
                        std::string_view likely) {
  for (Parameter& p : parameters) {
    if (has_eight_bit(p.value)) p.value = decode_text(p.value, likely);
  }
  HeaderWriter writer;
  writer.value(name, token, parameters);
  return writer.block();
}

std::string boundary_of(const std::vector<Parameter>& parameters) {
  const auto found = std::ranges::find(parameters, std::string_view("boundary"), &Parameter::name);
  return found == parameters.end() ? std::string() : found->value;
}

/// Whether a field that was written is read with this value, and this boundary.
bool means(std::string_view name, std::string_view written, std::string_view token, std::string_view boundary) {
  const std::string_view body = written.substr(name.size() + 1);
  ContentType content;
  if (!base::iequals(name, "Content-Type")) return parse_disposition(body, content.parameters) == token;
  return parse_content_type(body, content) && content.type + '/' + content.subtype == token &&
         boundary_of(content.parameters) == boundary;
}

std::optional<std::string> fix_parameters(const Field& field, std::string_view likely) {
  ContentType content;
  std::string token;
  if (base::iequals(field.name, "Content-Type")) {
    if (!parse_content_type(field.body, content) || !is_token(content.type) || !is_token(content.subtype)) {
      return std::nullopt;
    }
    token = content.type + '/' + content.subtype;
  } else {
    token = parse_disposition(field.body, content.parameters);
    if (!is_token(token)) return std::nullopt;
  }
  if (!can_write(content.parameters)) return std::nullopt;
  const std::string boundary = boundary_of(content.parameters);
  std::string written = write_value(field.name, token, std::move(content.parameters), likely);
  return means(field.name, written, token, boundary) ? std::optional(std::move(written)) : std::nullopt;
}

std::optional<std::string> fix_addresses(const Field& field, std::string_view likely) {
  std::vector<Address> list = addresses(field.body, kMaxAddresses + 1);
  if (list.empty() || list.size() > kMaxAddresses) return std::nullopt;
  for (Address& address : list) {
    address.name = decode_text(address.name, likely);
    if (address.group_start) address.local = decode_text(address.local, likely);
  }
  HeaderWriter writer;
  if (!writer.addresses(field.name, list)) return std::nullopt;
  return writer.block();
}

std::optional<std::string> fix_text(const Field& field, std::string_view likely) {
  if (field.body.size() > kLongestText) return std::nullopt;
  const std::string text = decode_text(field.body, likely);
  if (text.size() > kLongestText) return std::nullopt;
  HeaderWriter writer;
  writer.text(field.name, text);
  return writer.block();
}

/// Line ends put before blanks; nothing when there is a line that has none in the right place.
std::optional<std::string> fold(std::string_view raw) {
  std::string out;
  std::size_t line = 0;  // where the line under way begins in `out`
  std::size_t fold = 0;  // where in it the last blank stands that can begin a line; 0: nowhere
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    const bool between = base::is_space(c) && i > 0 && !base::is_space(raw[i - 1]) && raw[i - 1] != '\n' &&
                         i + 1 < raw.size() && raw[i + 1] > ' ';
    if (between) fold = out.size();
    out += c;
    if (c == '\n') {
      line = out.size();
      fold = 0;
    } else if (out.size() - line > kFoldAt && fold > line) {
      out.insert(fold, "\r\n");
      line = fold + 2;
      fold = 0;
    }
  }
  return has_long_line(out) ? std::nullopt : std::optional(std::move(out));
}

std::string fix_field(const Field& field, const HeaderEdit& edit, std::string_view likely) {
  const bool eight_bit = has_eight_bit(field.raw) && !(edit.keep_utf8 && base::valid_utf8(field.raw));
  const bool too_long = has_long_line(field.raw);
  if ((!eight_bit && !too_long) || !is_token(field.name)) return std::string(field.raw);
  std::optional<std::string> fixed;
  if (eight_bit) {
    if (base::iequals(field.name, "Content-Type") || base::iequals(field.name, "Content-Disposition")) {
      fixed = fix_parameters(field, likely);
    } else if (is_one_of(field.name, kAddressFields)) {
      fixed = fix_addresses(field, likely);
    } else if (!is_one_of(field.name, kStructured)) {
      fixed = fix_text(field, likely);
    }
  }
  if (!fixed && too_long) {
    fixed = fold(field.raw);
    const bool structured = is_one_of(field.name, kStructured) || is_one_of(field.name, kAddressFields) ||
                            base::istarts_with(field.name, "content-");
    if (!fixed && !structured) fixed = fix_text(field, likely);
  }
  return fixed ? *std::move(fixed) : std::string(field.raw);
}

/// Content-Type with another charset; nothing when it cannot be written so.
std::optional<std::string> with_charset(const Field& field, const std::string& charset, std::string_view likely) {
  ContentType content;
  // RFC 2045 §5.2: what cannot be read is this.
  if (!parse_content_type(field.body, content)) return "Content-Type: text/plain; charset=" + charset + "\r\n";
  if (!is_token(content.subtype)) return std::nullopt;
  const auto declared = std::ranges::find(content.parameters, std::string_view("charset"), &Parameter::name);
  if (declared == content.parameters.end() && !has_eight_bit(field.raw) && !has_long_line(field.raw)) {
    // Rather added than written anew: programs look at such a field in their own ways.
    std::string_view body = base::trim(field.body);
    while (body.ends_with(';')) body = base::trim(body.substr(0, body.size() - 1));
    const std::string longer = std::string(body) + ";\r\n\tcharset=" + charset;
    ContentType again;
    if (parse_content_type(longer, again) && again.subtype == content.subtype &&
        std::ranges::any_of(again.parameters,
                            [&](const Parameter& p) { return p.name == "charset" && p.value == charset; })) {
      return std::string(field.name) + ": " + longer + "\r\n";
    }
  }
  std::erase_if(content.parameters, [](const Parameter& p) { return p.name == "charset"; });
  if (!can_write(content.parameters)) return std::nullopt;
  content.parameters.insert(content.parameters.begin(), Parameter{.name = "charset", .value = charset});
  const std::string token = "text/" + content.subtype;
  const std::string boundary = boundary_of(content.parameters);
  std::string written = write_value("Content-Type", token, std::move(content.parameters), likely);
  return means("Content-Type", written, token, boundary) ? std::optional(std::move(written)) : std::nullopt;
}

}  // namespace

bool has_eight_bit(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c & 0x80) != 0; });
}

bool has_long_line(std::string_view text) {
  LongLines lines;
  lines.feed(text);
  return lines.found();
}

HeaderFacts look_at_header(std::string_view block, std::size_t max_fields) {
  HeaderFacts facts;
  const auto all = fields(block, max_fields);
  facts.odd = all.size() >= max_fields;
  for (const Field& field : all) {
    if (base::iequals(field.name, "DKIM-Signature") || base::iequals(field.name, "ARC-Seal")) facts.is_signed = true;
  }
  if (const Field* encoding = find(all, "Content-Transfer-Encoding")) facts.encoding = parse_token(encoding->body);
  ContentType content;
  const Field* type = find(all, "Content-Type");
  if (type == nullptr || !parse_content_type(type->body, content)) return facts;
  facts.type = content.type;
  facts.subtype = content.subtype;
  for (const Parameter& p : content.parameters) {
    if (p.name == "charset" && facts.charset.empty() && !says_nothing(p.value)) facts.charset = p.value;
    if (p.name == "boundary" && has_eight_bit(p.value)) facts.odd = true;
  }
  return facts;
}

std::string edit_header(std::string_view block, const HeaderEdit& edit) {
  const auto all = fields(block, block.size() + 1);
  const std::string likely = likely_charset(all);
  std::string out(all.empty() ? std::string_view()
                              : block.substr(0, static_cast<std::size_t>(all[0].raw.data() - block.data())));
  bool encoding = false;
  bool type = false;
  bool version = false;
  std::size_t end = out.size();
  for (const Field& field : all) {
    end = static_cast<std::size_t>(field.raw.data() - block.data()) + field.raw.size();
    version = version || base::iequals(field.name, "MIME-Version");
    if (edit.encoding && base::iequals(field.name, "Content-Transfer-Encoding")) {
      // One that stands there once more would contradict it.
      if (!std::exchange(encoding, true)) out += "Content-Transfer-Encoding: " + *edit.encoding + "\r\n";
    } else if (edit.charset && !type && base::iequals(field.name, "Content-Type")) {
      const auto named = with_charset(field, *edit.charset, likely);
      out += named ? *named : fix_field(field, edit, likely);
      type = true;
    } else {
      out += fix_field(field, edit, likely);
      type = type || base::iequals(field.name, "Content-Type");
    }
  }
  std::string added;
  // RFC 2045 §4: without it the others mean nothing.
  if ((edit.encoding || edit.charset) && edit.is_message && !version) added += "MIME-Version: 1.0\r\n";
  if (edit.charset && !type) added += "Content-Type: text/plain; charset=" + *edit.charset + "\r\n";
  if (edit.encoding && !encoding) added += "Content-Transfer-Encoding: " + *edit.encoding + "\r\n";
  if (!added.empty() && !out.empty() && !out.ends_with('\n')) out += "\r\n";
  out += added;
  out += block.substr(end);
  // A header that is cut off by a delimiter: the line end that is the delimiter's must not become a blank line.
  if (!block.empty() && !block.ends_with('\n') && out.ends_with("\r\n")) out.resize(out.size() - 2);
  return out;
}

}  // namespace mime
