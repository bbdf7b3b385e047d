// I18NLEVEL=1 (RFC 5255 §4.2): what one client files is found, ordered and threaded for the other by i;unicode-casemap
// (RFC 5051).

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

std::string about(const std::string& subject) { return "Subject: " + subject + "\r\n\r\nx\r\n"; }

net::Task<void> file(Client& client, const std::string& subject) {
  const std::string message = about(subject);
  const Lines said = co_await client.command("APPEND INBOX {" + std::to_string(message.size()) + "+}\r\n" + message);
  CHECK(said.back().starts_with("t OK "));
}

net::Task<void> compared(World&, Client& one, Client& two) {
  // A result that is followed is compared in the same way as the search that it comes from.
  CHECK(co_await one.command("SEARCH RETURN (COUNT UPDATE) CHARSET UTF-8 SUBJECT \"cafe\"") ==
        Lines{"* ESEARCH (TAG \"t\") COUNT 0", "t OK SEARCH completed"});
  co_await file(two, "=?iso-8859-1?q?CAF=C9?=");
  co_await file(two, "Tee");
  Lines said = co_await one.command("NOOP");
  CHECK(std::ranges::find(said, "* ESEARCH (TAG \"t\") ADDTO (0 1)") != said.end());
  // An accent in the key is wanted in the text; capitals of any script are the same as small letters.
  CHECK(co_await one.command("SEARCH CHARSET UTF-8 SUBJECT \"caf\xc3\xa9\"") ==
        Lines{"* SEARCH 1", "t OK SEARCH completed"});
  co_await file(two, "\xd0\xa7\xd0\x90\xd0\x99");  // ЧАЙ
  co_await file(two, "cafe");
  (void)co_await one.command("NOOP");
  CHECK(co_await one.command("SEARCH CHARSET UTF-8 SUBJECT \"\xd1\x87\xd0\xb0\xd0\xb9\"") ==
        Lines{"* SEARCH 3", "t OK SEARCH completed"});
  CHECK(co_await one.command("SEARCH CHARSET UTF-8 SUBJECT \"caf\xc3\xa9\"") ==
        Lines{"* SEARCH 1", "t OK SEARCH completed"});
  // By the bytes of what is compared: a letter comes before it with its accent, other scripts behind.
  CHECK(co_await one.command("SORT (SUBJECT) UTF-8 ALL") == Lines{"* SORT 4 1 2 3", "t OK SORT completed"});
  co_await file(two, "Re: caf\xc3\xa9");
  CHECK(co_await one.command("THREAD ORDEREDSUBJECT UTF-8 ALL") ==
        Lines{"* 5 EXISTS", "* 0 RECENT", "* ESEARCH (TAG \"t\") ADDTO (0 5)", "* THREAD (1 5)(2)(3)(4)",
              "t OK THREAD completed"});
}
TEST_CASE("what one client files is compared for the other as i;unicode-casemap says") { test::tell(compared, 0); }

// §4.6 (c), the example of the standard with other words: what is malformed is sorted behind all else.
net::Task<void> failed(World&, Client& one, Client& two) {
  co_await file(one, "=?utf-8?b?0MDQvdC00YDQtdC5?=");  // begins with what is no UTF-8
  co_await file(one, "=?utf-8?b?0YHQldCg0JPQldCZ?=");  // сЕРГЕЙ
  co_await file(one, "=?koi8-r?b?4czFy9PFyg==?=");     // Алексей
  for (Client* client : {&one, &two}) {
    (void)co_await client->command("NOOP");
    CHECK(co_await client->command("SORT (SUBJECT) UTF-8 ALL") == Lines{"* SORT 3 2 1", "t OK SORT completed"});
  }
}
TEST_CASE("what cannot be converted stands behind all that can") { test::tell(failed, 0); }

}  // namespace
}  // namespace imap
