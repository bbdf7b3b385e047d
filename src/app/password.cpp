#include "app/password.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/files.h"

namespace app {

namespace {

constexpr std::size_t kMaxPassword = 4096;

/// No echo on the terminal while this lives.
class Hidden {
 public:
  Hidden() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~Hidden() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

base::Result<std::string> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return base::fail(base::Code::invalid, "no password on standard input");
  return first_line(std::move(line));
}

base::Result<std::string> prompt(const std::string& question) {
  std::fprintf(stderr, "%s: ", question.c_str());
  const Hidden hidden;
  auto line = read_line();
  std::fputc('\n', stderr);
  return line;
}

base::Result<std::string> read_any(const PasswordFrom& from, const std::string& whose) {
  if (!from.value.empty()) return from.value;
  if (from.file == "-" || (from.file.empty() && !::isatty(STDIN_FILENO))) return read_line();
  if (!from.file.empty()) {
    TRY_ASSIGN(std::string content, read_file(from.file, kMaxPassword));
    return first_line(std::move(content));
  }
  TRY_ASSIGN(std::string password, prompt("Password of " + whose));
  TRY_ASSIGN(const std::string again, prompt("Once more"));
  if (password != again) return base::fail(base::Code::invalid, "the two passwords differ");
  return password;
}

}  // namespace

base::Result<std::string> read_password(const PasswordFrom& from, const std::string& whose) {
  TRY_ASSIGN(std::string password, read_any(from, whose));
  if (password.empty()) return base::fail(base::Code::invalid, "the password is empty");
  return password;
}

}  // namespace app
