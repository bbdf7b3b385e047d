#include "imap/fetch_batch.h"

#include <algorithm>

#include "imap/names.h"
#include "imap/object_id.h"
#include "imap/sequence.h"
#include "mime/imap_form.h"
#include "mime/text.h"

namespace imap {

namespace {

constexpr std::uint64_t kReadBytes = 64 * 1024;
constexpr std::size_t kMaxPreviewParts = 10;  // that turn out to have no words

// Private codes for what the caller turns into a reply of its own.
base::Error unknown_encoding() { return {base::Code::unsupported, "unknown transfer encoding"}; }
base::Error not_leaf() { return {base::Code::invalid, "not a leaf"}; }

// RFC 9051 §6.4.5: a range that begins or ends beyond the text is cut.
Span cut(Span span, const std::optional<BodyItem::Partial>& partial) {
  if (!partial) return span;
  span.begin += std::min(span.size(), partial->offset);
  span.end = span.begin + std::min(span.size(), partial->length);
  return span;
}

void append_literal_head(std::string& out, std::uint64_t size) {
  out += " {";
  append_number(out, size);
  out += "}\r\n";
}

}  // namespace

void FetchBatch::add(const mailstore::Row& row, std::string_view head) {
  heads_ += head;
  targets_.push_back({row.email, row.uid, heads_.size()});
}

void FetchBatch::clear() {
  targets_.clear();
  heads_.clear();
  at_ = 0;
}

std::string_view FetchBatch::head(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : targets_[index - 1].head_end;
  return std::string_view(heads_).substr(begin, targets_[index].head_end - begin);
}

void FetchBatch::note(const base::Error& error) {
  switch (error.code) {
    case base::Code::not_found:
      trouble_.expunged = true;
      break;
    case base::Code::unsupported:
      trouble_.unknown_encoding = true;
      break;
    case base::Code::invalid:
      trouble_.not_leaf = true;
      break;
    default:
      trouble_.corrupt = true;
  }
}

base::Result<void> FetchBatch::run(mailstore::EmailReader& reader, std::string& out) {
  while (!finished() && out.size() < kFetchBytes) {
    const std::size_t before = out.size();
    const bool resumed = begun_;
    auto done = message(reader, out);
    if (!done) {
      const base::Error& error = done.error();
      if (resumed) {
        trouble_.torn = true;
        return done;
      }
      // The beginning of the response has not been sent: the message is left out, and the others are not harmed.
      out.resize(before);
      literal_.reset();
      begun_ = false;
      if (error.code == base::Code::unavailable || error.code == base::Code::busy) return done;
      note(error);
    }
    if (begun_) return {};  // out is full, and there is more of this message
    ++at_;
    structure_.reset();
  }
  return {};
}

// Everything of the message at hand, or as much as there is room for; begun_ tells which.
base::Result<void> FetchBatch::message(mailstore::EmailReader& reader, std::string& out) {
  if (!begun_) {
    TRY_ASSIGN(email_, reader.email(targets_[at_].email));
    begun_ = true;
    next_body_ = 0;
    out += head(at_);
    TRY(metadata(reader, out));
  }
  while (true) {
    if (literal_) {
      TRY(pump(reader, out));
      if (literal_) return {};
    }
    if (next_body_ == request_.bodies.size()) break;
    // A literal may end in any byte; only before the first item is there a question whether something was written.
    if (next_body_ > 0 || out.back() != '(') out += ' ';
    TRY(body(reader, request_.bodies[next_body_], out));
    ++next_body_;
  }
  out += ")\r\n";
  begun_ = false;
  return {};
}

base::Result<const mime::Message*> FetchBatch::structure(mailstore::EmailReader& reader) {
  if (!structure_) {
    TRY_ASSIGN(auto message, reader.structure(targets_[at_].email));
    structure_ = std::make_unique<mime::Message>(std::move(message));
  }
  return structure_.get();
}

base::Result<void> FetchBatch::metadata(mailstore::EmailReader& reader, std::string& out) {
  const auto begin = [&](std::string_view word) {
    if (out.back() != '(') out += ' ';
    out += word;
  };
  if (request_.items & kFetchDate) {
    begin("INTERNALDATE \"");
    out += mime::format_imap_date_time(email_.received);
    out += '"';
  }
  if (request_.items & kFetchSaveDate) {
    TRY_ASSIGN(const std::int64_t saved, reader.saved(mailbox_, targets_[at_].uid));
    begin("SAVEDATE \"");
    out += mime::format_imap_date_time({.unix_seconds = saved});
    out += '"';
  }
  if (request_.items & kFetchThreadId) append_object_id(out, "THREADID", 'T', email_.thread.value);
  if (request_.items & kFetchEnvelope) {
    begin("ENVELOPE ");
    out += email_.envelope;
  }
  TRY(structures(reader, out));
  if (request_.items & (kFetchPreview | kFetchLazyPreview)) {
    begin("PREVIEW ");
    TRY(preview(reader, out));
  }
  return {};
}

base::Result<void> FetchBatch::structures(mailstore::EmailReader& reader, std::string& out) {
  for (const auto& [item, word, extended] :
       {std::tuple(kFetchBody, "BODY ", false), std::tuple(kFetchBodyStructure, "BODYSTRUCTURE ", true)}) {
    if (!(request_.items & item)) continue;
    TRY_ASSIGN(const auto* message, structure(reader));
    if (out.back() != '(') out += ' ';
    out += word;
    out += mime::imap_body(*message, extended);
  }
  return {};
}

// RFC 8970 §3: of the first part that has words. Only the beginning of each is read, but who is in no hurry pays for
// messages of several chunks (§4.1).
base::Result<void> FetchBatch::preview(mailstore::EmailReader& reader, std::string& out) {
  if (!(request_.items & kFetchPreview) && email_.size > store::kChunkBytes) {
    out += "NIL";
    return {};
  }
  TRY_ASSIGN(const auto* message, structure(reader));
  std::string text;
  std::string raw;
  std::size_t tried = 0;
  for (const std::uint32_t number : mime::preview_parts(*message)) {
    const mime::Part& part = message->parts[number];
    mime::Preview maker(*message, part);
    bool more = true;
    const std::uint64_t end = std::min(part.end, email_.size);
    for (std::uint64_t at = part.body_begin; more && at < end; at += kReadBytes) {
      raw.clear();
      TRY(reader.bytes(email_, at, std::min(kReadBytes, end - at), raw));
      more = maker.feed(raw);
    }
    text = maker.finish();
    if (!text.empty() || ++tried == kMaxPreviewParts) break;
  }
  append_string(out, text);
  return {};
}

base::Result<void> FetchBatch::body(mailstore::EmailReader& reader, const BodyItem& item, std::string& out) {
  append_item_name(out, item);
  const Section& section = item.section;
  Span span{0, email_.size};
  const bool whole = section.part.empty() && section.text == Section::Text::none;
  if (item.kind == BodyItem::Kind::binary || item.kind == BodyItem::Kind::binary_size) {
    return binary(reader, item, out);
  }
  if (!whole) {
    TRY_ASSIGN(const auto* message, structure(reader));
    const auto place = locate(*message, section);
    if (!place) {
      out += " NIL";
      return {};
    }
    span = {std::min(place->begin, email_.size), std::min(place->end, email_.size)};
  }
  if (!section.fields.empty()) return fields(reader, item, span, out);
  span = cut(span, item.partial);
  append_literal_head(out, span.size());
  literal_.emplace(Literal{.bytes = span, .decoder = nullptr, .skip = 0, .left = span.size()});
  return {};
}

base::Result<void> FetchBatch::fields(mailstore::EmailReader& reader, const BodyItem& item, Span span,
                                      std::string& out) {
  std::string header;
  TRY(reader.bytes(email_, span.begin, span.size(), header));
  const std::string sifted = sift_fields(header, item.section);
  const Span part = cut({0, sifted.size()}, item.partial);
  append_literal_head(out, part.size());
  out.append(sifted, static_cast<std::size_t>(part.begin), static_cast<std::size_t>(part.size()));
  return {};
}

// RFC 9051 §6.4.5: the size stands before the bytes, so a part is decoded twice: once to count.
base::Result<void> FetchBatch::binary(mailstore::EmailReader& reader, const BodyItem& item, std::string& out) {
  Span span{0, email_.size};
  std::string encoding;
  if (!item.section.part.empty()) {
    TRY_ASSIGN(const auto* message, structure(reader));
    const mime::Part* part = find_part(*message, item.section.part);
    if (part == nullptr && item.kind == BodyItem::Kind::binary) {
      out += " NIL";
      return {};
    }
    if (part == nullptr || !part->leaf()) return std::unexpected(not_leaf());
    span = {std::min(part->body_begin, email_.size), std::min(part->end, email_.size)};
    encoding = part->encoding;
  }
  if (!mime::TransferDecoder::knows(encoding)) return std::unexpected(unknown_encoding());
  std::uint64_t size = 0;
  bool nul = false;
  mime::TransferDecoder counter(encoding);
  std::string raw;
  std::string decoded;
  for (std::uint64_t at = span.begin; at <= span.end; at += kReadBytes) {
    raw.clear();
    decoded.clear();
    const std::uint64_t n = std::min(kReadBytes, span.end - at);
    if (n > 0) TRY(reader.bytes(email_, at, n, raw));
    counter.feed(raw, decoded);
    if (n < kReadBytes) counter.finish(decoded);
    size += decoded.size();
    nul = nul || decoded.find('\0') != std::string::npos;
  }
  if (item.kind == BodyItem::Kind::binary_size) {
    out += ' ';
    append_number(out, size);
    return {};
  }
  const Span wanted = cut({0, size}, item.partial);
  out += nul ? " ~{" : " {";  // literal8 only where it has to be: few clients know it
  append_number(out, wanted.size());
  out += "}\r\n";
  literal_.emplace(Literal{.bytes = span,
                           .decoder = std::make_unique<mime::TransferDecoder>(encoding),
                           .skip = wanted.begin,
                           .left = wanted.size()});
  return {};
}

// Goes on with the literal until it is complete or `out` is full.
base::Result<void> FetchBatch::pump(mailstore::EmailReader& reader, std::string& out) {
  Literal& literal = *literal_;
  std::string raw;
  std::string decoded;
  while (literal.left > 0) {
    if (out.size() >= kFetchBytes) return {};
    if (!literal.decoder) {
      const std::uint64_t n = std::min(literal.left, to_chunk_end(email_, literal.bytes.begin));
      const std::size_t before = out.size();
      TRY(reader.bytes(email_, literal.bytes.begin, n, out));
      if (out.size() - before != n) return base::fail(base::Code::corrupt, "a body is shorter than its record says");
      literal.bytes.begin += n;
      literal.left -= n;
      continue;
    }
    raw.clear();
    decoded.clear();
    const std::uint64_t n = std::min(kReadBytes, literal.bytes.size());
    if (n > 0) TRY(reader.bytes(email_, literal.bytes.begin, n, raw));
    literal.decoder->feed(raw, decoded);
    literal.bytes.begin += n;
    if (literal.bytes.size() == 0) literal.decoder->finish(decoded);
    const std::uint64_t skipped = std::min<std::uint64_t>(literal.skip, decoded.size());
    literal.skip -= skipped;
    const std::uint64_t taken = std::min<std::uint64_t>(literal.left, decoded.size() - skipped);
    out.append(decoded, static_cast<std::size_t>(skipped), static_cast<std::size_t>(taken));
    literal.left -= taken;
    if (literal.bytes.size() == 0 && literal.left > 0 && taken == 0 && skipped == 0) {
      return base::fail(base::Code::corrupt, "a body is shorter than its record says");
    }
  }
  literal_.reset();
  return {};
}

}  // namespace imap
