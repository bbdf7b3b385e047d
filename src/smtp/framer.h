#pragma once
// SMTP bytes to frames: command lines, and the content of a message (DATA with its dots, BDAT by count). Both are pure,
// total, linear and hold a bounded amount of memory; the result does not depend on how the bytes were cut into reads.
// Only CRLF ends a line or a message (RFC 5321 §2.3.8, §4.1.1.4): what another server may take for a line end is
// reported, never followed, so that no content can be read as a command (SMTP smuggling).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace smtp {

enum class LineEnd {
  crlf,
  bare_lf,   // the line ended in LF alone
  bare_cr,   // it ended in CRLF but has a CR inside
  too_long,  // it was above the limit and has been thrown away
};

struct Line {
  std::string_view text;  // without its line end; empty when too long
  LineEnd end = LineEnd::crlf;
};

class LineFramer {
 public:
  /// `limit` counts the line end (RFC 5321 §4.5.3.1.4).
  explicit LineFramer(std::size_t limit) : limit_(limit) {}

  /// The first line of `input`, which begins where the last call stopped and holds all that has been read since.
  /// `used` is how much to take from its front, also when no line is whole yet.
  std::optional<Line> next(std::string_view input, std::size_t& used);

  /// Forgets a line that was begun.
  void reset() {
    searched_ = 0;
    too_long_ = false;
  }

 private:
  std::size_t limit_;
  std::size_t searched_ = 0;  // bytes of `input` that are known to hold no LF
  bool too_long_ = false;
};

class Content {
 public:
  enum class Form {
    dotted,   // DATA: ends with CRLF.CRLF, a dot in front of a line is taken off (RFC 5321 §4.5.2)
    counted,  // BDAT: ends when end() is called
  };
  /// What becomes of a CR without LF and a LF without CR.
  enum class BareEnds {
    refuse,   // bare() tells of them; the content is not to be used then
    convert,  // they become CRLF
    keep,     // counted content only: octets, of which none is looked at (RFC 3030 §3)
  };

  Content(Form form, BareEnds bare_ends)
      : form_(form), convert_(bare_ends == BareEnds::convert), keep_(bare_ends == BareEnds::keep) {}

  /// Decodes from the front of `input` and says in `used` how much it took: all of it, or up to the end of the message.
  /// What it returns is a view of `input` or of a buffer of its own that the next call changes.
  std::string_view next(std::string_view input, std::size_t& used);

  /// Ends counted content; returns what is to be added to it (a CR at the very end is bare, too).
  std::string_view end();

  bool done() const { return state_ == State::done; }
  /// A bare CR or LF was seen and is not converted, so the message must be refused.
  bool bare() const { return bare_ && !convert_; }
  bool nul() const { return nul_; }

 private:
  enum class State { line_start, text, cr, dot, dot_cr, done };
  class Pieces;

  std::string_view carefully(std::string_view input, std::size_t& used);
  void step(std::string_view input, std::size_t& at, Pieces& out);

  Form form_;
  bool convert_;
  bool keep_;
  bool bare_ = false;
  bool nul_ = false;
  State state_ = State::line_start;
  std::string edited_;  // used only where the input cannot be handed out as it stands
};

}  // namespace smtp
