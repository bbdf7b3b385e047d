#include "imap/imap_url.h"

#include <doctest/doctest.h>

namespace imap {
namespace {

ImapUrl parsed(std::string_view text) {
  auto url = parse_imap_url(text);
  if (!url) FAIL(url.error().text);
  return std::move(*url);
}
bool refuses(std::string_view text) { return !parse_imap_url(text).has_value(); }

// RFC 5092 §6, §9, and the examples of RFC 4469.
TEST_CASE("a URL names a message or a part of it") {
  const ImapUrl whole = parsed("/INBOX;UIDVALIDITY=785799047/;UID=11467");
  CHECK_FALSE(whole.server);
  CHECK(whole.mailbox == "INBOX");
  CHECK(whole.uid_validity == 785799047u);
  CHECK(whole.uid == 11467);
  CHECK(whole.section.part.empty());
  CHECK(whole.section.text == Section::Text::none);

  const ImapUrl mime = parsed("/Drafts;UIDVALIDITY=385759045/;UID=20/;Section=1.2.MIME");
  CHECK(mime.section.part == std::vector<std::uint32_t>{1, 2});
  CHECK(mime.section.text == Section::Text::mime);

  const ImapUrl full = parsed("imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024");
  REQUIRE(full.server);
  CHECK(full.server->user.empty());
  CHECK(full.server->host == "minbari.example.org");
  CHECK(full.partial->offset == 0);
  CHECK(full.partial->length == 1024u);

  const ImapUrl user = parsed("imap://peter%40example.org;AUTH=*@[::1]:143/~peter/%E5%8F%B0%E5%8C%97/;uid=7");
  CHECK(user.server->user == "peter@example.org");
  CHECK(user.server->host == "[::1]:143");
  CHECK(user.mailbox == "~peter/台北");

  const ImapUrl fields = parsed("/a%20b%3Bc/;UID=1/;SECTION=HEADER.FIELDS%20(DATE%20%22From%22)/;PARTIAL=10");
  CHECK(fields.mailbox == "a b;c");
  CHECK(fields.section.fields == std::vector<std::string>{"DATE", "From"});
  CHECK(fields.partial->offset == 10);
  CHECK_FALSE(fields.partial->length);
}

// RFC 4467 §3, §6.
TEST_CASE("an authorised URL falls into its rump and its token") {
  const std::string rump = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred";
  const ImapUrl url = parsed(rump + ":internal:91354a473744909de610943775f92038");
  CHECK(url.rump == rump.size());
  CHECK(url.mechanism == "internal");
  CHECK(url.token == "91354a473744909de610943775f92038");
  CHECK(url.access->kind == UrlAccess::Kind::submit);
  CHECK(url.access->user == "fred");
  CHECK(url.section.part == std::vector<std::uint32_t>{1, 2});

  const ImapUrl expiring =
      parsed("imap://joe@example.com/INBOX/;UID=20;EXPIRE=2006-12-31T23:59:60.5-08:00;URLAUTH=user+a%40b");
  CHECK(expiring.expires == 1167638400);
  CHECK(expiring.access->kind == UrlAccess::Kind::user);
  CHECK(expiring.access->user == "a@b");
  CHECK(expiring.token.empty());
  CHECK(parsed("/x/;UID=1;URLAUTH=authuser").access->kind == UrlAccess::Kind::authuser);
  CHECK(parsed("/x/;UID=1;URLAUTH=ANONYMOUS").access->kind == UrlAccess::Kind::anonymous);
}

TEST_CASE("what names no message is refused") {
  for (const std::string_view url : {"",
                                     "/",
                                     "//",
                                     "/INBOX",
                                     "/INBOX/",
                                     "/INBOX;UIDVALIDITY=1",
                                     "/INBOX?SUBJECT%20x",
                                     "INBOX/;UID=1",
                                     ";UID=1",
                                     "//host/INBOX/;UID=1",
                                     "imap://",
                                     "imap://host",
                                     "imap://host/",
                                     "imap:///INBOX/;UID=1",
                                     "imap://@/x/;UID=1",
                                     "imap://a b@host/x/;UID=1",
                                     "imap://a;PLAIN@host/x/;UID=1",
                                     "http://host/x/;UID=1",
                                     "//x/;UID=1",
                                     "/x/;UID=0",
                                     "/x/;UID=01",
                                     "/x/;UID=",
                                     "/x/;UID=4294967296",
                                     "/x;UID=1",
                                     "/x/;UID=1/",
                                     "/x/;UID=1x",
                                     "/x;UIDVALIDITY=0/;UID=1",
                                     "/x/;UID=1/;SECTION=",
                                     "/x/;UID=1/;SECTION=0",
                                     "/x/;UID=1/;SECTION=1.",
                                     "/x/;UID=1/;SECTION=1]",
                                     "/x/;UID=1/;SECTION=1%5D",
                                     "/x/;UID=1/;PARTIAL=",
                                     "/x/;UID=1/;PARTIAL=1.0",
                                     "/x/;UID=1/;PARTIAL=1.2/;SECTION=1",
                                     "/x%/;UID=1",
                                     "/x%2/;UID=1",
                                     "/x%zz/;UID=1",
                                     "/x%00/;UID=1",
                                     "/%ff/;UID=1",
                                     "/a b/;UID=1",
                                     "/a\"b/;UID=1",
                                     "/../x/;UID=1",
                                     "/x/./y/;UID=1",
                                     "/foo/;UID=20/..",
                                     "/x/;UID=1;EXPIRE=2006-01-01T00:00:00Z",
                                     "/x/;UID=1;EXPIRE=2006-13-01T00:00:00Z;URLAUTH=anonymous",
                                     "/x/;UID=1;EXPIRE=2006-02-30T00:00:00Z;URLAUTH=anonymous",
                                     "/x/;UID=1;EXPIRE=2006-01-01;URLAUTH=anonymous",
                                     "/x/;UID=1;EXPIRE=;URLAUTH=anonymous",
                                     "/x/;UID=1;URLAUTH=",
                                     "/x/;UID=1;URLAUTH=user+",
                                     "/x/;UID=1;URLAUTH=somebody",
                                     "/x/;UID=1;URLAUTH=authuser2",
                                     "/x/;UID=1;URLAUTH=anonymous:",
                                     "/x/;UID=1;URLAUTH=anonymous:INTERNAL",
                                     "/x/;UID=1;URLAUTH=anonymous:INTERNAL:",
                                     "/x/;UID=1;URLAUTH=anonymous:INTERNAL:91354a473744909de610943775f9203",
                                     "/x/;UID=1;URLAUTH=anonymous:INTERNAL:91354a473744909de610943775f9203x",
                                     "/x/;UID=1;URLAUTH=anonymous::91354a473744909de610943775f92038"}) {
    INFO(url);
    CHECK(refuses(url));
  }
  // A component may be dots when they are no segment of their own.
  CHECK(parsed("/..a/.b./;UID=1").mailbox == "..a/.b.");
  CHECK(parsed("/%2E%2E/;UID=1").mailbox == "..");
}

}  // namespace
}  // namespace imap
