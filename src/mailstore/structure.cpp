#include "mailstore/structure.h"

#include "schema/mailstore.pb.h"

namespace mailstore {
namespace {

namespace schema = postrider::schema;

// No message is larger; with this no sum of offsets can overflow.
constexpr std::uint64_t kMaxBytes = 1ull << 48;

// Links between parts are kept as index + 1, so that "none" takes no bytes.
std::uint32_t pack(std::uint32_t index) { return index == mime::kNoPart ? 0 : index + 1; }
std::uint32_t unpack(std::uint32_t packed) { return packed == 0 ? mime::kNoPart : packed - 1; }

template <class Out>
void encode_parameters(const std::vector<mime::Parameter>& parameters, Out& out) {
  for (const auto& [name, value, extended] : parameters) {
    auto* parameter = out.Add();
    parameter->set_name(name);
    parameter->set_value(value);
    parameter->set_extended(extended);
  }
}

template <class In>
std::vector<mime::Parameter> decode_parameters(const In& in) {
  std::vector<mime::Parameter> out;
  out.reserve(static_cast<std::size_t>(in.size()));
  for (const auto& parameter : in) {
    out.push_back({.name = parameter.name(), .value = parameter.value(), .extended = parameter.extended()});
  }
  return out;
}

void encode_part(const mime::Part& part, schema::StructurePart& out) {
  out.set_parent(pack(part.parent));
  out.set_first_child(pack(part.first_child));
  out.set_next_sibling(pack(part.next_sibling));
  out.set_header_begin(part.header_begin);
  out.set_header_bytes(part.body_begin - part.header_begin);
  out.set_body_bytes(part.end - part.body_begin);
  out.set_lines(part.lines);
  if (part.type != "text") out.set_type(part.type);
  if (part.subtype != "plain") out.set_subtype(part.subtype);
  encode_parameters(part.parameters, *out.mutable_parameters());
  if (part.encoding != "7bit") out.set_encoding(part.encoding);
  out.set_id(part.id);
  out.set_description(part.description);
  out.set_md5(part.md5);
  out.set_location(part.location);
  out.set_disposition(part.disposition);
  encode_parameters(part.disposition_parameters, *out.mutable_disposition_parameters());
  for (const std::string& language : part.languages) out.add_languages(language);
  out.set_envelope(part.envelope ? *part.envelope + 1 : 0);
}

mime::Part decode_part(const schema::StructurePart& in) {
  mime::Part part;
  part.parent = unpack(in.parent());
  part.first_child = unpack(in.first_child());
  part.next_sibling = unpack(in.next_sibling());
  part.header_begin = in.header_begin();
  part.body_begin = part.header_begin + in.header_bytes();
  part.end = part.body_begin + in.body_bytes();
  part.lines = in.lines();
  if (!in.type().empty()) part.type = in.type();
  if (!in.subtype().empty()) part.subtype = in.subtype();
  part.parameters = decode_parameters(in.parameters());
  if (!in.encoding().empty()) part.encoding = in.encoding();
  part.id = in.id();
  part.description = in.description();
  part.md5 = in.md5();
  part.location = in.location();
  part.disposition = in.disposition();
  part.disposition_parameters = decode_parameters(in.disposition_parameters());
  for (const std::string& language : in.languages()) part.languages.push_back(language);
  if (in.envelope() != 0) part.envelope = in.envelope() - 1;
  return part;
}

void encode_envelope(const mime::EnvelopeFields& fields, schema::StructureEnvelope& out) {
  out.set_date(fields.date);
  out.set_subject(fields.subject);
  out.set_from(fields.from);
  out.set_sender(fields.sender);
  out.set_reply_to(fields.reply_to);
  out.set_to(fields.to);
  out.set_cc(fields.cc);
  out.set_bcc(fields.bcc);
  out.set_in_reply_to(fields.in_reply_to);
  out.set_message_id(fields.message_id);
  out.set_references(fields.references);
}

mime::EnvelopeFields decode_envelope(const schema::StructureEnvelope& in) {
  return {.date = in.date(),
          .subject = in.subject(),
          .from = in.from(),
          .sender = in.sender(),
          .reply_to = in.reply_to(),
          .to = in.to(),
          .cc = in.cc(),
          .bcc = in.bcc(),
          .in_reply_to = in.in_reply_to(),
          .message_id = in.message_id(),
          .references = in.references()};
}

/// Links lead forward (so walks end) to parts that exist, and offsets lie within the message.
bool sound(const mime::Part& part, std::uint32_t index, const schema::Structure& in) {
  const auto parts = static_cast<std::uint32_t>(in.parts_size());
  const auto forward = [&](std::uint32_t link) { return link == mime::kNoPart || (link > index && link < parts); };
  return (index == 0 ? part.parent == mime::kNoPart : part.parent < index) && forward(part.first_child) &&
         forward(part.next_sibling) && part.header_begin <= part.body_begin && part.body_begin <= part.end &&
         part.end <= in.size() && (!part.envelope || *part.envelope < static_cast<std::uint32_t>(in.envelopes_size()));
}

}  // namespace

std::string encode_structure(const mime::Message& message) {
  schema::Structure out;
  for (const mime::Part& part : message.parts) encode_part(part, *out.add_parts());
  for (const mime::EnvelopeFields& fields : message.envelopes) encode_envelope(fields, *out.add_envelopes());
  out.set_size(message.size);
  out.set_received_fields(message.received_fields);
  out.set_eight_bit(message.eight_bit);
  out.set_bare_cr_or_lf(message.bare_cr_or_lf);
  out.set_nul(message.nul);
  out.set_eight_bit_header(message.eight_bit_header);
  out.set_tls_optional(message.tls_optional);
  return out.SerializeAsString();
}

std::optional<mime::Message> decode_structure(std::string_view bytes, std::uint64_t prefix_bytes) {
  schema::Structure in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.parts_size() == 0) return std::nullopt;
  if (in.size() > kMaxBytes) return std::nullopt;
  mime::Message message;
  message.parts.reserve(static_cast<std::size_t>(in.parts_size()));
  for (int i = 0; i < in.parts_size(); ++i) {
    mime::Part part = decode_part(in.parts(i));
    if (!sound(part, static_cast<std::uint32_t>(i), in)) return std::nullopt;
    part.header_begin += i == 0 ? 0 : prefix_bytes;
    part.body_begin += prefix_bytes;
    part.end += prefix_bytes;
    message.parts.push_back(std::move(part));
  }
  for (const auto& fields : in.envelopes()) message.envelopes.push_back(decode_envelope(fields));
  message.size = in.size() + prefix_bytes;
  message.received_fields = in.received_fields();
  message.eight_bit = in.eight_bit();
  message.bare_cr_or_lf = in.bare_cr_or_lf();
  message.nul = in.nul();
  message.eight_bit_header = in.eight_bit_header();
  message.tls_optional = in.tls_optional();
  return message;
}

}  // namespace mailstore
