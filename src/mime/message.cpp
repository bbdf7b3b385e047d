#include "mime/message.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "mime/header_reader.h"
#include "mime/scan.h"

namespace mime {
namespace {

constexpr std::size_t kBlock = 4096;

// RFC 5322 §2.1.1. A longer line can be no delimiter, and so no more of a body line is ever held.
constexpr std::size_t kLongestDelimiter = 998;

// A part that has begun and not ended.
struct Open {
  std::uint32_t part = 0;
  std::uint32_t last_child = kNoPart;
  std::uint64_t lines_before = 0;  // line ends before its body
  std::string boundary;            // of a multipart whose close-delimiter has not come; else empty
  std::size_t hash = 0;            // of the boundary
};

struct Delimiter {
  std::size_t frame;  // in the stack of open parts
  bool close;
};

}  // namespace

// The message is cut into blocks, which are scanned as a whole. A block that lies in a body, and in which no line
// begins with a hyphen while boundaries are awaited, is done with that. In the others lines are found one by one, and
// those of headers and those that may be delimiters are collected and looked at.
struct Parser::Impl {
  explicit Impl(const Limits& l) : limits(l), header(l) { open_part(0, true); }

  void feed(std::string_view chunk) {
    while (!chunk.empty()) {
      const std::string_view block = chunk.substr(0, kBlock);
      chunk.remove_prefix(block.size());
      const Scan seen = scan(block, last);
      message.eight_bit |= seen.eight_bit;
      message.nul |= seen.nul;
      message.bare_cr_or_lf |= seen.bare;
      if (in_header || collecting || (seen.dash && boundaries > 0)) {
        lines_of(block);
      } else {
        line_ends += seen.line_ends;
        advance(block);
      }
    }
  }

  Message finish() {
    if (collecting) end_line({});
    if (last == '\r') message.bare_cr_or_lf = true;
    line_begin = offset;
    line_ends_before = line_ends;
    close_above(0, offset);
    close_top(offset, line_ends);
    message.size = offset;
    return std::move(message);
  }

 private:
  // --- lines ------------------------------------------------------------------------------------------------------

  void lines_of(std::string_view block) {
    while (!block.empty()) {
      const bool wanted = in_header || (boundaries > 0 && block.front() == '-');
      if (!collecting && wanted && (offset == 0 || last == '\n')) begin_line();
      const std::size_t lf = block.find('\n');
      const bool complete = lf != std::string_view::npos;
      const std::string_view piece = block.substr(0, complete ? lf : block.size());
      const std::string_view taken = block.substr(0, piece.size() + (complete ? 1 : 0));
      block.remove_prefix(taken.size());
      advance(taken);
      line_ends += complete;
      if (!collecting) continue;
      if (complete) {
        end_line(piece);
      } else {
        hold(piece);
      }
    }
  }

  void advance(std::string_view bytes) {
    offset += bytes.size();
    before_last = bytes.size() > 1 ? bytes[bytes.size() - 2] : last;
    last = bytes.back();
  }

  void begin_line() {
    collecting = true;
    line_begin = offset;
    line_ends_before = line_ends;
    line_end_size = last != '\n' ? 0 : before_last == '\r' ? 2 : 1;
    held.clear();
  }

  // Lines of a header are held as far as the header is looked at.
  std::size_t held_limit() const {
    // Two more, so that a line which was cut is too long even when its last byte is taken for a CR.
    if (!in_header) return kLongestDelimiter + 2;
    const std::uint64_t used = line_begin - message.parts[open.back().part].header_begin;
    const std::size_t left = used < limits.header_bytes ? limits.header_bytes - static_cast<std::size_t>(used) : 0;
    return std::max(left, kLongestDelimiter) + 2;
  }

  void hold(std::string_view piece) { held += piece.substr(0, held_limit() - held.size()); }

  // `rest` is what completes the held part of the line. `offset` is behind the line end.
  void end_line(std::string_view rest) {
    collecting = false;
    std::string_view line = rest;
    if (!held.empty()) {
      // The held text is moved out, because what follows may begin the next line.
      hold(rest);
      current.swap(held);
      line = current;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto delimiter = find_delimiter(line)) {
      on_delimiter(*delimiter);
    } else if (in_header) {
      if (line.empty()) {
        end_header(offset, line_ends);
      } else {
        header.line(message, line, offset - message.parts[open.back().part].header_begin);
      }
    }
  }

  // --- delimiters -------------------------------------------------------------------------------------------------

  // RFC 2046 §5.1.1: "--" boundary ["--"] transport-padding. The innermost part that has this boundary is meant; RFC
  // 2046 §5.1.2 wants outer ones recognised at any depth. The whole line must match, which is what the grammar says:
  // taking any line that begins so would find "-----Original Message-----" in a multipart whose boundary is "-".
  std::optional<Delimiter> find_delimiter(std::string_view line) const {
    if (boundaries == 0 || !line.starts_with("--") || line.size() > kLongestDelimiter) return std::nullopt;
    std::string_view text = line.substr(2);
    while (!text.empty() && base::is_space(text.back())) text.remove_suffix(1);
    if (text.empty()) return std::nullopt;
    const std::string_view shorter = text.ends_with("--") ? text.substr(0, text.size() - 2) : std::string_view();
    const std::size_t hash = std::hash<std::string_view>()(text);
    const std::size_t shorter_hash = std::hash<std::string_view>()(shorter);
    for (std::size_t i = open.size(); i-- > 0;) {
      const Open& o = open[i];
      if (o.boundary.empty()) continue;
      if (o.hash == hash && o.boundary == text) return Delimiter{i, false};
      if (o.hash == shorter_hash && o.boundary == shorter) return Delimiter{i, true};
    }
    return std::nullopt;
  }

  void on_delimiter(Delimiter delimiter) {
    // The line end before a delimiter belongs to it.
    close_above(delimiter.frame, line_begin - line_end_size);
    Open& multipart = open[delimiter.frame];
    if (delimiter.close || message.parts.size() >= limits.parts) {
      multipart.boundary.clear();
      --boundaries;
    } else {
      open_part(offset, false);
    }
  }

  // --- the tree ---------------------------------------------------------------------------------------------------

  void open_part(std::uint64_t begin, bool is_message) {
    const auto index = static_cast<std::uint32_t>(message.parts.size());
    Part& part = message.parts.emplace_back();
    part.header_begin = part.body_begin = part.end = begin;
    if (!open.empty()) {
      Open& parent = open.back();
      part.parent = parent.part;
      (parent.last_child == kNoPart ? message.parts[parent.part].first_child
                                    : message.parts[parent.last_child].next_sibling) = index;
      parent.last_child = index;
      const Part& container = message.parts[parent.part];
      // RFC 2046 §5.1.5.
      if (container.multipart() && container.subtype == "digest") {
        part.type = "message";
        part.subtype = "rfc822";
      }
    }
    if (is_message) {
      part.envelope = static_cast<std::uint32_t>(message.envelopes.size());
      message.envelopes.emplace_back();
    }
    open.push_back({.part = index, .last_child = kNoPart, .lines_before = 0, .boundary = {}, .hash = 0});
    header.begin(index);
    in_header = true;
  }

  void end_header(std::uint64_t body_begin, std::uint64_t lines_before) {
    Open& top = open.back();
    std::string boundary = header.end(message);
    in_header = false;
    Part& part = message.parts[top.part];
    part.body_begin = part.end = body_begin;
    top.lines_before = lines_before;
    if (open.size() > limits.depth) return;
    if (part.multipart() && !boundary.empty()) {
      top.hash = std::hash<std::string_view>()(boundary);
      top.boundary = std::move(boundary);
      ++boundaries;
    } else if (part.message() && message.parts.size() < limits.parts && plain(part.encoding)) {
      open_part(body_begin, true);
    }
  }

  // RFC 2046 §5.2.1: a message is only encoded as 7bit, 8bit or binary. One that is base64 all the same (RFC 6532 §3.7
  // allows it for message/global) has no offsets to show.
  static bool plain(std::string_view encoding) {
    return encoding != "base64" && encoding != "quoted-printable" && encoding != "x-uuencode";
  }

  // Ends all parts above open[frame] at `end`, or where the innermost begins its body if that is later.
  void close_above(std::size_t frame, std::uint64_t end) {
    const Part& top = message.parts[open.back().part];
    end = std::max(end, in_header ? top.header_begin : top.body_begin);
    const std::uint64_t lines = line_ends_before - (end < line_begin ? 1 : 0);
    // A header that is cut off here has no body; if it is of a message, then neither has the message.
    while (in_header) end_header(end, lines);
    while (open.size() > frame + 1) close_top(end, lines);
  }

  void close_top(std::uint64_t end, std::uint64_t lines) {
    Open& top = open.back();
    Part& part = message.parts[top.part];
    part.end = end;
    part.lines = lines - top.lines_before;
    if (!top.boundary.empty()) --boundaries;
    open.pop_back();
  }

  Limits limits;
  Message message;
  HeaderReader header;
  std::vector<Open> open;  // never empty before finish()
  std::size_t boundaries = 0;
  bool in_header = true;  // of open.back()

  std::uint64_t offset = 0;     // bytes so far
  std::uint64_t line_ends = 0;  // line ends so far
  char last = 0;                // the last byte and the one before it
  char before_last = 0;

  bool collecting = false;  // a line that is wanted has begun
  std::uint64_t line_begin = 0;
  std::uint64_t line_ends_before = 0;  // line ends before the line
  std::size_t line_end_size = 0;       // of the line before
  std::string held;                    // what earlier blocks had of the line
  std::string current;
};

std::string_view Message::parameter(const Part& part, std::string_view name) const {
  for (const Parameter& p : part.parameters) {
    if (base::iequals(p.name, name)) return p.value;
  }
  return {};
}

Parser::Parser(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::feed(std::string_view chunk) { impl_->feed(chunk); }

Message Parser::finish() {
  ENSURE(impl_);
  const auto impl = std::move(impl_);
  return impl->finish();
}

Message parse(std::string_view message, Limits limits) {
  Parser parser(limits);
  parser.feed(message);
  return parser.finish();
}

}  // namespace mime
