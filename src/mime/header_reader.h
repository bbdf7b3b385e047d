#pragma once
// HeaderReader (private to mime): takes the header fields that matter out of one header block, line by line, into a
// Part and its EnvelopeFields. Bounded by the limits of the message; what is beyond them is passed over.

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "mime/message.h"

namespace mime {

/// The fields that a Part or an EnvelopeFields is made of.
enum class Known : std::uint8_t {
  none,
  content_type,
  content_transfer_encoding,
  content_id,
  content_description,
  content_md5,
  content_location,
  content_disposition,
  content_language,
  received,
  // From here on: of messages only, not of body parts.
  date,
  subject,
  from,
  sender,
  reply_to,
  to,
  cc,
  bcc,
  in_reply_to,
  message_id,
  references,
  count
};

class HeaderReader {
 public:
  explicit HeaderReader(const Limits& limits) : limits_(limits), budget_(limits.kept_bytes) {}

  /// A new block, of message.parts[part].
  void begin(std::uint32_t part);

  /// A line without its line end; `used` is the size of the block including it.
  void line(Message& message, std::string_view text, std::uint64_t used);

  /// The block is complete. Returns the boundary of a multipart, "" if there is none that can be used.
  std::string end(Message& message);

 private:
  void finish_field(Message& message);
  void keep_content(Part& part);
  void keep_envelope(EnvelopeFields& fields);
  std::string keep(std::string_view text);
  std::vector<Parameter> keep(std::vector<Parameter> parameters);

  Limits limits_;
  std::size_t budget_;  // bytes of text that the message may still keep
  std::uint32_t part_ = 0;
  std::size_t fields_ = 0;
  Known known_ = Known::none;  // the field under way
  std::string body_;
  std::string boundary_;
  std::bitset<static_cast<std::size_t>(Known::count)> seen_;
};

}  // namespace mime
