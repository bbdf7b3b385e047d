#pragma once
// What a host answers to us as a client (RFC 5321 §4.2, RFC 2034), and the pure parser of it: total, linear, bounded in
// memory, the same however the bytes are cut. It is lenient where real hosts are sloppy (LF alone as line end, codes
// that differ between the lines of one reply: the last counts, a code without text), and gives up on what is no reply.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

struct Answer {
  int code = 0;                    // 200 to 599
  std::string status;              // RFC 3463, of the class of the code; "" when it gave none
  std::vector<std::string> lines;  // behind the codes, as they came, at least one

  bool positive() const { return code >= 200 && code < 300; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500; }
  /// "550 5.1.1 No such user", the lines joined by spaces, printable, at most 1,000 bytes or so.
  std::string text() const;
};

class AnswerParser {
 public:
  enum class State { more, done, broken };
  static constexpr std::size_t kMaxLine = 2048;  // RFC 5321 §4.5.3.1.5 says 512; the rest of a longer one is left out
  static constexpr std::size_t kMaxLines = 200;
  static constexpr std::size_t kMaxBytes = 64 * 1024;  // of one reply

  /// Takes from the front of `input` up to the end of one reply, and says in `used` how much. After `broken` the
  /// connection can only be closed.
  State feed(std::string_view input, std::size_t& used);
  /// After `done`; the parser is ready for the next reply then.
  Answer take();
  /// After `broken`, in words.
  const std::string& why() const { return why_; }
  /// A reply was begun.
  bool begun() const { return bytes_ > 0; }

 private:
  State line(std::string_view text);

  Answer answer_;
  std::string line_;
  std::size_t bytes_ = 0;
  std::string why_;
};

/// An enhanced status code at the front of `text` ("5.1.1", RFC 3463 §2); "" when there is none.
std::string_view enhanced_status(std::string_view text);

}  // namespace smtp
