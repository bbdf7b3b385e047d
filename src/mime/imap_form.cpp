#include "mime/imap_form.h"

#include <algorithm>

#include "mime/address.h"

namespace mime {
namespace {

void append_number(std::string& out, std::uint64_t number) { out += std::to_string(number); }

void append_quoted(std::string& out, std::string_view text) { append_imap_string(out, text, false); }

void append_nstring(std::string& out, std::string_view text) { append_imap_string(out, text, true); }

// RFC 9051 §9: body-fld-param.
void append_parameters(std::string& out, const std::vector<Parameter>& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  for (const Parameter& p : parameters) {
    out += before;
    before = ' ';
    append_quoted(out, p.extended ? p.name + '*' : p.name);
    out += ' ';
    append_quoted(out, p.value);
  }
  out += ')';
}

// RFC 9051 §9: body-fld-dsp, body-fld-lang and body-fld-loc, which both kinds of parts end with.
void append_extension(std::string& out, const Part& part) {
  if (part.disposition.empty()) {
    out += " NIL";
  } else {
    out += " (";
    append_quoted(out, part.disposition);
    out += ' ';
    append_parameters(out, part.disposition_parameters);
    out += ')';
  }
  if (part.languages.empty()) {
    out += " NIL ";
  } else {
    char before = '(';
    out += ' ';
    for (const std::string& language : part.languages) {
      out += before;
      before = ' ';
      append_quoted(out, language);
    }
    out += ") ";
  }
  append_nstring(out, part.location);
}

void append_address(std::string& out, const Address& a) {
  out += '(';
  append_nstring(out, a.name);
  out += ' ';
  append_nstring(out, a.route);
  out += ' ';
  // RFC 9051 §7.5.2: a host of NIL marks a group, and a mailbox of NIL its end; so neither may be NIL in an address.
  if (a.group_end) {
    out += "NIL";
  } else {
    append_quoted(out, a.local);
  }
  out += ' ';
  if (a.group_start || a.group_end) {
    out += "NIL";
  } else {
    append_quoted(out, a.domain);
  }
  out += ')';
}

std::string address_list(std::string_view body) {
  const std::vector<Address> list = addresses(body);
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const Address& a : list) append_address(out, a);
  return out + ")";
}

// RFC 9051 §9: media type and body-fields; what is shown differs from what is declared where the grammar demands it.
struct Shown {
  std::string_view type;
  std::string_view subtype;
  bool own_parameters = true;
};

Shown shown(const Part& part) {
  if (part.leaf() && part.multipart()) return {"text", "plain", false};
  if (part.leaf() && part.message()) return {"application", "octet-stream", false};
  return {part.type, part.subtype, true};
}

void append_body_fields(std::string& out, const Part& part, const Shown& as) {
  append_quoted(out, as.type);
  out += ' ';
  append_quoted(out, as.subtype);
  out += ' ';
  std::vector<Parameter> parameters;
  if (as.own_parameters) parameters = part.parameters;
  // RFC 2046 §4.1.2: the charset of text/plain that names none.
  if (as.type == "text" && as.subtype == "plain" &&
      std::ranges::find(parameters, "charset", &Parameter::name) == parameters.end()) {
    parameters.push_back({.name = "charset", .value = "us-ascii"});
  }
  append_parameters(out, parameters);
  out += ' ';
  append_nstring(out, part.id);
  out += ' ';
  append_nstring(out, part.description);
  out += ' ';
  append_quoted(out, part.encoding);
  out += ' ';
  append_number(out, part.end - part.body_begin);
}

// Walks the tree along its links, writing what stands before a part's children when it comes down and what stands
// behind them when it goes up.
class BodyWriter {
 public:
  BodyWriter(const Message& message, bool extended) : parts_(message.parts), message_(message), extended_(extended) {}

  std::string write(std::uint32_t root) {
    std::uint32_t at = root;
    // Each part is entered once and left once; links that say otherwise are not followed for ever.
    for (std::size_t steps = 0; at < parts_.size() && steps < parts_.size(); ++steps) {
      enter(parts_[at]);
      if (parts_[at].first_child < parts_.size()) {
        at = parts_[at].first_child;
        continue;
      }
      while (at < parts_.size()) {
        leave(parts_[at]);
        if (at == root) return std::move(out_);
        if (parts_[at].next_sibling < parts_.size()) {
          at = parts_[at].next_sibling;
          break;
        }
        at = parts_[at].parent;
      }
    }
    return std::move(out_);
  }

 private:
  void enter(const Part& part) {
    out_ += '(';
    if (part.multipart() && !part.leaf()) return;
    const Shown as = shown(part);
    append_body_fields(out_, part, as);
    if (part.message() && !part.leaf()) {
      const Part& child = parts_[part.first_child];
      out_ += ' ';
      out_ += imap_envelope(child.envelope ? message_.envelopes[*child.envelope] : EnvelopeFields{});
      out_ += ' ';
    } else if (as.type == "text") {
      out_ += ' ';
      append_number(out_, part.lines);
    }
  }

  void leave(const Part& part) {
    if (part.multipart() && !part.leaf()) {
      out_ += ' ';
      append_quoted(out_, part.subtype);
      if (extended_) {
        out_ += ' ';
        append_parameters(out_, part.parameters);
        append_extension(out_, part);
      }
    } else {
      if (part.message() && !part.leaf()) {
        out_ += ' ';
        append_number(out_, part.lines);
      }
      if (extended_) {
        out_ += ' ';
        append_nstring(out_, part.md5);
        append_extension(out_, part);
      }
    }
    out_ += ')';
  }

  const std::vector<Part>& parts_;
  const Message& message_;
  bool extended_;
  std::string out_;
};

}  // namespace

void append_imap_string(std::string& out, std::string_view text, bool nil_if_empty) {
  if (text.empty()) {
    out += nil_if_empty ? "NIL" : "\"\"";
    return;
  }
  const bool literal = std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c < 0 || c > 126; });
  if (literal) {
    out += '{';
    append_number(out, text.size());
    out += "}\r\n";
  } else {
    out += '"';
  }
  for (const char c : text) {
    if (!literal && (c == '"' || c == '\\')) out += '\\';
    out += c == '\0' ? '?' : c;
  }
  if (!literal) out += '"';
}

std::string imap_envelope(const EnvelopeFields& fields) {
  const std::string from = address_list(fields.from);
  // RFC 9051 §7.5.2: the client is not expected to know that an absent sender or reply-to is the author.
  auto or_from = [&](const std::string& body) {
    std::string list = address_list(body);
    return list == "NIL" ? from : list;
  };
  std::string out = "(";
  append_nstring(out, fields.date);
  out += ' ';
  append_nstring(out, fields.subject);
  out += ' ' + from + ' ' + or_from(fields.sender) + ' ' + or_from(fields.reply_to);
  for (const std::string* body : {&fields.to, &fields.cc, &fields.bcc}) out += ' ' + address_list(*body);
  out += ' ';
  append_nstring(out, fields.in_reply_to);
  out += ' ';
  append_nstring(out, fields.message_id);
  return out + ')';
}

std::string imap_body(const Message& message, bool extended, std::uint32_t root) {
  return BodyWriter(message, extended).write(root);
}

}  // namespace mime
