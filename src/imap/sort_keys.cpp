#include "imap/sort_keys.h"

#include "imap/base_subject.h"
#include "imap/thread.h"
#include "mime/casemap.h"
#include "mime/date.h"
#include "mime/header.h"

namespace imap {

namespace {

std::string mailbox_of(const std::optional<EnvelopeAddress>& address) {
  return address && address->mailbox ? mime::unicode_casemap(*address->mailbox) : std::string();
}

// RFC 5957 §3.
std::string display_of(const std::optional<EnvelopeAddress>& address) {
  if (!address) return {};
  if (address->name) {
    if (auto name = mime::unicode_casemap(mime::decode_text(*address->name)); !name.empty()) return name;
  }
  if (!address->mailbox) return {};
  return mime::unicode_casemap(address->host ? *address->mailbox + "@" + *address->host : *address->mailbox);
}

// RFC 5255 §4.6 (c): what could not be converted stands behind all that could.
SortValue of_text(std::string text) {
  const bool broken = text.contains("\xef\xbf\xbd");
  return {.number = broken ? 1 : 0, .text = std::move(text)};
}

SortValue value_of(Sort::Key key, const mailstore::Row& row, const mailstore::EmailReader::Email& email,
                   const Envelope& envelope, unsigned score) {
  switch (key) {
    case Sort::Key::arrival:
      return {.number = email.received.unix_seconds};
    case Sort::Key::date:
      return {.number = sent_date(envelope, email)};
    case Sort::Key::size:
      return {.number = row.size};
    case Sort::Key::cc:
      return of_text(mailbox_of(envelope.cc));
    case Sort::Key::from:
      return of_text(mailbox_of(envelope.from));
    case Sort::Key::to:
      return of_text(mailbox_of(envelope.to));
    case Sort::Key::subject:
      return of_text(base_subject(envelope.subject.value_or("")).text);
    case Sort::Key::display_from:
      return of_text(display_of(envelope.from));
    case Sort::Key::display_to:
      return of_text(display_of(envelope.to));
    case Sort::Key::relevancy:
      return {.number = -static_cast<std::int64_t>(score)};
  }
  return {};
}

}  // namespace

base::Result<SortValues> read_sort_values(mailstore::EmailReader& reader, const std::vector<Sort::Criterion>& criteria,
                                          const mailstore::Row& row, unsigned score) {
  TRY_ASSIGN(const auto email, reader.email(row.email));
  const Envelope envelope = parse_envelope(email.envelope).value_or(Envelope{});
  SortValues values;
  for (const Sort::Criterion& criterion : criteria) {
    values.push_back(value_of(criterion.key, row, email, envelope, score));
  }
  return values;
}

std::strong_ordering compare_sorted(const std::vector<Sort::Criterion>& criteria, const SortValues& a,
                                    const SortValues& b) {
  for (std::size_t i = 0; i < criteria.size(); ++i) {
    const auto order = a[i] <=> b[i];
    if (order != 0) return criteria[i].reverse ? 0 <=> order : order;
  }
  return std::strong_ordering::equal;
}

std::int64_t sent_date(const Envelope& envelope, const mailstore::EmailReader::Email& email) {
  const auto date = envelope.date ? mime::parse_date(*envelope.date) : std::nullopt;
  return date ? date->unix_seconds : email.received.unix_seconds;
}

}  // namespace imap
