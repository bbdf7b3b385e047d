#pragma once
// Dialogs: conversations with a server as text files (tests/dialogs/<protocol>/*.txt), and their replay over in-memory
// streams: in lock-step, whole, one byte at a time, and cut off at every byte. Knows no protocol. For tests only.
//
//   # a comment
//   @ key value          an option; what it means is the protocol's test's business
//   C: text              the client sends the text and CRLF
//   C~ text              the client sends the text as it stands, with \r \n \t \\ \xNN understood and no line end added
//   S: pattern           the server sends this line; * stands for any bytes, also none
//   S* pattern           any number of lines like this, up to one that is what the next S: says

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "net/memory_stream.h"
#include "net/stream.h"

namespace tests {

struct Step {
  bool client = false;
  bool repeated = false;  // S*
  std::string text;       // client: the bytes to send; server: the pattern of a line without its CRLF
  int line = 0;           // in the file
};

struct Dialog {
  std::string name;  // of the file
  std::map<std::string, std::string> options;
  std::vector<Step> steps;

  std::string option(const std::string& key, std::string otherwise = {}) const {
    const auto found = options.find(key);
    return found == options.end() ? otherwise : found->second;
  }
  /// All that the client sends.
  std::string input() const {
    std::string all;
    for (const Step& step : steps) {
      if (step.client) all += step.text;
    }
    return all;
  }
};

inline std::string unescape(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

/// Throws std::runtime_error that names file and line for what is no dialog.
inline Dialog load(const std::filesystem::path& path) {
  Dialog dialog{.name = path.filename().string(), .options = {}, .steps = {}};
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const std::string_view rest = line.size() > 3 ? std::string_view(line).substr(3) : std::string_view();
    if (line.starts_with("@ ")) {
      const std::string option = line.substr(2);
      const std::size_t space = option.find(' ');
      dialog.options[option.substr(0, space)] = space == std::string::npos ? "" : option.substr(space + 1);
    } else if (line.starts_with("C:")) {
      dialog.steps.push_back({.client = true, .text = std::string(rest) + "\r\n", .line = number});
    } else if (line.starts_with("C~")) {
      dialog.steps.push_back({.client = true, .text = unescape(rest), .line = number});
    } else if (line.starts_with("S:") || line.starts_with("S*")) {
      dialog.steps.push_back({.repeated = line[1] == '*', .text = std::string(rest), .line = number});
    } else {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) + ": neither C:, C~, S:, S*, @ nor #");
    }
  }
  return dialog;
}

/// All dialogs of a directory, by name.
inline std::vector<Dialog> load_all(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Dialog> dialogs;
  for (const auto& path : paths) dialogs.push_back(load(path));
  return dialogs;
}

/// Whether `text` is what the pattern says; * stands for any bytes.
inline bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// Goes through the steps of a dialog line by line.
class Follower {
 public:
  explicit Follower(const Dialog& dialog) : steps_(dialog.steps) {}

  /// The step that comes next, or nullptr at the end.
  const Step* next() const { return at_ < steps_.size() ? &steps_[at_] : nullptr; }
  void sent() { ++at_; }
  /// Whether the server may send this line now; goes on behind it if so.
  bool received(std::string_view line) {
    if (next() == nullptr || next()->client) return false;
    const bool repeated = next()->repeated;
    const std::size_t then = repeated ? at_ + 1 : at_;
    if (then < steps_.size() && !steps_[then].client && matches(steps_[then].text, line)) {
      at_ = steps_[then].repeated ? then : then + 1;
      return true;
    }
    return repeated && matches(next()->text, line);
  }
  /// Passes over what need not come.
  void skip_repeated() {
    while (next() != nullptr && next()->repeated) ++at_;
  }

 private:
  const std::vector<Step>& steps_;
  std::size_t at_ = 0;
};

/// Compares what the server sent with the S: lines. "" when it is the same, else where and how it differs. With
/// `may_end_early` the output may stop after any line, and have at most `extra` lines more in place of the next.
inline std::string compare(const Dialog& dialog, std::string_view output, bool may_end_early = false,
                           std::size_t extra = 0) {
  const auto at = [&](int line) { return dialog.name + ":" + std::to_string(line) + ": "; };
  const auto lines = [&] { return static_cast<std::size_t>(std::count(output.begin(), output.end(), '\n')); };
  Follower follower(dialog);
  while (true) {
    while (follower.next() != nullptr && follower.next()->client) follower.sent();
    if (output.empty()) follower.skip_repeated();
    while (follower.next() != nullptr && follower.next()->client) follower.sent();
    const Step* step = follower.next();
    if (step == nullptr) break;
    if (output.empty()) return may_end_early ? "" : at(step->line) + "missing: " + step->text;
    const std::size_t end = output.find("\r\n");
    const std::string_view line = output.substr(0, end);
    if (!follower.received(line)) {
      if (may_end_early && lines() <= extra) return "";
      return at(step->line) + "expected: " + step->text + "\n     got: " + std::string(line);
    }
    output = end == std::string_view::npos ? std::string_view() : output.substr(end + 2);
  }
  if (output.empty() || (may_end_early && lines() <= extra)) return "";
  return dialog.name + ": more than expected: " + std::string(output.substr(0, 200));
}

using Serve = std::function<net::Task<void>(std::unique_ptr<net::Stream>)>;

namespace detail {

inline net::Task<void> serve_quietly(net::Task<void> session) {
  try {
    co_await std::move(session);
  } catch (const net::Closed&) {  // an ordinary end
  }
}

inline net::Task<void> serve_and_tell(net::Task<void> session, bool& ended) {
  co_await serve_quietly(std::move(session));
  ended = true;
}

inline net::Task<std::string> read_line(net::Stream& stream, std::string& buffered) {
  while (buffered.find('\n') == std::string::npos) {
    char bytes[512];
    const std::size_t count = co_await stream.read(bytes);
    if (count == 0) co_return std::exchange(buffered, {});
    buffered.append(bytes, count);
  }
  const std::size_t end = buffered.find('\n');
  std::string line = buffered.substr(0, end);
  if (line.ends_with('\r')) line.pop_back();
  buffered.erase(0, end + 1);
  co_return line;
}

inline net::Task<std::string> talk(const Dialog& dialog, const Serve& serve) {
  auto [client, server] = net::memory_pair({.peer_address = "192.0.2.25"}, {.peer_address = "192.0.2.1"});
  bool ended = false;
  net::Loop::current()->spawn(serve_and_tell(serve(std::move(server)), ended));
  client->set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(20));
  std::string buffered, problem;
  Follower follower(dialog);
  try {
    while (const Step* step = follower.next()) {
      if (step->client) {
        co_await client->write(step->text);
        follower.sent();
        continue;
      }
      const std::string line = co_await read_line(*client, buffered);
      if (!follower.received(line)) {
        problem = dialog.name + ":" + std::to_string(step->line) + ": in lock-step expected: " + step->text +
                  "\n     got: " + line;
        break;
      }
    }
  } catch (const net::Closed& closed) {
    problem = dialog.name + ": in lock-step: " + closed.what();
  }
  client.reset();
  for (int i = 0; i < 2000 && !ended; ++i) co_await net::sleep_for(std::chrono::milliseconds(5));
  if (!ended && problem.empty()) problem = dialog.name + ": the session did not end";
  co_return problem;
}

}  // namespace detail

/// The client sends a line only when all replies before it have come: shows that nothing waits in a buffer. "" or what
/// went wrong.
inline std::string replay_in_steps(const Dialog& dialog, const Serve& serve) {
  return net::run(detail::talk(dialog, serve));
}

/// What the server sends when it is fed `input` in reads of at most `piece` bytes and then the end; after `fail_after`
/// operations the connection is reset.
inline std::string replay(const Serve& serve, std::string input, std::size_t piece, std::size_t fail_after = SIZE_MAX) {
  std::string output;
  net::Script script{.input = std::move(input), .piece = piece, .fail_after = fail_after};
  net::run(detail::serve_quietly(serve(net::scripted_stream(std::move(script), output))));
  return output;
}

}  // namespace tests
