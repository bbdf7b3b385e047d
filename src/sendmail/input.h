#pragma once
// Input: what a program wrote to sendmail, made a message as it comes. Any line ends become CRLF; a line that is only a
// dot ends it where that is wanted; recipients are read from the header and Bcc taken out (-t); From, Date and
// Message-ID are added where they are missing (RFC 5322 §3.6). Input without a header is all body. The header is held
// until it is whole, at most kMaxHeader bytes of it; of the body nothing. Pure, total, linear; any pieces give what the
// whole gives.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sendmail {

inline constexpr std::size_t kMaxHeader = 1 << 20;
inline constexpr std::size_t kMaxFields = 10'000;
inline constexpr std::size_t kMaxRecipients = 10'000;

/// How a message is to be completed.
struct Completion {
  bool dot_ends = true;
  bool from_header = false;  // -t
  std::string from;          // an address, for a From field that is missing
  std::string full_name;
  std::string hostname;  // for names without a domain, and Message-ID
  std::string unique;    // for Message-ID
  base::WallTime now;
};

/// The addresses in one operand or address field: names without a domain get `hostname`. invalid: there is none in it,
/// or one that cannot be.
base::Result<std::vector<std::string>> addresses_in(std::string_view text, std::string_view hostname);

class Input {
 public:
  explicit Input(Completion completion) : completion_(std::move(completion)) {}

  /// Appends to `out` what can go on. too_large: the header; invalid: it has a NUL, or a recipient that is none.
  base::Result<void> feed(std::string_view bytes, std::string& out);
  /// The input has ended.
  base::Result<void> finish(std::string& out);
  /// The lone dot has come: nothing behind it counts.
  bool done() const { return done_; }
  /// The header is complete: recipients() are all that there are.
  bool header_done() const { return !in_header_; }
  const std::vector<std::string>& recipients() const { return recipients_; }

 private:
  void text(std::string_view piece, std::string& out);
  base::Result<void> end_line(std::string& out);
  base::Result<void> look_at_line(std::string& out);
  base::Result<void> end_header(std::string& out);
  base::Result<void> take_recipients(std::string_view body);
  void add_missing(const std::vector<bool>& seen, std::string& out) const;
  void put(std::string_view piece, std::string& out) { (in_header_ ? header_ : out) += piece; }

  Completion completion_;
  std::string header_;
  std::size_t line_ = 0;  // where the line under way begins in header_
  bool in_header_ = true;
  bool line_start_ = true;
  bool held_cr_ = false;
  bool held_dot_ = false;
  bool done_ = false;
  std::vector<std::string> recipients_;
};

}  // namespace sendmail
