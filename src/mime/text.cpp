#include "mime/text.h"

#include <algorithm>
#include <array>

#include "mime/utf8.h"

namespace mime {
namespace {

constexpr std::size_t kSniffed = 1024;            // of an HTML document that names no charset in its header
constexpr std::size_t kPreviewBytes = 64 * 1024;  // of a part; a longer beginning without words has none
constexpr std::size_t kPieceBytes = 4096;

bool is_html(const Part& part) { return part.type == "text" && (part.subtype == "html" || part.subtype == "x-html"); }

// The order of preview_parts(); parts of one rank keep their order.
int preview_rank(const Message& message, const Part& part) {
  for (std::uint32_t up = part.parent; up != kNoPart; up = message.parts[up].parent) {
    if (message.parts[up].message()) return 3;
  }
  if (part.disposition == "attachment") return 2;
  return part.type == "text" && (part.subtype == "plain" || is_html(part)) ? 0 : 1;
}

}  // namespace

bool has_text(const Part& part) {
  return part.leaf() && (part.type == "text" || part.type == "message" || part.multipart());
}

PartText::PartText(const Message& message, const Part& part) : transfer_(part.encoding) {
  const std::string_view charset = message.parameter(part, "charset");
  if (is_html(part)) html_.emplace();
  if (!html_ || !charset.empty()) charset_.emplace(charset);
}

void PartText::feed(std::string_view raw, std::string& out) {
  transfer_.feed(raw, bytes_);
  if (charset_ || bytes_.size() >= kSniffed) characters(bytes_, false, out);
}

void PartText::finish(std::string& out) {
  transfer_.finish(bytes_);
  characters(bytes_, true, out);
}

// `bytes` are bytes_, all of which are taken.
void PartText::characters(std::string_view bytes, bool last, std::string& out) {
  if (!charset_) charset_.emplace(html_charset(bytes));
  std::string& to = html_ ? utf8_ : out;
  charset_->feed(bytes, to);
  bytes_.clear();
  if (last) charset_->finish(to);
  if (html_) words(last, out);
}

void PartText::words(bool last, std::string& out) {
  html_->feed(utf8_, out);
  utf8_.clear();
  if (last) html_->finish(out);
}

void FoldedText::feed(std::string_view raw, std::string& out) {
  std::string text;
  text_.feed(raw, text);
  out += unicode_casemap(text);
}

void FoldedText::finish(std::string& out) {
  std::string text;
  text_.finish(text);
  out += unicode_casemap(text);
}

std::vector<std::uint32_t> preview_parts(const Message& message) {
  std::array<std::vector<std::uint32_t>, 4> ranks;
  for (std::uint32_t i = 0; i < message.parts.size(); ++i) {
    const Part& part = message.parts[i];
    if (has_text(part) && part.end > part.body_begin) {
      ranks[static_cast<std::size_t>(preview_rank(message, part))].push_back(i);
    }
  }
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    ranks[0].insert(ranks[0].end(), ranks[rank].begin(), ranks[rank].end());
  }
  return std::move(ranks[0]);
}

bool Preview::feed(std::string_view raw) {
  piece_.clear();
  text_.feed(raw, piece_);
  take(piece_);
  return characters_ < kPreviewCharacters;
}

std::string Preview::finish() {
  piece_.clear();
  text_.finish(piece_);
  take(piece_);
  return std::move(out_);
}

void Preview::take(std::string_view utf8) {
  for (std::size_t at = 0; at < utf8.size() && characters_ < kPreviewCharacters;) {
    const char32_t c = next_utf8(utf8, at);
    if (is_white_space(c)) {
      gap_ = true;
      continue;
    }
    if (is_invisible(c) && (gap_ || out_.empty())) continue;
    const bool space = gap_ && !out_.empty();
    gap_ = false;
    if (space && characters_ + 2 > kPreviewCharacters) {
      characters_ = kPreviewCharacters;
      return;
    }
    if (space) out_ += ' ';
    append_utf8(out_, c);
    characters_ += space ? 2 : 1;
  }
}

std::string preview(const Message& message, std::string_view bytes) {
  for (const std::uint32_t index : preview_parts(message)) {
    const Part& part = message.parts[index];
    const std::string_view body =
        bytes.substr(part.body_begin, std::min<std::uint64_t>(part.end - part.body_begin, kPreviewBytes));
    Preview made(message, part);
    std::size_t at = 0;
    while (at < body.size() && made.feed(body.substr(at, kPieceBytes))) at += kPieceBytes;
    std::string text = made.finish();
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace mime
