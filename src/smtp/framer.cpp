#include "smtp/framer.h"

namespace smtp {

std::optional<Line> LineFramer::next(std::string_view input, std::size_t& used) {
  used = 0;
  const std::size_t lf = input.find('\n', searched_);
  if (lf == std::string_view::npos) {
    if (too_long_ || input.size() >= limit_) {
      too_long_ = true;
      used = input.size();
      searched_ = 0;
    } else {
      searched_ = input.size();
    }
    return std::nullopt;
  }
  used = lf + 1;
  const bool too_long = too_long_ || used > limit_;
  reset();
  if (too_long) return Line{{}, LineEnd::too_long};
  if (lf == 0 || input[lf - 1] != '\r') return Line{input.substr(0, lf), LineEnd::bare_lf};
  const std::string_view text = input.substr(0, lf - 1);
  return Line{text, text.contains('\r') ? LineEnd::bare_cr : LineEnd::crlf};
}

namespace {

struct Marks {
  unsigned char bare = 0;  // a LF behind something else than CR, or a CR before something else than LF
  unsigned char dot = 0;   // a dot behind LF
  unsigned char nul = 0;
};

/// One pass without branches, which the compiler turns into vector instructions. A CR as the last byte is not judged.
Marks look(std::string_view input, char before) {
  Marks marks;
  const auto judge = [&](char previous, char c) {
    marks.bare |= static_cast<unsigned char>((c == '\n') ^ (previous == '\r'));
    marks.dot |= static_cast<unsigned char>((c == '.') & (previous == '\n'));
    marks.nul |= static_cast<unsigned char>(c == '\0');
  };
  judge(before, input[0]);
  for (std::size_t i = 1; i < input.size(); ++i) judge(input[i - 1], input[i]);
  return marks;
}

}  // namespace

/// Gathers the parts of an input that are content: as one view while they are in one piece, copied once they are not.
class Content::Pieces {
 public:
  Pieces(std::string_view input, std::string& edited) : input_(input), edited_(edited) { edited_.clear(); }

  void keep(std::size_t from, std::size_t to) {
    if (from != end_) {
      copy();
      begin_ = from;
    }
    end_ = to;
  }
  void insert(std::string_view text) {
    copy();
    begin_ = end_;
    edited_ += text;
  }
  std::string_view result() {
    if (edited_.empty()) return input_.substr(begin_, end_ - begin_);
    copy();
    return edited_;
  }

 private:
  void copy() { edited_.append(input_, begin_, end_ - begin_); }

  std::string_view input_;
  std::string& edited_;
  std::size_t begin_ = 0;  // [begin_, end_) is content that is not copied yet
  std::size_t end_ = 0;
};

std::string_view Content::next(std::string_view input, std::size_t& used) {
  used = 0;
  if (input.empty() || state_ == State::done) return {};
  if (keep_) {
    used = input.size();
    return input;
  }
  if (state_ == State::dot || state_ == State::dot_cr) return carefully(input, used);

  const char before = state_ == State::cr ? '\r' : state_ == State::line_start ? '\n' : 'x';
  const Marks marks = look(input, before);
  if (marks.bare != 0 || (marks.dot != 0 && form_ == Form::dotted)) return carefully(input, used);
  if (marks.nul != 0) nul_ = true;
  used = input.size();
  state_ = input.back() == '\r' ? State::cr : input.back() == '\n' ? State::line_start : State::text;
  return input;
}

std::string_view Content::carefully(std::string_view input, std::size_t& used) {
  Pieces out(input, edited_);
  std::size_t at = 0;
  while (at < input.size() && state_ != State::done) step(input, at, out);
  used = at;
  if (input.substr(0, used).contains('\0')) nul_ = true;
  return out.result();
}

/// Takes at least one byte, or changes the state to one that does.
void Content::step(std::string_view input, std::size_t& at, Pieces& out) {
  const char c = input[at];
  const std::size_t from = at;
  switch (state_) {
    case State::line_start:
      if (c == '.' && form_ == Form::dotted) {
        ++at;
        state_ = State::dot;
        return;
      }
      state_ = State::text;
      return;
    case State::text:
      while (at < input.size() && input[at] != '\r' && input[at] != '\n') ++at;
      out.keep(from, at);
      if (at == input.size()) return;
      if (input[at] == '\r') {
        state_ = State::cr;
      } else {
        // A line begins behind it for those who take it for a line end, but not here: no dot is looked for.
        bare_ = true;
        if (convert_) out.insert("\r");
      }
      out.keep(at, at + 1);
      ++at;
      return;
    case State::cr:
      if (c == '\n') {
        out.keep(at, at + 1);
        ++at;
        state_ = State::line_start;
        return;
      }
      bare_ = true;
      if (convert_) out.insert("\n");
      state_ = State::text;
      return;
    case State::dot:
      if (c == '\r') {
        ++at;
        state_ = State::dot_cr;
      } else {
        state_ = State::text;
      }
      return;
    case State::dot_cr:
      if (c == '\n') {
        ++at;
        state_ = State::done;
        return;
      }
      bare_ = true;
      out.insert(convert_ ? "\r\n" : "\r");
      state_ = State::text;
      return;
    case State::done:
      return;
  }
}

std::string_view Content::end() {
  const bool open = state_ == State::cr;
  state_ = State::done;
  if (!open) return {};
  bare_ = true;
  return convert_ ? std::string_view("\n") : std::string_view();
}

}  // namespace smtp
