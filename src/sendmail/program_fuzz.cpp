// Input: behind a byte that says what it is, the command line of a program, its message, a file of the spool, or a line
// of the socket. Nothing crashes; what is written is read again as the same; any pieces of a message give what the
// whole gives.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "sendmail/arguments.h"
#include "sendmail/bell.h"
#include "sendmail/input.h"
#include "sendmail/spool_file.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

struct Made {
  bool ok = false;
  std::string text;
  std::vector<std::string> recipients;
  friend bool operator==(const Made&, const Made&) = default;
};

Made make(std::string_view bytes, std::size_t piece, bool dot_ends, bool from_header) {
  sendmail::Input input({.dot_ends = dot_ends,
                         .from_header = from_header,
                         .from = "ann@example.org",
                         .full_name = "Ann",
                         .hostname = "mail.example.org",
                         .unique = "1",
                         .now = {}});
  Made made;
  for (std::size_t at = 0; at < bytes.size() && !input.done(); at += piece) {
    if (!input.feed(bytes.substr(at, piece), made.text)) return {};
  }
  if (!input.finish(made.text)) return {};
  made.ok = true;
  made.recipients = input.recipients();
  return made;
}

void check_message(std::string_view bytes, std::uint8_t options) {
  const bool dot_ends = (options & 1) != 0;
  const Made whole = make(bytes, bytes.size() + 1, dot_ends, (options & 2) != 0);
  require(make(bytes, 1 + (options >> 2), dot_ends, (options & 2) != 0) == whole, "pieces give something else");
  if (!whole.ok) return;
  require(whole.text.contains("\r\n\r\n") || whole.text.starts_with("\r\n"), "no header ends");
  require(whole.text.ends_with("\r\n"), "the last line does not end");
  for (std::size_t i = 0; i < whole.text.size(); ++i) {
    if (whole.text[i] == '\n') require(i > 0 && whole.text[i - 1] == '\r', "a bare LF");
    if (whole.text[i] == '\r') require(i + 1 < whole.text.size() && whole.text[i + 1] == '\n', "a bare CR");
  }
}

void check_spool_file(std::string_view bytes) {
  const auto file = sendmail::parse_head(bytes);
  if (!file) return;
  const std::string head = sendmail::format_head(*file);
  const auto again = sendmail::parse_head(head);
  require(again.has_value(), "what was written is not read");
  require(again->id == file->id && again->size == file->size && again->message_begin == head.size(), "another file");
  require(again->envelope.sender == file->envelope.sender && again->envelope.recipients == file->envelope.recipients &&
              again->envelope.envid == file->envelope.envid &&
              again->envelope.deliver_by == file->envelope.deliver_by &&
              again->envelope.priority == file->envelope.priority,
          "another envelope");
}

void check_bell(std::string_view line) {
  if (const auto request = sendmail::parse_request(line)) {
    require(sendmail::format_request(*request) == std::string(line) + "\n", "another request");
  }
  if (const auto answer = sendmail::parse_answer(line)) {
    const std::string text = sendmail::format_answer(*answer);
    require(text.size() <= sendmail::kMaxAnswer && text.find('\n') == text.size() - 1, "not one line");
    require(sendmail::parse_answer(text.substr(0, text.size() - 1)).has_value(), "an answer is not read again");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 4) {
    case 0: {
      std::vector<std::string> words;
      for (const std::string_view word : base::split(rest, '\n')) words.emplace_back(word);
      (void)sendmail::parse_arguments((data[1] & 1) != 0 ? "mailq" : "sendmail", words);
      break;
    }
    case 1:
      check_message(rest, data[1]);
      break;
    case 2:
      check_spool_file(rest);
      break;
    default:
      check_bell(rest);
  }
  return 0;
}
