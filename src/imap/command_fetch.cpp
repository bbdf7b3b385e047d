// FETCH and its sections (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxItems = 200;  // body items of one FETCH
constexpr std::size_t kMaxDepth = 100;  // numbers of a section
constexpr std::size_t kMaxFields = 500;

constexpr std::pair<std::string_view, std::uint16_t> kItems[] = {
    {"UID", kFetchUid},           {"FLAGS", kFetchFlags},       {"INTERNALDATE", kFetchDate},
    {"RFC822.SIZE", kFetchSize},  {"ENVELOPE", kFetchEnvelope}, {"BODYSTRUCTURE", kFetchBodyStructure},
    {"MODSEQ", kFetchModSeq},     {"EMAILID", kFetchEmailId},   {"THREADID", kFetchThreadId},
    {"SAVEDATE", kFetchSaveDate},
};
constexpr std::pair<std::string_view, std::uint16_t> kMacros[] = {
    {"ALL", kFetchFlags | kFetchDate | kFetchSize | kFetchEnvelope},
    {"FAST", kFetchFlags | kFetchDate | kFetchSize},
    {"FULL", kFetchFlags | kFetchDate | kFetchSize | kFetchEnvelope | kFetchBody},
};

base::Result<void> take_fields(Cursor& in, Section& section) {
  if (!in.space() || !in.take('(')) return syntax("A list of header fields is missing");
  do {
    auto name = in.astring();
    // A field's name is printable ASCII without a colon (RFC 5322 §2.2); another one could only break the answer.
    if (!name || name->empty() || !std::ranges::all_of(*name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; })) {
      return syntax("The name of a header field is malformed");
    }
    if (section.fields.size() == kMaxFields) return syntax("There are too many header fields");
    section.fields.push_back(std::move(*name));
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return {};
}

// From behind "[" to "]".
base::Result<void> take_section(Cursor& in, Section& section, bool binary) {
  if (in.take(']')) return {};
  bool dot = true;
  while (dot && base::is_digit(in.peek())) {
    const auto number = in.nz_number();
    if (!number || section.part.size() == kMaxDepth) return syntax("A part number is malformed");
    section.part.push_back(*number);
    dot = in.take('.');
  }
  if (!dot) return in.take(']') ? base::Result<void>() : syntax("A closing bracket is missing");
  if (binary) return syntax("BINARY knows part numbers only");
  if (in.word("HEADER.FIELDS.NOT")) {
    section.text = Section::Text::fields_not;
    TRY(take_fields(in, section));
  } else if (in.word("HEADER.FIELDS")) {
    section.text = Section::Text::fields;
    TRY(take_fields(in, section));
  } else if (in.prefix("HEADER]")) {
    section.text = Section::Text::header;
    return {};
  } else if (in.prefix("TEXT]")) {
    section.text = Section::Text::text;
    return {};
  } else if (!section.part.empty() && in.prefix("MIME]")) {
    section.text = Section::Text::mime;
    return {};
  } else {
    return syntax("A section is malformed");
  }
  return in.take(']') ? base::Result<void>() : syntax("A closing bracket is missing");
}

base::Result<void> take_partial(Cursor& in, BodyItem& item) {
  if (!in.take('<')) return {};
  const auto offset = in.number64();
  const auto length = offset && in.take('.') ? in.number64() : std::nullopt;
  if (!length || *length == 0 || !in.take('>')) return syntax("A partial range is malformed");
  item.partial = BodyItem::Partial{*offset, *length};
  return {};
}

bool take_body_kind(Cursor& in, BodyItem& item) {
  struct Form {
    std::string_view word;
    BodyItem::Kind kind;
    bool peek;
  };
  static constexpr Form kForms[] = {
      {"BODY[", BodyItem::Kind::body, false},
      {"BODY.PEEK[", BodyItem::Kind::body, true},
      {"BINARY[", BodyItem::Kind::binary, false},
      {"BINARY.PEEK[", BodyItem::Kind::binary, true},
      {"BINARY.SIZE[", BodyItem::Kind::binary_size, true},
  };
  for (const Form& form : kForms) {
    if (in.prefix(form.word)) {
      item.kind = form.kind;
      item.peek = form.peek;
      return true;
    }
  }
  return false;
}

// RFC 3501 §6.4.5: the forms that came before BODY[…].
bool take_rfc822(Cursor& in, BodyItem& item) {
  if (in.word("RFC822")) {
    item.kind = BodyItem::Kind::rfc822;
  } else if (in.word("RFC822.HEADER")) {
    item.kind = BodyItem::Kind::rfc822_header;
    item.peek = true;
    item.section.text = Section::Text::header;
  } else if (in.word("RFC822.TEXT")) {
    item.kind = BodyItem::Kind::rfc822_text;
    item.section.text = Section::Text::text;
  } else {
    return false;
  }
  return true;
}

// RFC 8970 §6. Asked for twice, it is what was asked without LAZY.
base::Result<void> take_preview(Cursor& in, Fetch& out) {
  Cursor behind = in;
  if (!behind.space() || !behind.take('(')) {
    out.items |= kFetchPreview;
    return {};
  }
  in = behind;
  do {
    if (!in.word("LAZY")) return syntax("PREVIEW has the modifier LAZY and no other");
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  out.items |= kFetchLazyPreview;
  return {};
}

base::Result<void> take_item(Cursor& in, Fetch& out) {
  if (in.word("PREVIEW")) return take_preview(in, out);
  for (const auto& [word, bit] : kItems) {
    if (in.word(word)) {
      out.items |= bit;
      return {};
    }
  }
  BodyItem item;
  if (take_body_kind(in, item)) {
    const bool binary = item.kind != BodyItem::Kind::body;
    TRY(take_section(in, item.section, binary));
    if (item.kind != BodyItem::Kind::binary_size) TRY(take_partial(in, item));
  } else if (in.word("BODY")) {
    out.items |= kFetchBody;
    return {};
  } else if (!take_rfc822(in, item)) {
    return syntax("There is no data item " + base::printable(in.atom(), 40));
  }
  if (out.bodies.size() == kMaxItems) return syntax("There are more than 200 body sections");
  out.bodies.push_back(std::move(item));
  return {};
}

base::Result<void> take_items(Cursor& in, Fetch& out) {
  for (const auto& [word, bits] : kMacros) {
    if (in.word(word)) {
      out.items = bits;
      return {};
    }
  }
  if (!in.take('(')) return take_item(in, out);
  do {
    TRY(take_item(in, out));
  } while (in.space());
  return in.take(')') ? base::Result<void>() : syntax("A closing parenthesis is missing");
}

// RFC 4466 §2.4, RFC 7162 §3.1.4.1, §3.2.6, RFC 9394 §3.3. Which of them may stand together is for the handler to say.
base::Result<void> take_modifiers(Cursor& in, Fetch& out) {
  if (!in.take('(')) return syntax("A list of modifiers was expected");
  do {
    if (in.word("CHANGEDSINCE")) {
      TRY_ASSIGN(out.changed_since, take_modseq(in, false));
    } else if (!out.partial && in.word("PARTIAL")) {
      TRY_ASSIGN(out.partial, take_partial_range(in));
    } else if (in.word("VANISHED")) {
      out.vanished = true;
    } else {
      return syntax("There is no modifier " + base::printable(in.atom(), 40));
    }
  } while (in.space());
  return in.take(')') ? base::Result<void>() : syntax("A closing parenthesis is missing");
}

}  // namespace

base::Result<void> take_fetch_items(Cursor& in, Fetch& out) {
  if (!in.take('(')) return syntax("A list of data items is missing");
  do {
    TRY(take_item(in, out));
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  for (BodyItem& item : out.bodies) item.peek = true;
  return {};
}

base::Result<Section> parse_section(std::string_view text) {
  const std::string closed = std::string(text) + "]";
  Cursor in(closed);
  Section out;
  TRY(take_section(in, out, false));
  if (!in.done()) return syntax("A section is malformed");
  return out;
}

base::Result<Arguments> parse_fetch(Cursor& in) {
  Fetch out;
  auto set = in.space() ? take_sequence_set(in) : std::nullopt;
  if (!set || !in.space()) return syntax("The sequence set is malformed");
  out.set = std::move(*set);
  TRY(take_items(in, out));
  if (in.space()) TRY(take_modifiers(in, out));
  // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for the MODSEQ as well.
  if (out.changed_since) out.items |= kFetchModSeq;
  return out;
}

}  // namespace imap
