// Searches that are not strict (RFC 6203), with two clients: what the one files, the other finds by how well it fits.
// Expectations are written by hand from the standard and from what fuzzy.h says.

#include <doctest/doctest.h>

#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::behind;
using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

// RFC 6203 §4, §6: scores stand beside the results, in their order.
net::Task<void> scored(World& world, Client& one, Client& two) {
  co_await world.deliver("Subject: Invoice for May\r\n\r\nPlease pay.\r\n");
  co_await world.deliver("Subject: your order\r\n\r\nThe invioce is attached.\r\n");
  co_await world.deliver("Subject: reminder\r\n\r\nInvoice, invoice; again the invoice.\r\n");
  const Lines plain = co_await one.command("SEARCH FUZZY TEXT invoice");
  CHECK(plain[plain.size() - 2] == "* SEARCH 3 4 5");
  const Lines sorted = co_await one.command("SORT RETURN (ALL RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT invoice");
  // The subject has the phrase (100), a body has it (80), a body has it with a slip (60 of 50).
  CHECK(sorted[0] == "* ESEARCH (TAG \"t\") ALL 3,5,4 RELEVANCY (100 75 13)");
  const Lines best = co_await one.command("SORT RETURN (PARTIAL 1:1 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT invoice");
  CHECK(best[0] == "* ESEARCH (TAG \"t\") PARTIAL (1:1 3) RELEVANCY (100)");
  // Of keys that must all be there it is the mean, of two the better; what is strict does not count.
  const Lines both = co_await one.command("SEARCH RETURN (RELEVANCY ALL) FUZZY (TEXT invoice BODY atached) NOT SEEN");
  CHECK(both[0] == "* ESEARCH (TAG \"t\") ALL 4 RELEVANCY (20)");  // 13 and 28
  const Lines either =
      co_await one.command("SEARCH RETURN (RELEVANCY ALL) OR FUZZY SUBJECT remainder FUZZY BODY again");
  CHECK(either[0] == "* ESEARCH (TAG \"t\") ALL 5 RELEVANCY (50)");  // the subject is enough, so no body is read
  const Lines strict = co_await two.command("SEARCH TEXT invioce");
  CHECK(strict[strict.size() - 2] == "* SEARCH 4");
}
TEST_CASE("a search that is not strict tells how well each message fits") { tell(scored, 2); }

// With RFC 5267: what comes is matched as loosely as what was there.
net::Task<void> followed(World& world, Client& one, Client& two) {
  (void)co_await one.command("UID SEARCH RETURN (UPDATE) FUZZY SUBJECT mesage");
  co_await world.deliver("Subject: Massage on Monday\r\n\r\nx\r\n");
  co_await world.deliver("Subject: Message!\r\n\r\nx\r\n");
  const Lines told = co_await one.command("NOOP");
  CHECK(told[told.size() - 2] == "* ESEARCH (TAG \"t\") UID ADDTO (0 3)");
  (void)co_await two.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines gone = co_await one.command("NOOP");
  CHECK(gone[0] == "* ESEARCH (TAG \"t\") UID REMOVEFROM (0 3)");
}
TEST_CASE("results of a search that is not strict are followed") { tell(followed, 1); }

// A body is read in pieces of 256 KiB: a word or a phrase that lies across their border is found, and every word once.
net::Task<void> pieces(World& world, Client& one, Client&) {
  for (const std::size_t before : {262'114u, 262'139u, 262'144u}) {
    std::string body;
    while (body.size() + 50 < before) body += "padding of a line that is no more than that.\r\n";
    body += std::string(before - body.size(), '.') + "accomodation of hedgehogs\r\n";
    co_await world.deliver("Subject: large\r\n\r\n" + body);
  }
  const Lines word = co_await one.command("SEARCH FUZZY BODY accommodation");
  CHECK(word[word.size() - 2] == "* SEARCH 1 2 3");
  const Lines phrase = co_await one.command("SEARCH RETURN (RELEVANCY ALL) FUZZY BODY \"dation of hedge\"");
  CHECK(phrase[0] == "* ESEARCH (TAG \"t\") ALL 1:3 RELEVANCY (100 100 100)");
  const Lines score = co_await one.command("SEARCH RETURN (RELEVANCY ALL) FUZZY BODY \"hedgehogs accommodation\"");
  const auto scores = behind(score[0], "RELEVANCY (", ')');
  REQUIRE(scores);
  const auto each = base::split(*scores, ' ');
  CHECK(each.size() == 3);
  CHECK(std::ranges::all_of(each, [&](const auto one) { return one == each[0]; }));
}
TEST_CASE("words are found across the pieces in which a body is read") { tell(pieces, 0); }

}  // namespace
}  // namespace imap
