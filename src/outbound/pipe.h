#pragma once
// Pipe: a command that takes messages, one run for each recipient: what it is given, and what its end means. Pure; who
// runs it is given to open() (Services::start_command). Exit codes as in sysexits(3).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "outbound/outbound.h"

namespace outbound {

/// What one run is about.
struct PipeValues {
  std::string sender;  // "" for the null reverse-path
  std::string recipient;
  std::string id;  // of the message in the queue
};

/// The placeholders of a command's arguments: "{sender}", "{recipient}", "{local_part}", "{domain}", "{id}".
/// invalid: an argument has another word in braces; said of the configuration.
base::Result<void> check_command(const std::vector<std::string>& command);

/// The arguments with the values in them. invalid: a value would make an option of an argument that is none, because it
/// begins with "-".
base::Result<std::vector<std::string>> expand(const std::vector<std::string>& command, const PipeValues& values);

/// "NAME=value": PATH, LANG, SENDER, RECIPIENT, LOCAL_PART, DOMAIN and QUEUE_ID; nothing of the server's own.
std::vector<std::string> environment_of(const PipeValues& values);

/// How a run ended, as the process that watches over the command says it on its socket: one byte of kind, a number of
/// four bytes (the higher first), and the beginning of what the command has written.
struct PipeEnd {
  enum class Kind : char { exited = 'E', killed = 'K', late = 'L', not_run = 'N' };
  Kind kind = Kind::exited;
  std::uint32_t code = 0;  // exit code, signal, nothing, errno
  std::string output;

  static constexpr std::size_t kMaxOutput = 4096;
};
std::string encode(const PipeEnd& end);
base::Result<PipeEnd> parse_pipe_end(std::string_view bytes);

/// delivered with 0. failed with what sysexits has for a message or an address that is no good: 65, 67, 68, 69, 73, 76,
/// 77. Everything else may pass, or is the operator's to mend, and is deferred. An enhanced status code (RFC 3463) of
/// the same class at the front of the output is taken over, and the output's first line is told.
Outcome outcome_of(const PipeEnd& end);

/// A message on its way to the command goes in blocks: a length of four bytes (the higher first) and as many bytes. One
/// of no bytes is its end; a socket that ends before that lets the run go.
std::string pipe_block(std::string_view bytes);

/// CRLF to LF, over any cuts.
class LineEnds {
 public:
  void convert(std::string_view from, std::string& to);
  /// A CR at the very end.
  void finish(std::string& to);

 private:
  bool cr_ = false;
};

}  // namespace outbound
