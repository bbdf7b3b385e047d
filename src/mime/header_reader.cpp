#include "mime/header_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mime/content.h"
#include "mime/lexer.h"

namespace mime {
namespace {

// RFC 2046 §5.1.1 allows 70; the wild goes somewhat beyond.
constexpr std::size_t kLongestBoundary = 200;

struct KnownName {
  std::string_view name;
  Known known;
};

constexpr std::array kNames{
    KnownName{"content-type", Known::content_type},
    KnownName{"content-transfer-encoding", Known::content_transfer_encoding},
    KnownName{"content-id", Known::content_id},
    KnownName{"content-description", Known::content_description},
    KnownName{"content-md5", Known::content_md5},
    KnownName{"content-location", Known::content_location},
    KnownName{"content-disposition", Known::content_disposition},
    KnownName{"content-language", Known::content_language},
    KnownName{"received", Known::received},
    KnownName{"date", Known::date},
    KnownName{"subject", Known::subject},
    KnownName{"from", Known::from},
    KnownName{"sender", Known::sender},
    KnownName{"reply-to", Known::reply_to},
    KnownName{"to", Known::to},
    KnownName{"cc", Known::cc},
    KnownName{"bcc", Known::bcc},
    KnownName{"in-reply-to", Known::in_reply_to},
    KnownName{"message-id", Known::message_id},
    KnownName{"references", Known::references},
};

Known lookup(std::string_view name) {
  for (const KnownName& k : kNames) {
    if (base::iequals(k.name, name)) return k.known;
  }
  return Known::none;
}

// RFC 5322 §3.6 allows each of them once, but lists of recipients are seen to come in several fields.
bool joins(Known known) { return known == Known::to || known == Known::cc || known == Known::bcc; }

}  // namespace

void HeaderReader::begin(std::uint32_t part) {
  part_ = part;
  fields_ = 0;
  known_ = Known::none;
  boundary_.clear();
  seen_.reset();
}

void HeaderReader::line(Message& message, std::string_view text, std::uint64_t used) {
  if (used > limits_.header_bytes) return;
  if (!message.eight_bit_header)
    message.eight_bit_header = std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) > 127; });
  FieldLine field;
  // What is no field belongs to the field before, as in fields().
  if (base::is_space(text.front()) || !split_field(text, field)) {
    if (known_ == Known::none) return;
    if (!base::is_space(text.front())) body_ += ' ';
    body_ += text;
    return;
  }
  finish_field(message);
  if (++fields_ > limits_.fields) return;
  known_ = lookup(field.name);
  if (known_ == Known::received) {
    if (part_ == 0) ++message.received_fields;
    known_ = Known::none;
  }
  if (part_ == 0 && known_ == Known::none && base::iequals(field.name, "tls-required")) {
    message.tls_optional = base::iequals(base::trim(field.body), "no");
  }
  if (known_ >= Known::date && !message.parts[part_].envelope) known_ = Known::none;
  const auto bit = static_cast<std::size_t>(known_);
  if (seen_.test(bit) && !joins(known_)) known_ = Known::none;
  if (known_ == Known::none) return;
  seen_.set(bit);
  body_ = field.body;
}

std::string HeaderReader::end(Message& message) {
  finish_field(message);
  body_.clear();
  return std::move(boundary_);
}

void HeaderReader::finish_field(Message& message) {
  if (known_ == Known::none) return;
  Part& part = message.parts[part_];
  if (known_ >= Known::date) {
    keep_envelope(message.envelopes[*part.envelope]);
  } else {
    keep_content(part);
  }
  known_ = Known::none;
}

void HeaderReader::keep_content(Part& part) {
  const std::string_view text = base::trim(body_);
  switch (known_) {
    case Known::content_type: {
      ContentType type;
      // RFC 2045 §5.2: the default for what cannot be understood; not message/rfc822, even in a digest.
      if (!parse_content_type(text, type)) type = {.type = "text", .subtype = "plain", .parameters = {}};
      if (type.type == "multipart") {
        for (const Parameter& p : type.parameters) {
          if (p.name == "boundary" && p.value.size() <= kLongestBoundary) boundary_ = base::trim(p.value);
        }
      }
      // Out of budget, it is what RFC 2046 §4 says of types that are not known.
      if (type.type.size() + type.subtype.size() > budget_) {
        type = {.type = "application", .subtype = "octet-stream", .parameters = {}};
      }
      budget_ -= std::min(budget_, type.type.size() + type.subtype.size());
      part.type = std::move(type.type);
      part.subtype = std::move(type.subtype);
      part.parameters = keep(std::move(type.parameters));
      break;
    }
    case Known::content_transfer_encoding: {
      std::string encoding = keep(parse_token(text));
      if (!encoding.empty()) part.encoding = std::move(encoding);
      break;
    }
    case Known::content_disposition: {
      std::vector<Parameter> parameters;
      part.disposition = keep(parse_disposition(text, parameters));
      if (!part.disposition.empty()) part.disposition_parameters = keep(std::move(parameters));
      break;
    }
    case Known::content_language:
      for (std::string& language : parse_languages(text)) {
        std::string kept = keep(language);
        if (!kept.empty()) part.languages.push_back(std::move(kept));
      }
      break;
    case Known::content_id:
      part.id = keep(text);
      break;
    case Known::content_description:
      part.description = keep(text);
      break;
    case Known::content_md5:
      part.md5 = keep(text);
      break;
    case Known::content_location:
      part.location = keep(text);
      break;
    default:
      break;
  }
}

void HeaderReader::keep_envelope(EnvelopeFields& fields) {
  static constexpr std::array kMembers{
      &EnvelopeFields::date,        &EnvelopeFields::subject,    &EnvelopeFields::from,      &EnvelopeFields::sender,
      &EnvelopeFields::reply_to,    &EnvelopeFields::to,         &EnvelopeFields::cc,        &EnvelopeFields::bcc,
      &EnvelopeFields::in_reply_to, &EnvelopeFields::message_id, &EnvelopeFields::references};
  static_assert(kMembers.size() == static_cast<std::size_t>(Known::count) - static_cast<std::size_t>(Known::date));
  std::string& member = fields.*kMembers[static_cast<std::size_t>(known_) - static_cast<std::size_t>(Known::date)];
  std::string kept = keep(base::trim(body_));
  if (member.empty()) {
    member = std::move(kept);
  } else if (!kept.empty() && budget_ >= 2) {
    budget_ -= 2;
    member += ", " + kept;
  }
}

// A text is kept as a whole or not at all: half an address would be another address.
std::string HeaderReader::keep(std::string_view text) {
  if (text.size() > budget_) return {};
  budget_ -= text.size();
  return std::string(text);
}

std::vector<Parameter> HeaderReader::keep(std::vector<Parameter> parameters) {
  std::erase_if(parameters, [&](const Parameter& p) {
    const std::size_t size = p.name.size() + p.value.size();
    if (size > budget_) return true;
    budget_ -= size;
    return false;
  });
  return parameters;
}

}  // namespace mime
