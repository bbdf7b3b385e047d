#pragma once
// What sendmail and the server say to one another over the spool's socket: one line each way.
//   take 5d41402abc4b2a76b9719d911017c592      its owner waits for the answer
//   run 5d41402abc4b2a76b9719d911017c592       the operator wants it taken up now
//   taken 1234              it is delivered or in the queue, under this id
//   refused 67 a sentence   for good, with an exit status of sysexits.h; nothing of it is kept, and the program takes
//                           the file away before it closes the connection
//   later a sentence        it stays in the spool
// Pure, total.

#include <optional>
#include <string>
#include <string_view>

namespace sendmail {

inline constexpr std::size_t kMaxRequest = 200;
inline constexpr std::size_t kMaxAnswer = 4096;

struct Answer {
  enum class Is { taken, refused, later } is = Is::later;
  int status = 0;    // refused
  std::string text;  // taken: the id; otherwise a sentence
};

struct Request {
  std::string id;
  bool waits = true;  // false: nobody will be told of a refusal
};

std::string format_request(const Request& request);
/// Nothing when the line (without its end) is none of ours.
std::optional<Request> parse_request(std::string_view line);

/// With its line end; cut to kMaxAnswer, control characters replaced.
std::string format_answer(const Answer& answer);
std::optional<Answer> parse_answer(std::string_view line);

}  // namespace sendmail
