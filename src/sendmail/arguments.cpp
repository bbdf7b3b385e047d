#include "sendmail/arguments.h"

#include <algorithm>

#include "base/text.h"

namespace sendmail {
namespace {

using base::Code;

// Flags by what follows them: a value behind the letter or as the next word; a value behind the letter only.
constexpr std::string_view kWithValue = "fFrNRVBCOXLhobAp";
constexpr std::string_view kWithAttached = "qdD";
constexpr std::string_view kAlone = "tivnmsGUIxE";

/// RFC 3461 §4: what is not printable, and "+" and "=", as +XX.
std::string xtext(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c < 127 && c != '+' && c != '=') {
      out += c;
    } else {
      out += '+' + base::upper(base::hex(std::string_view(&c, 1)));
    }
  }
  return out;
}

base::Result<smtp::Notify> parse_notify(std::string_view value) {
  smtp::Notify notify;
  for (const std::string_view word : base::split(value, ',')) {
    if (base::iequals(word, "never") && value.size() == word.size()) {
      notify.never = true;
    } else if (base::iequals(word, "success")) {
      notify.success = true;
    } else if (base::iequals(word, "failure")) {
      notify.failure = true;
    } else if (base::iequals(word, "delay")) {
      notify.delay = true;
    } else {
      return base::fail(Code::invalid, "-N takes never, or success, failure and delay");
    }
  }
  return notify;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  base::Result<Arguments> run() {
    while (at_ < words_.size()) {
      const std::string_view word = words_[at_++];
      if (word == "--") break;
      if (word.size() < 2 || word[0] != '-') {
        --at_;
        break;
      }
      TRY(word[1] == '-' ? long_option(word.substr(2)) : cluster(word.substr(1)));
    }
    out.recipients.assign(words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
    return std::move(out);
  }

  Arguments out;

 private:
  base::Result<std::string> next_word(std::string_view option) {
    if (at_ == words_.size()) return base::fail(Code::invalid, "a value is missing behind -" + std::string(option));
    return words_[at_++];
  }

  base::Result<void> long_option(std::string_view option) {
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (name == "help") {
      out.task = Task::help;
      return {};
    }
    if (name != "config" && name != "dir") {
      return base::fail(Code::invalid, "there is no option --" + base::printable(option, 60));
    }
    std::string& value = name == "dir" ? out.directory : out.config_file;
    if (equals != std::string_view::npos) {
      value = option.substr(equals + 1);
      return {};
    }
    TRY_ASSIGN(value, next_word("-" + std::string(name)));
    return {};
  }

  /// "-ti", "-fann@example.org", "-oem": letters, until one takes the rest as its value.
  base::Result<void> cluster(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (kAlone.contains(letter)) {
        alone(letter);
      } else if (kWithAttached.contains(letter)) {
        if (letter == 'q') out.task = Task::queue_run;
        return {};
      } else if (kWithValue.contains(letter)) {
        if (!letters.empty()) return value(letter, letters);
        TRY_ASSIGN(const std::string word, next_word(std::string_view(&letter, 1)));
        return value(letter, word);
      } else {
        return base::fail(Code::invalid, "there is no option -" + base::printable(std::string_view(&letter, 1)));
      }
    }
    return {};
  }

  void alone(char letter) {
    if (letter == 't') out.from_header = true;
    if (letter == 'i') out.dot_ends = false;
    if (letter == 'I') out.task = Task::aliases;
  }

  base::Result<void> value(char letter, std::string_view text) {
    switch (letter) {
      case 'f':
      case 'r':
        out.sender = text == "<>" ? std::string_view() : text;
        return {};
      case 'F':
        out.full_name = text;
        return {};
      case 'C':
        out.config_file = text;
        return {};
      case 'o':
        if (text.starts_with('i')) out.dot_ends = false;
        return {};
      case 'b':
        return task(text);
      case 'N': {
        TRY_ASSIGN(out.notify, parse_notify(text));
        return {};
      }
      case 'R':
        return returned(text);
      case 'V':
        if (text.size() > 100) return base::fail(Code::invalid, "-V takes at most 100 characters");
        out.envid = xtext(text);
        return {};
      default:  // what a message is is seen when it is read, and the rest is about other programs' files
        return {};
    }
  }

  base::Result<void> task(std::string_view text) {
    if (text == "m") {
      out.task = Task::send;
    } else if (text == "s") {
      out.task = Task::smtp;
    } else if (text == "p") {
      out.task = Task::queue_list;
    } else if (text == "i") {
      out.task = Task::aliases;
    } else {
      return base::fail(Code::invalid, "-b" + base::printable(text, 20) +
                                           " is not offered; the server is started by `postrider serve`");
    }
    return {};
  }

  base::Result<void> returned(std::string_view text) {
    if (base::iequals(text, "full")) {
      out.ret = smtp::Return::full;
    } else if (base::iequals(text, "hdrs")) {
      out.ret = smtp::Return::headers;
    } else {
      return base::fail(Code::invalid, "-R takes full or hdrs");
    }
    return {};
  }

  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
};

}  // namespace

base::Result<Arguments> parse_arguments(std::string_view called_as, const std::vector<std::string>& words) {
  Parser parser(words);
  if (called_as == "mailq") parser.out.task = Task::queue_list;
  if (called_as == "newaliases") parser.out.task = Task::aliases;
  return parser.run();
}

std::string_view usage() {
  return "sendmail [OPTIONS] [RECIPIENT...]\n"
         "  takes a message from standard input, for the recipients and (-t) those of its header\n"
         "  -t            recipients from To, Cc and Bcc; Bcc is taken out\n"
         "  -f, -r ADDR   the sender; <> is the null sender\n"
         "  -F NAME       the full name, for a From field that is missing\n"
         "  -i, -oi       a line that is only a dot does not end the message\n"
         "  -N never|success,failure,delay   -R full|hdrs   -V ID   reports of its delivery (RFC 3461)\n"
         "  -bs           speak SMTP on standard input and output\n"
         "  -bp           list the queue (also called as mailq)\n"
         "  -q            have the spool taken up, and wait for it\n"
         "  -C, --config FILE   the configuration file        --dir DIR   the data directory\n"
         "  -bi -bm -o… -v -n -m -B -O -X -L -h -A -G -U -d  are taken and mean nothing here\n"
         "\nExample: postrider sendmail -t < message\n";
}

}  // namespace sendmail
