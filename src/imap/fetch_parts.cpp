#include "imap/fetch_parts.h"

#include <algorithm>

#include "base/text.h"
#include "imap/names.h"
#include "imap/sequence.h"
#include "mime/header.h"

namespace imap {

namespace {

constexpr std::size_t kAllFields = 1'000'000;

// A node of the tree, seen as a message (with parts of its own numbering) or as a part of something.
struct Place {
  std::uint32_t node = mime::kNoPart;
  bool as_message = false;
};

std::uint32_t nth_child(const mime::Message& message, const mime::Part& part, std::uint32_t number) {
  std::uint32_t child = part.first_child;
  while (child != mime::kNoPart && --number > 0) child = message.parts[child].next_sibling;
  return child;
}

// RFC 9051 §6.4.5.1: a message that is not multipart has one part, its body; a message/rfc822 part has the parts of
// the message within.
Place descend(const mime::Message& message, Place place, std::uint32_t number) {
  const mime::Part* part = &message.parts[place.node];
  if (!place.as_message && part->message()) {
    if (part->leaf()) return {};
    place = {part->first_child, true};
    part = &message.parts[place.node];
  }
  if (part->multipart() && !part->leaf()) return {nth_child(message, *part, number), false};
  if (place.as_message && number == 1) return {place.node, false};
  return {};
}

std::optional<Place> walk(const mime::Message& message, const std::vector<std::uint32_t>& path) {
  if (message.parts.empty()) return std::nullopt;
  Place place{0, true};
  for (const std::uint32_t number : path) {
    place = descend(message, place, number);
    if (place.node == mime::kNoPart) return std::nullopt;
  }
  return place;
}

}  // namespace

const mime::Part* find_part(const mime::Message& message, const std::vector<std::uint32_t>& path) {
  const auto place = walk(message, path);
  return place ? &message.parts[place->node] : nullptr;
}

std::optional<Span> locate(const mime::Message& message, const Section& section) {
  const auto place = walk(message, section.part);
  if (!place) return std::nullopt;
  const mime::Part* part = &message.parts[place->node];
  switch (section.text) {
    case Section::Text::none:
      return Span{section.part.empty() ? part->header_begin : part->body_begin, part->end};
    case Section::Text::mime:
      return Span{part->header_begin, part->body_begin};
    case Section::Text::header:
    case Section::Text::fields:
    case Section::Text::fields_not:
    case Section::Text::text:
      break;
  }
  if (!section.part.empty()) {
    if (!part->message() || part->leaf()) return std::nullopt;
    part = &message.parts[part->first_child];
  }
  if (section.text == Section::Text::text) return Span{part->body_begin, part->end};
  return Span{part->header_begin, part->body_begin};
}

std::string sift_fields(std::string_view header, const Section& section) {
  std::string out;
  const bool wanted = section.text == Section::Text::fields;
  std::size_t length = 0;
  for (const mime::Field& field : mime::fields(header, kAllFields)) {
    const bool named =
        std::ranges::any_of(section.fields, [&](const auto& name) { return base::iequals(name, field.name); });
    if (named == wanted) out += field.raw;
    length = static_cast<std::size_t>(field.raw.data() + field.raw.size() - header.data());
  }
  // RFC 9051 §6.4.5.1: the blank line belongs to every header, if the message has one.
  const std::string_view rest = header.substr(length);
  if (rest.ends_with('\n') || header.ends_with("\n\r\n") || header.ends_with("\n\n")) out += "\r\n";
  return out;
}

std::uint64_t to_chunk_end(const mailstore::EmailReader::Email& email, std::uint64_t offset) {
  const std::uint64_t prefix = email.prefix.size();
  if (offset < prefix) return prefix - offset + store::kChunkBytes;
  return store::kChunkBytes - (offset - prefix) % store::kChunkBytes;
}

void append_item_name(std::string& out, const BodyItem& item) {
  switch (item.kind) {
    case BodyItem::Kind::rfc822:
      out += "RFC822";
      return;
    case BodyItem::Kind::rfc822_header:
      out += "RFC822.HEADER";
      return;
    case BodyItem::Kind::rfc822_text:
      out += "RFC822.TEXT";
      return;
    case BodyItem::Kind::body:
      out += "BODY[";
      break;
    case BodyItem::Kind::binary:
      out += "BINARY[";
      break;
    case BodyItem::Kind::binary_size:
      out += "BINARY.SIZE[";
      break;
  }
  static constexpr std::string_view kTexts[] = {"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"};
  const Section& section = item.section;
  for (const std::uint32_t number : section.part) {
    if (out.back() != '[') out += '.';
    append_number(out, number);
  }
  if (section.text != Section::Text::none && !section.part.empty()) out += '.';
  out += kTexts[static_cast<int>(section.text)];
  if (!section.fields.empty()) {
    out += " (";
    for (const auto& name : section.fields) {
      if (out.back() != '(') out += ' ';
      append_astring(out, name);
    }
    out += ')';
  }
  out += ']';
  if (item.partial) {
    out += '<';
    append_number(out, item.partial->offset);
    out += '>';
  }
}

}  // namespace imap
