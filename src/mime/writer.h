#pragma once
// Entity: messages and their parts as we write them ourselves (reports, notices): RFC 2045, RFC 2046, RFC 3464 §2. An
// entity is its content fields and its body, both complete. What comes out is a message that every parser reads as it
// was meant: lines end with CRLF and have at most 998 bytes, only ASCII unless a message within it has more, no
// boundary occurs in a part, and no value can add a field or a part. Values; linear in what they hold.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mime/header_writer.h"

namespace mime {

class Entity {
 public:
  /// text/SUBTYPE from UTF-8 with any line ends, in the encoding that fits it best.
  static Entity text(std::string_view utf8, std::string_view subtype = "plain");

  /// Any bytes, as an attachment if they have a file name.
  static Entity bytes(std::string_view bytes, std::string_view type, std::string_view file_name);

  /// A message within the message: message/rfc822, its line ends mended. One that no line-based transport could carry
  /// (NUL bytes, lines above 998) goes as an attachment in base64, so that it stays what it was.
  /// `subtype` is "global" when its header is not ASCII (RFC 6532 §3.7).
  static Entity message(std::string_view rfc822, std::string_view subtype = "rfc822");

  /// The header of a message alone: text/rfc822-headers (RFC 6522 §4).
  static Entity headers(std::string_view block);

  /// message/SUBTYPE of blocks of fields with blank lines between them: delivery-status (RFC 3464 §2.1) and its like.
  static Entity fields(std::string_view subtype, const std::vector<HeaderWriter>& blocks);

  /// `unique` is random, so that no part was made to contain its boundary; if one does all the same, another is taken.
  static Entity multipart(std::string_view subtype, const std::vector<Entity>& parts, std::string_view unique,
                          std::vector<Parameter> parameters = {});

  /// The whole message: `header`, MIME-Version, the content fields and the body.
  std::string whole(const HeaderWriter& header) const;

  bool eight_bit() const { return eight_bit_; }

 private:
  Entity(HeaderWriter header, std::string body, bool eight_bit)
      : header_(std::move(header)), body_(std::move(body)), eight_bit_(eight_bit) {}

  HeaderWriter header_;
  std::string body_;
  bool eight_bit_;
};

}  // namespace mime
