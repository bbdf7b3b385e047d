#pragma once
// IMAP URLs that name a message or a part of one (RFC 5092 §6, §11), with what authorises others to read it (RFC 4467
// §3). Pure, total, linear. URLs of servers, mailboxes and searches, relative paths and dot-segments are refused:
// nothing here can use them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "imap/command.h"

namespace imap {

/// RFC 4467 §3: who may read what the URL names.
struct UrlAccess {
  enum class Kind : std::uint8_t { submit, user, authuser, anonymous };
  Kind kind = Kind::anonymous;
  std::string user;  // of the first two
};

struct ImapUrl {
  struct Server {
    std::string user;  // decoded; may be empty
    std::string host;  // with its port
  };
  std::optional<Server> server;  // nothing: "/mailbox…" of the server at hand
  std::string mailbox;           // decoded; UTF-8
  std::optional<std::uint32_t> uid_validity;
  std::uint32_t uid = 0;
  Section section;
  struct Partial {
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;  // nothing: to the end
  };
  std::optional<Partial> partial;
  std::optional<std::int64_t> expires;  // Unix seconds
  std::optional<UrlAccess> access;
  std::size_t rump = 0;   // bytes of the URL before ":mechanism:token"; all of it when there is none
  std::string mechanism;  // as it was written
  std::string token;      // hexadecimal digits, at least 32
};

/// invalid: why, in words.
base::Result<ImapUrl> parse_imap_url(std::string_view url);

}  // namespace imap
