#pragma once
// Private to the room. What a client hears of its command while that takes long: "* OK [INPROGRESS ("a" 20 100)]", at
// most every kSignOfLife (RFC 9585). Saying so also finds out whether the client is still there. On the session's loop;
// the session outlives it.

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>

#include "imap/driver.h"

namespace imap {

inline constexpr std::chrono::seconds kSignOfLife{10};

class Progress {
 public:
  /// With numbers. `goal`: what will be done in the end, or it is not known. `text` is for people.
  Progress(Session& session, std::string_view text, std::optional<std::uint64_t> goal)
      : Progress(session, text, goal, /*numbers=*/true) {}
  /// Without numbers: for what is not the command's own work.
  Progress(Session& session, std::string_view text) : Progress(session, text, std::nullopt, /*numbers=*/false) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Says how far the command is when nothing was said for some time; throws Closed when the client is gone.
  net::Task<void> tell(std::uint64_t done);
  /// A part of the command is through, in which so much was done; tell() counts on from there.
  void end_part(std::uint64_t done) { before_ += done; }

  /// tell() for the mail store, during a change. That goes on when the client is gone: what a client has asked for
  /// before it left is done. rethrow() throws then, before anything else is written.
  mailstore::OnCommit during_change();
  void rethrow() const;

 private:
  Progress(Session& session, std::string_view text, std::optional<std::uint64_t> goal, bool numbers);
  net::Task<void> tell_kept(std::uint64_t done);
  void append_numbers(std::uint64_t done);

  Session& session_;
  std::string_view text_;
  std::optional<std::uint64_t> goal_;
  bool numbers_;
  base::SteadyTime heard_;     // when the client last heard of us
  std::uint64_t before_ = 0;   // done in earlier parts
  std::uint64_t told_ = 0;     // the highest number so far
  std::exception_ptr closed_;  // the client was gone
};

}  // namespace imap
