#pragma once
// The text of parts as a reader sees it: transfer encoding and charset undone, HTML turned into its words. For search,
// and for previews (RFC 8970). All take the raw bytes of a part's body in pieces of any size, hold a few KiB, and are
// linear and total. Not thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mime/casemap.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/html.h"
#include "mime/message.h"

namespace mime {

/// True if the part is a leaf that PartText can make something of: type text, and what is shown as such.
bool has_text(const Part& part);

/// The text in UTF-8. Each call adds whole characters.
class PartText {
 public:
  PartText(const Message& message, const Part& part);
  void feed(std::string_view raw, std::string& out);
  void finish(std::string& out);

 private:
  void characters(std::string_view bytes, bool last, std::string& out);
  void words(bool last, std::string& out);

  TransferDecoder transfer_;
  std::optional<CharsetDecoder> charset_;  // not before it is known
  std::optional<HtmlText> html_;
  std::string bytes_;  // decoded, while the charset is not known
  std::string utf8_;   // HTML
};

/// The text as unicode_casemap() gives it.
class FoldedText {
 public:
  FoldedText(const Message& message, const Part& part) : text_(message, part) {}
  void feed(std::string_view raw, std::string& out);
  void finish(std::string& out);

 private:
  PartText text_;
};

/// The parts that a preview may be made from, the best first: text/plain and text/html in their order, which in a
/// multipart/alternative is the plain one; then other texts, then what is attached or in a message within the message.
std::vector<std::uint32_t> preview_parts(const Message& message);

inline constexpr std::size_t kPreviewCharacters = 256;  // RFC 8970 §3.3

/// The first words of a part, white space folded to single spaces: at most kPreviewCharacters.
class Preview {
 public:
  Preview(const Message& message, const Part& part) : text_(message, part) {}
  /// More of the part's bytes; false when no more are wanted.
  bool feed(std::string_view raw);
  std::string finish();

 private:
  void take(std::string_view utf8);

  PartText text_;
  std::string piece_;
  std::string out_;
  std::size_t characters_ = 0;
  bool gap_ = false;
};

/// The preview of a message that is in memory: of the first of preview_parts() that has any words; "" if none has.
std::string preview(const Message& message, std::string_view bytes);

}  // namespace mime
