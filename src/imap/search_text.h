#pragma once
// Substrings in the text of a message: transfer encodings and charsets undone, HTML without its tags, case folded (RFC
// 9051 §6.4.4, which leaves it to the server what the text of a body is). Bodies are read piece by piece, so a message
// of any size is searched in bounded memory. On the pool.

#include <string>
#include <string_view>
#include <vector>

#include "imap/fuzzy.h"
#include "mailstore/mailstore.h"

namespace imap {

struct Needle {
  std::string_view text;      // folded
  bool mime_headers = false;  // also in the header fields of parts (TEXT, but not BODY)
  bool found = false;
  FuzzyMatch* fuzzy = nullptr;  // looks for what it looks for instead
  bool to_the_end = false;      // it is not enough that it is found: how often decides how relevant it is
};

/// What it is worth, in percent, when a search that is not strict finds something there.
struct Places {
  static constexpr unsigned kBest = 100;   // the field that was asked for; of TEXT Subject and From; what BODY finds
  static constexpr unsigned kHeader = 80;  // of TEXT: any other field
  static constexpr unsigned kOnce = 50;    // of TEXT: a body that has a word once
  static constexpr unsigned kOften = 80;   // of TEXT: a body that has it often, or the whole phrase
  static constexpr unsigned kBodyOnce = 70;
};

/// Looks for all needles in what BODY and TEXT search behind the message's own header: parts of type text, and the
/// headers of messages within the message.
base::Result<void> find_in_body(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email,
                                std::vector<Needle>& needles);

/// The fields of a header block, decoded and folded, one a line.
std::string folded_header(std::string_view block);

bool contains_text(std::string_view text, std::string_view needle);

}  // namespace imap
