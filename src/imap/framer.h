#pragma once
// Framer: bytes of an IMAP client into whole commands (RFC 9051 §4.3, RFC 7888). Pure; keeps at most one command of
// bounded size. Lines end in CRLF, and a bare LF is taken too. Literals stay in the command's text as they came
// ("{5}\r\nhello"), so that the parser sees one run of bytes; only the messages of APPEND and REPLACE are never
// collected: the command up to it is handed out, then the message in chunks, then the rest of the command.
//
// What is above the limits is reported once and then skipped to the end of its command without being kept.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imap {

/// The announcement of a literal at the end of a line: "{5}", "{5+}", "~{5}".
struct LiteralHead {
  std::uint64_t size = 0;
  bool synchronizing = true;
  bool binary = false;     // literal8
  std::size_t length = 0;  // bytes of the announcement itself
};
/// Of a line without its line end. Sizes above 2^63-1 are given as 2^63-1.
std::optional<LiteralHead> literal_head(std::string_view line);

class Framer {
 public:
  struct Limits {
    std::size_t command_bytes = 64 * 1024;  // of a command with its literals
    std::uint64_t skipped_bytes = 1 << 20;  // of one command that is skipped; above it there is no way on
  };
  enum class Event {
    more,      // all input was taken and nothing is complete
    command,   // a whole command: text()
    line,      // the line that was asked for with expect_line(): text()
    go_ahead,  // a synchronizing literal of acceptable size was announced: answer with a continuation and go on
    message,   // a command up to a message's literal, or what stands between two of them: text(), literal(); go on with
               // accept() or refuse()
    chunk,     // bytes of the message: chunk(), valid as long as the input
    end,       // the rest of the command line behind the message: text()
    too_long,  // the command that begins with text() is above the limit; the rest of it will be skipped
    hopeless,  // more would have to be skipped than is allowed: end the connection
  };
  struct Step {
    Event event;
    std::size_t taken;  // bytes of the input
  };

  explicit Framer(Limits limits) : limits_(limits) {}

  /// Looks at input; call again with what is left of it until the event is `more`.
  Step next(std::string_view input);

  std::string_view text() const { return text_; }
  const LiteralHead& literal() const { return literal_; }
  std::string_view chunk() const { return chunk_; }

  /// After `message`: its bytes come as chunks, or they are skipped (and not even sent, if the client waits for us).
  void accept();
  void refuse();

  /// The next line is not a command (IDLE's DONE, a SASL response).
  void expect_line() { state_ = State::raw; }

  /// Forgets everything, as at the beginning of a connection.
  void reset();
  void set_limits(Limits limits) { limits_ = limits; }
  /// Nothing has been taken of a further command.
  bool idle() const { return (state_ == State::line || state_ == State::raw) && (finished_ || text_.empty()); }
  /// Frees memory when idle().
  void release();

 private:
  enum class State { line, raw, literal, undecided, message, tail, skip_line, skip_literal, lost };
  std::optional<Event> take_line(std::string_view input, std::size_t& taken);
  std::optional<Event> line_ended();
  Event skip(std::optional<LiteralHead> literal);
  bool message_literal() const;

  Limits limits_;
  State state_ = State::line;
  bool finished_ = false;       // text_ belongs to the last event
  std::string text_;            // of the command so far
  std::size_t line_begin_ = 0;  // in text_: of the line under way
  std::string skipped_end_;     // the end of a line that is skipped: it may announce a literal
  std::uint64_t skipped_ = 0;   // of this command
  std::uint64_t left_ = 0;      // of a literal
  LiteralHead literal_;
  std::string_view chunk_;
};

}  // namespace imap
