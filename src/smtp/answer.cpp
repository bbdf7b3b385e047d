#include "smtp/answer.h"

#include <algorithm>

#include "base/text.h"

namespace smtp {

namespace {

constexpr std::size_t kShown = 1000;

/// One to three digits at the front of `text`, from `at` on.
bool skip_number(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && at - begin < 3 && base::is_digit(text[at])) ++at;
  return at > begin;
}

}  // namespace

std::string_view enhanced_status(std::string_view text) {
  if (text.empty() || (text[0] != '2' && text[0] != '4' && text[0] != '5')) return {};
  std::size_t at = 1;
  for (int part = 0; part < 2; ++part) {
    if (at >= text.size() || text[at] != '.') return {};
    ++at;
    if (!skip_number(text, at)) return {};
  }
  return at == text.size() || base::is_space(text[at]) ? text.substr(0, at) : std::string_view();
}

std::string Answer::text() const {
  std::string joined = std::to_string(code);
  for (const std::string& one : lines) {
    if (joined.size() > kShown) break;
    if (!one.empty()) joined += " " + base::printable(one, kShown);
  }
  return joined;
}

AnswerParser::State AnswerParser::feed(std::string_view input, std::size_t& used) {
  used = 0;
  while (used < input.size()) {
    const std::string_view rest = input.substr(used);
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::size_t room = kMaxLine - line_.size();
    line_ += rest.substr(0, std::min(end, room));
    const std::size_t taken = std::min(end + 1, rest.size());
    used += taken;
    bytes_ += taken;
    if (bytes_ > kMaxBytes) {
      why_ = "its reply is too long";
      return State::broken;
    }
    if (end == rest.size()) break;
    std::string_view text = line_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    const State state = line(text);
    line_.clear();
    if (state != State::more) return state;
  }
  return State::more;
}

AnswerParser::State AnswerParser::line(std::string_view text) {
  const bool coded = text.size() >= 3 && text[0] >= '2' && text[0] <= '5' && base::is_digit(text[1]) &&
                     base::is_digit(text[2]) && (text.size() == 3 || text[3] == ' ' || text[3] == '-');
  if (!coded) {
    why_ = "it sent what is no reply: " + base::printable(text, 100);
    return State::broken;
  }
  answer_.code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  const bool last = text.size() == 3 || text[3] == ' ';
  answer_.lines.emplace_back(text.substr(std::min<std::size_t>(text.size(), 4)));
  if (last) return State::done;
  if (answer_.lines.size() < kMaxLines) return State::more;
  why_ = "its reply has too many lines";
  return State::broken;
}

Answer AnswerParser::take() {
  Answer answer = std::exchange(answer_, {});
  bytes_ = 0;
  // RFC 2034 §4: the code of the reply and the class of the status agree.
  const std::string_view status = enhanced_status(answer.lines.back());
  if (!status.empty() && status[0] - '0' == answer.code / 100) answer.status = status;
  return answer;
}

}  // namespace smtp
