#pragma once
// Repair: a message that was submitted, made fit for every transport: all of it in 7 bits, no line above 998 bytes
// (RFC 5322 §2.1.1, RFC 6152 §3 asks it of who sends on, RFC 2045 §6 has the encodings). Only bodies and fields that
// need it are changed, and what they decode to stays the same. The structure stays: the parts, their types, their
// boundaries.
//
// Left as it is, because somebody has signed or encrypted it: all within multipart/signed and multipart/encrypted,
// application/pkcs7-mime, a message (also one within the message) that has a DKIM-Signature or ARC-Seal. Also message/…
// that is not message/rfc822, parts of an unknown encoding, and what is beyond the limits of the parser.
//
// Text without a charset whose bytes are UTF-8 is declared to be that, other text "unknown-8bit" (RFC 1428 §3): who
// reads it goes on guessing as before, where a wrong name would stop that.
//
// Two passes over the same bytes, in chunks of any size: look() at all, and when needed() says so, feed() all. Holds
// one header (Limits::header_bytes) at most, and some words for each part. Pure, total, linear, no recursion.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mime/message.h"

namespace mime {

/// Whether a line has more than 998 bytes; looks at every 1,000th byte or so.
class LongLines {
 public:
  void feed(std::string_view chunk);
  bool found() const { return found_; }

 private:
  std::size_t column_ = 0;  // bytes since the last line end
  bool found_ = false;
};

class Repair {
 public:
  struct Options {
    bool keep_utf8 = false;  // SMTPUTF8: UTF-8 may stand in header fields
    Limits limits;           // with which the message was parsed
  };

  /// `message` outlives it.
  Repair(const Message& message, Options options);
  ~Repair();

  void look(std::string_view chunk);
  /// After the last look(): whether feed() would change anything.
  bool needed();
  /// After needed(): whether all of it is going to be fit.
  bool complete() const;

  void feed(std::string_view chunk, std::string& out);
  void finish(std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// All at once; the message as it is when nothing is needed.
std::string repair(std::string_view message, bool keep_utf8 = false, Limits limits = {});

}  // namespace mime
