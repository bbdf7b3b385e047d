#include "mailstore/encoded.h"

#include <algorithm>

#include "mailstore/structure.h"
#include "mime/imap_form.h"

namespace mailstore {
namespace {

using Fields = mime::EnvelopeFields;

constexpr std::size_t kMaxMessageId = 998;

constexpr std::string Fields::* kFields[] = {
    &Fields::date, &Fields::subject, &Fields::from,        &Fields::sender,     &Fields::reply_to,   &Fields::to,
    &Fields::cc,   &Fields::bcc,     &Fields::in_reply_to, &Fields::message_id, &Fields::references,
};

/// Empty when it is too long to be kept; then it is not even made where the fields alone say so.
std::string short_envelope(const Fields& fields) {
  std::size_t bytes = 0;
  for (const auto field : kFields) bytes += field == &Fields::references ? 0 : (fields.*field).size();
  if (bytes > kStoredBytes) return {};
  std::string envelope = mime::imap_envelope(fields);
  return envelope.size() > kStoredBytes ? std::string() : envelope;
}

}  // namespace

Outer outer_of(const Fields& fields) {
  Outer out{
      .envelope = short_envelope(fields), .message_id = first_message_id(fields.message_id), .ids = thread_ids(fields)};
  if (out.message_id.size() > kMaxMessageId) out.message_id.clear();
  return out;
}

Encoded encode(const mime::Message& body) {
  Encoded out{.structure = encode_structure(body), .outer = outer_of(outer_fields(body))};
  if (out.structure.size() > kStoredBytes) out.structure = {};
  return out;
}

const Fields& outer_fields(const mime::Message& body) {
  static const Fields kNone;
  return body.envelopes.empty() ? kNone : body.envelopes.front();
}

std::optional<Fields> fields_with_prefix(const Fields& body, const std::string& prefix) {
  if (prefix.empty()) return std::nullopt;
  const mime::Message parsed = mime::parse(prefix, kParseLimits);
  const Fields& added = outer_fields(parsed);
  const auto adds = [&](const auto field) { return (body.*field).empty() && !(added.*field).empty(); };
  if (std::ranges::none_of(kFields, adds)) return std::nullopt;
  Fields fields = body;
  for (const auto field : kFields) {
    if (adds(field)) fields.*field = added.*field;
  }
  return fields;
}

Incoming make_incoming(store::Body body, std::shared_ptr<const mime::Message> parsed) {
  auto encoded = std::make_shared<const Encoded>(encode(*parsed));
  return {.body = std::move(body), .parsed = std::move(parsed), .encoded = std::move(encoded)};
}

}  // namespace mailstore
