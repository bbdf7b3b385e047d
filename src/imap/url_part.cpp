#include "imap/url_part.h"

namespace imap {

namespace {

using Reader = mailstore::EmailReader;

constexpr std::uint64_t kMaxSifted = 1024 * 1024;  // of a header whose fields are picked out

base::Error missing() { return {base::Code::not_found, "The URL names nothing that is there"}; }

Span cut(Span span, const std::optional<ImapUrl::Partial>& partial) {
  if (!partial) return span;
  span.begin += std::min(span.size(), partial->offset);
  if (partial->length) span.end = span.begin + std::min(span.size(), *partial->length);
  return span;
}

struct Found {
  Reader::Email email;
  Span span;
  std::string sifted;
};

base::Result<void> look_up(Reader& reader, mailstore::EmailId id, const ImapUrl& url, Found& found) {
  TRY_ASSIGN(found.email, reader.email(id));
  Span span{0, found.email.size};
  const Section& section = url.section;
  if (!section.part.empty() || section.text != Section::Text::none) {
    TRY_ASSIGN(const mime::Message message, reader.structure(id));
    const auto place = locate(message, section);
    if (!place) return std::unexpected(missing());
    span = {std::min(place->begin, found.email.size), std::min(place->end, found.email.size)};
  }
  if (section.fields.empty()) {
    found.span = cut(span, url.partial);
    return {};
  }
  if (span.size() > kMaxSifted) return std::unexpected(missing());
  std::string header;
  TRY(reader.bytes(found.email, span.begin, span.size(), header));
  const std::string sifted = sift_fields(header, section);
  const Span part = cut({0, sifted.size()}, url.partial);
  found.sifted = sifted.substr(part.begin, part.size());
  return {};
}

}  // namespace

net::Task<base::Result<void>> UrlPart::find(ImapUrl url) {
  const auto mailbox = co_await mail_.mailbox(account_, url.mailbox);
  if (!mailbox) {
    if (mailbox.error().code == base::Code::invalid) co_return std::unexpected(missing());
    co_return std::unexpected(mailbox.error());
  }
  if (!mailbox->selectable || mailbox->uid_validity != url.uid_validity.value_or(mailbox->uid_validity)) {
    co_return std::unexpected(missing());
  }
  const auto view = co_await mail_.view(account_, mailbox->id);
  if (!view) co_return std::unexpected(view.error());
  const auto index = (*view)->find(url.uid);
  if (!index) co_return std::unexpected(missing());
  const mailstore::EmailId id = (*view)->at(*index).email;
  auto found = std::make_shared<Found>();
  const auto done = co_await mail_.read(
      account_, [found, id, url = std::move(url)](Reader& reader) { return look_up(reader, id, url, *found); });
  if (!done) co_return done;
  email_ = std::move(found->email);
  span_ = found->span;
  sifted_ = std::move(found->sifted);
  co_return base::Result<void>();
}

net::Task<base::Result<std::string>> UrlPart::next() {
  if (!sifted_.empty()) co_return std::exchange(sifted_, {});
  auto piece = std::make_shared<std::string>();
  const std::uint64_t n = std::min(span_.size(), to_chunk_end(email_, span_.begin));
  const auto done = co_await mail_.read(account_, [piece, email = email_, at = span_.begin, n](Reader& reader) {
    return reader.bytes(email, at, n, *piece);
  });
  if (!done) co_return std::unexpected(done.error());
  if (piece->size() != n) co_return base::fail(base::Code::corrupt, "a body is shorter than its record says");
  span_.begin += n;
  co_return std::move(*piece);
}

}  // namespace imap
