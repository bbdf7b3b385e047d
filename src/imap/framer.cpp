#include "imap/framer.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace imap {

namespace {

constexpr std::uint64_t kHuge = (1ull << 63) - 1;
constexpr std::size_t kHeadBytes = 32;  // longer than any literal's announcement that is not nonsense

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::optional<LiteralHead> literal_head(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  const std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  LiteralHead head;
  if (digits.ends_with('+')) {
    head.synchronizing = false;
    digits.remove_suffix(1);
  }
  if (digits.empty() || !std::ranges::all_of(digits, base::is_digit)) return std::nullopt;
  head.size = std::min(base::parse_u64(digits).value_or(kHuge), kHuge);
  head.binary = open > 0 && line[open - 1] == '~';
  head.length = line.size() - open + (head.binary ? 1 : 0);
  return head;
}

Framer::Step Framer::next(std::string_view input) {
  if (finished_) {
    text_.clear();
    line_begin_ = 0;
    finished_ = false;
  }
  std::size_t taken = 0;
  const auto pass = [&] {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - taken));
    const std::string_view bytes = input.substr(taken, n);
    taken += n;
    left_ -= n;
    return bytes;
  };
  while (true) {
    switch (state_) {
      case State::undecided:
        ENSURE(state_ != State::undecided);  // accept() or refuse() must follow a message
        break;
      case State::lost:
        return {Event::hopeless, taken};
      case State::literal:
        text_.append(pass());
        if (left_ > 0) return {Event::more, taken};
        line_begin_ = text_.size();
        state_ = State::line;
        break;
      case State::message:
        if (left_ > 0) {
          chunk_ = pass();
          return {chunk_.empty() ? Event::more : Event::chunk, taken};
        }
        state_ = State::tail;
        break;
      case State::skip_literal:
        pass();
        if (left_ > 0) return {Event::more, taken};
        state_ = State::skip_line;
        break;
      default:
        if (const auto event = take_line(input, taken)) return {*event, taken};
        if (taken == input.size() &&
            (state_ == State::line || state_ == State::raw || state_ == State::tail || state_ == State::skip_line)) {
          return {Event::more, taken};
        }
    }
  }
}

// Takes input up to the end of the line, or all of it. An event when there is something to tell.
std::optional<Framer::Event> Framer::take_line(std::string_view input, std::size_t& taken) {
  const std::string_view rest = input.substr(taken);
  const std::size_t feed = rest.find('\n');
  const bool whole = feed != std::string_view::npos;
  std::string_view bytes = rest.substr(0, whole ? feed + 1 : rest.size());
  if (state_ != State::skip_line) {
    const std::size_t room = limits_.command_bytes - std::min(limits_.command_bytes, text_.size());
    if (bytes.size() <= room) {
      text_.append(bytes);
      taken += bytes.size();
      return whole ? line_ended() : std::nullopt;
    }
    text_.append(bytes.substr(0, room));
    taken += room;
    skipped_end_.clear();
    const std::string_view line = std::string_view(text_).substr(line_begin_);
    skipped_end_.assign(line.substr(line.size() - std::min(line.size(), kHeadBytes)));
    state_ = State::skip_line;
    skipped_ = 0;
    finished_ = true;
    return Event::too_long;
  }
  taken += bytes.size();
  skipped_ += bytes.size();
  if (skipped_ > limits_.skipped_bytes) return Event::hopeless;
  skipped_end_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kHeadBytes)));
  if (skipped_end_.size() > kHeadBytes) skipped_end_.erase(0, skipped_end_.size() - kHeadBytes);
  if (!whole) return std::nullopt;
  const auto literal = literal_head(without_line_end(skipped_end_));
  skipped_end_.clear();
  if (literal && !literal->synchronizing) {
    if (skip(literal) == Event::hopeless) return Event::hopeless;
    return std::nullopt;
  }
  reset();
  return std::nullopt;
}

// text_ ends with a line end.
std::optional<Framer::Event> Framer::line_ended() {
  const std::string_view line = without_line_end(std::string_view(text_).substr(line_begin_));
  if (state_ == State::raw) {
    text_.resize(line_begin_ + line.size());
    state_ = State::line;
    finished_ = true;
    return Event::line;
  }
  const auto literal = literal_head(line);
  if (!literal) {
    text_.resize(line_begin_ + line.size());
    const Event event = state_ == State::tail ? Event::end : Event::command;
    state_ = State::line;
    finished_ = true;
    return event;
  }
  if (state_ == State::tail || message_literal()) {
    text_.resize(line_begin_ + line.size() - literal->length);
    literal_ = *literal;
    state_ = State::undecided;
    return Event::message;
  }
  if (literal->size > limits_.command_bytes - text_.size()) {
    finished_ = true;
    // RFC 9051 §4.3: a client that waits for the continuation gets the refusal in its place and sends nothing.
    if (literal->synchronizing) {
      state_ = State::line;
      return Event::too_long;
    }
    skipped_ = 0;
    return skip(literal);
  }
  left_ = literal->size;
  state_ = State::literal;
  if (literal->synchronizing) return Event::go_ahead;
  return std::nullopt;
}

Framer::Event Framer::skip(std::optional<LiteralHead> literal) {
  if (literal->size > limits_.skipped_bytes - std::min(skipped_, limits_.skipped_bytes)) return Event::hopeless;
  skipped_ += literal->size;
  left_ = literal->size;
  state_ = State::skip_literal;
  return Event::too_long;
}

// Whether the literal that text_ announces is the message of an APPEND or a REPLACE, and not its mailbox name.
bool Framer::message_literal() const {
  const std::string_view text = text_;
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return false;
  std::size_t at = space + 1;
  const auto word = [&](std::string_view what) {
    if (!base::istarts_with(text.substr(at), what)) return false;
    at += what.size();
    return true;
  };
  if (!word("APPEND ")) {
    word("UID ");
    if (!word("REPLACE ")) return false;
    const std::size_t name = text.find(' ', at);  // behind the number
    if (name == std::string_view::npos) return false;
    at = name + 1;
  }
  return text.rfind('{') > at + (text.substr(at).starts_with('~') ? 1 : 0);
}

void Framer::accept() {
  ENSURE(state_ == State::undecided);
  state_ = State::message;
  left_ = literal_.size;
  finished_ = true;
}

void Framer::refuse() {
  ENSURE(state_ == State::undecided);
  finished_ = true;
  if (literal_.synchronizing) {
    state_ = State::line;
    return;
  }
  skipped_ = 0;
  left_ = literal_.size;
  if (skip(literal_) == Event::hopeless) state_ = State::lost;  // next() will say so
}

void Framer::reset() {
  text_.clear();
  skipped_end_.clear();
  line_begin_ = 0;
  skipped_ = 0;
  left_ = 0;
  finished_ = false;
  state_ = State::line;
}

void Framer::release() {
  if (!idle()) return;
  text_ = {};
  skipped_end_ = {};
  line_begin_ = 0;
  finished_ = false;
}

}  // namespace imap
