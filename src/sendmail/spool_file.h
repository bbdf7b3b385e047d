#pragma once
// A file of the spool: a head of lines that end with LF, a blank line, and the message as it is to be sent, CRLF and
// all.
//
//   postrider-spool 1
//   id 5d41402abc4b2a76b9719d911017c592
//   size 00000000000000001234           bytes of the message
//   from ann@example.org                nothing behind it: the null sender
//   to bob@example.net                  once for each recipient; notify and orcpt belong to the one before
//   notify success,failure
//   orcpt rfc822;bob@example.net
//
// and perhaps envid, ret, body, smtputf8, priority and by. Written by whoever may use sendmail, so it is believed
// nothing but what it says of its own message. Pure, total, linear; the head has at most kMaxHead bytes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "smtp/host.h"

namespace sendmail {

inline constexpr std::size_t kMaxHead = 4 << 20;
inline constexpr std::size_t kIdDigits = 32;

struct SpoolFile {
  std::string id;
  std::uint64_t size = 0;
  smtp::Envelope envelope;
  std::size_t message_begin = 0;  // where the message stands in the file
};

/// 32 lower-case hexadecimal digits, as the name of a file is.
bool is_spool_id(std::string_view text);

/// The head with its blank line. What an envelope holds that is not named above is left out.
std::string format_head(const SpoolFile& file);

/// Where the digits of `size` stand in what format_head() gives: they are known only when the message has ended.
inline constexpr std::size_t kSizeDigits = 20;
std::size_t size_offset(std::string_view head);
std::string format_size(std::uint64_t size);

/// `begin` is the file's beginning, kMaxHead bytes of it or all that it has. invalid, with what is wrong.
base::Result<SpoolFile> parse_head(std::string_view begin);

}  // namespace sendmail
