#include "imap/search_text.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "imap/fetch_parts.h"
#include "mime/header.h"
#include "mime/text.h"
#include "mime/words.h"

namespace imap {

namespace {

constexpr std::uint64_t kPieceBytes = 256 * 1024;
constexpr std::size_t kMaxHeader = 1024 * 1024;  // of a part: what is beyond is not searched

class BodySearch {
 public:
  BodySearch(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email, std::vector<Needle>& needles)
      : reader_(reader), email_(email), needles_(needles) {
    for (const Needle& needle : needles) {
      longest_ = std::max(longest_, needle.text.size());
      fuzzy_ |= needle.fuzzy != nullptr;
    }
  }

  base::Result<void> run() {
    TRY_ASSIGN(const mime::Message message, reader_.structure(email_.id));
    for (std::uint32_t i = 0; i < message.parts.size(); ++i) {
      if (all_done()) break;
      const mime::Part& part = message.parts[i];
      // The header of parts[0] is the message's own, which has been looked at. That of an embedded message is body.
      if (i > 0) {
        const bool embedded = message.parts[part.parent].message();
        TRY(header(part, embedded));
      }
      if (mime::has_text(part)) TRY(text(message, part));
    }
    for (Needle& needle : needles_) {
      if (needle.fuzzy == nullptr) continue;
      needle.fuzzy->settle_body(needle.mime_headers ? Places::kOnce : Places::kBodyOnce,
                                needle.mime_headers ? Places::kOften : Places::kBest);
      needle.found = needle.fuzzy->found();
    }
    return {};
  }

 private:
  static bool done(const Needle& needle) {
    if (needle.fuzzy == nullptr) return needle.found;
    return needle.to_the_end ? needle.fuzzy->exhausted() : needle.fuzzy->found();
  }
  bool all_done() const {
    return std::ranges::all_of(needles_, [](const Needle& needle) { return done(needle); });
  }

  // `folded` from `fresh` on was not looked at before.
  void look(std::string_view folded, std::size_t fresh, bool mime_header) {
    in_mime_header_ = mime_header;
    for (Needle& needle : needles_) {
      if (done(needle) || (mime_header && !needle.mime_headers)) continue;
      if (needle.fuzzy == nullptr) {
        needle.found = contains_text(folded, needle.text);
      } else {
        needle.fuzzy->look_for_phrase(folded, needle.mime_headers ? Places::kOften : Places::kBest);
      }
    }
    if (fuzzy_) words_.feed(folded.substr(fresh));
  }

  void take_word(std::u32string_view word) {
    for (Needle& needle : needles_) {
      if (needle.fuzzy == nullptr || done(needle) || (in_mime_header_ && !needle.mime_headers)) continue;
      needle.fuzzy->take_body_word(word);
    }
  }

  base::Result<void> header(const mime::Part& part, bool embedded) {
    if (!embedded && std::ranges::none_of(needles_, &Needle::mime_headers)) return {};
    std::string block;
    TRY(reader_.bytes(email_, part.header_begin,
                      std::min<std::uint64_t>(part.body_begin - part.header_begin, kMaxHeader), block));
    look(folded_header(block), 0, !embedded);
    words_.finish();
    return {};
  }

  base::Result<void> text(const mime::Message& message, const mime::Part& part) {
    mime::FoldedText folded(message, part);
    std::string raw;
    std::string window;
    for (std::uint64_t at = part.body_begin; at < part.end && !all_done(); at += kPieceBytes) {
      const std::uint64_t n = std::min(kPieceBytes, part.end - at);
      const std::size_t fresh = window.size();
      raw.clear();
      TRY(reader_.bytes(email_, at, n, raw));
      folded.feed(raw, window);
      if (at + n == part.end) folded.finish(window);
      look(window, fresh, false);
      if (window.size() > longest_) window.erase(0, window.size() - longest_);
    }
    words_.finish();
    return {};
  }

  mailstore::EmailReader& reader_;
  const mailstore::EmailReader::Email& email_;
  std::vector<Needle>& needles_;
  std::size_t longest_ = 0;
  bool fuzzy_ = false;
  bool in_mime_header_ = false;  // of the words that come
  mime::WordScanner words_{[this](std::u32string_view word) { take_word(word); }};
};

}  // namespace

base::Result<void> find_in_body(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email,
                                std::vector<Needle>& needles) {
  return BodySearch(reader, email, needles).run();
}

std::string folded_header(std::string_view block) {
  std::string text;
  const auto fields = mime::fields(block);
  const std::string likely = mime::likely_charset(fields);
  for (const mime::Field& field : fields) {
    text += field.name;
    text += ": ";
    text += mime::decode_text(field.body, likely);
    text += '\n';
  }
  return mime::unicode_casemap(text);
}

bool contains_text(std::string_view text, std::string_view needle) {
  if (needle.empty()) return true;
  return ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

}  // namespace imap
