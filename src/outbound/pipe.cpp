#include "outbound/pipe.h"

#include <array>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "outbound/outcome.h"
#include "smtp/answer.h"

namespace outbound {

namespace {

constexpr std::size_t kHead = 5;
constexpr std::size_t kMaxLine = 300;

std::string_view local_part_of(std::string_view address) { return address.substr(0, address.rfind('@')); }

std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

std::optional<std::string_view> value_of(std::string_view name, const PipeValues& values) {
  if (name == "sender") return values.sender;
  if (name == "recipient") return values.recipient;
  if (name == "local_part") return local_part_of(values.recipient);
  if (name == "domain") return domain_of(values.recipient);
  if (name == "id") return values.id;
  return std::nullopt;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// The argument with its placeholders replaced; the first that is unknown, in `unknown`.
std::string replace(std::string_view argument, const PipeValues& values, std::string* unknown) {
  std::string out;
  while (!argument.empty()) {
    const std::size_t open = argument.find('{');
    out += argument.substr(0, open);
    if (open == std::string_view::npos) break;
    argument.remove_prefix(open);
    const std::size_t close = argument.find('}');
    const std::string_view name = close == std::string_view::npos ? std::string_view() : argument.substr(1, close - 1);
    if (!is_word(name)) {
      out += '{';
      argument.remove_prefix(1);
      continue;
    }
    if (const auto value = value_of(name, values)) {
      out += *value;
    } else if (unknown != nullptr && unknown->empty()) {
      *unknown = name;
    }
    argument.remove_prefix(close + 1);
  }
  return out;
}

std::string number_of(std::uint32_t number) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
  return out;
}

struct Meaning {
  std::uint32_t code;
  Verdict verdict;
  const char* status;
  const char* words;
};

/// sysexits(3). What is wrong with the command or this machine costs no message: the operator can mend it.
constexpr std::array kMeanings{
    Meaning{0, Verdict::delivered, "2.0.0", "the command took it"},
    Meaning{64, Verdict::deferred, "4.3.5", "the command was used wrongly"},
    Meaning{65, Verdict::failed, "5.6.0", "the command cannot use the message"},
    Meaning{66, Verdict::deferred, "4.3.0", "the command lacks a file"},
    Meaning{67, Verdict::failed, "5.1.1", "the command knows no such user"},
    Meaning{68, Verdict::failed, "5.1.2", "the command knows no such host"},
    Meaning{69, Verdict::failed, "5.3.0", "the command refuses it"},
    Meaning{70, Verdict::deferred, "4.3.0", "the command has failed"},
    Meaning{71, Verdict::deferred, "4.3.0", "the system has failed the command"},
    Meaning{72, Verdict::deferred, "4.3.0", "a file of the system fails the command"},
    Meaning{73, Verdict::failed, "5.2.0", "the command cannot keep it"},
    Meaning{74, Verdict::deferred, "4.3.0", "the command could not read or write"},
    Meaning{75, Verdict::deferred, "4.3.0", "the command wants it later"},
    Meaning{76, Verdict::failed, "5.5.0", "the command does not understand it"},
    Meaning{77, Verdict::failed, "5.7.0", "the command does not permit it"},
    Meaning{78, Verdict::deferred, "4.3.5", "the command is configured wrongly"},
};

Outcome meaning_of(std::uint32_t code) {
  const auto known = std::ranges::find(kMeanings, code, &Meaning::code);
  if (known == kMeanings.end()) {
    return deferred("4.3.0", "the command ended with exit code " + std::to_string(code));
  }
  return {.verdict = known->verdict, .status = known->status, .text = known->words};
}

std::string first_line(std::string_view output) {
  const std::size_t begin = output.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  output.remove_prefix(begin);
  return base::printable(output.substr(0, output.find_first_of("\r\n")), kMaxLine);
}

}  // namespace

base::Result<void> check_command(const std::vector<std::string>& command) {
  for (const std::string& argument : command) {
    std::string unknown;
    replace(argument, {}, &unknown);
    if (!unknown.empty()) {
      return base::fail(base::Code::invalid,
                        "names {" + unknown +
                            "}, which is none of {sender}, {recipient}, {local_part}, {domain} and "
                            "{id}");
    }
  }
  return {};
}

base::Result<std::vector<std::string>> expand(const std::vector<std::string>& command, const PipeValues& values) {
  std::vector<std::string> out;
  for (const std::string& argument : command) {
    out.push_back(replace(argument, values, nullptr));
    if (out.back().starts_with('-') && !argument.starts_with('-')) {
      return base::fail(base::Code::invalid,
                        "the address begins with \"-\", which the command would take for an option");
    }
    if (out.back().find('\0') != std::string::npos) {
      return base::fail(base::Code::invalid, "the address holds a NUL byte");
    }
  }
  return out;
}

std::vector<std::string> environment_of(const PipeValues& values) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "LANG=C.UTF-8",
          "SENDER=" + values.sender,
          "RECIPIENT=" + values.recipient,
          "LOCAL_PART=" + std::string(local_part_of(values.recipient)),
          "DOMAIN=" + std::string(domain_of(values.recipient)),
          "QUEUE_ID=" + values.id};
}

std::string encode(const PipeEnd& end) {
  return static_cast<char>(end.kind) + number_of(end.code) + end.output.substr(0, PipeEnd::kMaxOutput);
}

base::Result<PipeEnd> parse_pipe_end(std::string_view bytes) {
  if (bytes.size() < kHead || bytes.size() > kHead + PipeEnd::kMaxOutput ||
      std::string_view("EKLN").find(bytes[0]) == std::string_view::npos) {
    return base::fail(base::Code::unavailable, "what watches over the command has ended without a word");
  }
  PipeEnd end{.kind = static_cast<PipeEnd::Kind>(bytes[0]), .code = 0, .output = std::string(bytes.substr(kHead))};
  for (std::size_t i = 1; i < kHead; ++i) end.code = end.code << 8 | static_cast<std::uint8_t>(bytes[i]);
  return end;
}

Outcome outcome_of(const PipeEnd& end) {
  Outcome outcome;
  switch (end.kind) {
    case PipeEnd::Kind::exited:
      outcome = meaning_of(end.code);
      break;
    case PipeEnd::Kind::killed:
      outcome = deferred("4.3.0", "the command was ended by signal " + std::to_string(end.code));
      break;
    case PipeEnd::Kind::late:
      outcome = deferred("4.3.0", "the command took longer than its time limit, and was ended");
      break;
    case PipeEnd::Kind::not_run:
      // Nothing else for this command has a better chance now.
      return out_of_reach("4.3.5", "the command cannot be run: " +
                                       (end.output.empty() ? std::string(::strerror(static_cast<int>(end.code)))
                                                           : first_line(end.output)));
  }
  std::string said = first_line(end.output);
  if (const std::string_view status = smtp::enhanced_status(said); !status.empty()) {
    if (status[0] == outcome.status[0]) outcome.status = status;
    said.erase(0, status.size());
    said.erase(0, said.find_first_not_of(' '));
  }
  if (!said.empty()) outcome.text += ": " + said;
  return outcome;
}

std::string pipe_block(std::string_view bytes) {
  return number_of(static_cast<std::uint32_t>(bytes.size())) + std::string(bytes);
}

void LineEnds::convert(std::string_view from, std::string& to) {
  for (const char c : from) {
    if (cr_ && c != '\n') to += '\r';
    cr_ = c == '\r';
    if (!cr_) to += c;
  }
}

void LineEnds::finish(std::string& to) {
  if (cr_) to += '\r';
  cr_ = false;
}

}  // namespace outbound
