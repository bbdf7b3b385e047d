#include "mailstore/names.h"

#include <doctest/doctest.h>

#include "mailstore/thread_ids.h"
#include "mailstore/types.h"

using namespace mailstore;

namespace {

std::string result(std::string_view path) {
  const auto name = normalise_path(path);
  return name ? *name : std::string("!") + base::name(name.error().code);
}

}  // namespace

// RFC 5198 §3: Net-Unicode is NFC.
TEST_CASE("a mailbox name is kept as it was given, in its composed form") {
  CHECK(result("Work/2026") == "Work/2026");
  CHECK(result("Entw\xc3\xbcrfe") == "Entw\xc3\xbcrfe");
  CHECK(result("Entwu\xcc\x88rfe") == "Entw\xc3\xbcrfe");  // u and a combining diaeresis
}

// RFC 9051 §5.1
TEST_CASE("INBOX is one name in any case, also as the place of others") {
  CHECK(result("inbox") == "INBOX");
  CHECK(result("iNbOx/lists") == "INBOX/lists");
  CHECK(result("Inboxes") == "Inboxes");
  CHECK(result("work/inbox") == "work/inbox");
}

TEST_CASE("a name that could not be asked for, shown or told apart is refused") {
  for (const char* bad :
       {"", "/", "a//b", "/a", "a/", "a*", "50%", "a\nb", "a\x7f", "a\xc2\x85", "a\xe2\x80\xa8", "\xff", "a\xc0\x80"}) {
    CAPTURE(bad);
    CHECK(result(bad) == "!invalid");
  }
  CHECK(result(std::string(1000, 'x')) == std::string(1000, 'x'));
  CHECK(result(std::string(1001, 'x')) == "!too_large");
  std::string deep = "a";
  for (int i = 1; i < 20; ++i) deep += "/a";
  CHECK(result(deep) == deep);
  CHECK(result(deep + "/a") == "!too_large");
}

TEST_CASE("a reply names its own id, then what it answers, nearest first") {
  mime::EnvelopeFields fields{.in_reply_to = "Your message of today <b@x>", .message_id = " <c @x> "};
  fields.references = "<root@x> <a@x>\r\n <b@x>";
  const ThreadIds ids = thread_ids(fields);
  CHECK(ids.has_own);
  CHECK(ids.hashes ==
        std::vector{stable_hash("<c@x>"), stable_hash("<b@x>"), stable_hash("<a@x>"), stable_hash("<root@x>")});
  CHECK(ids.kept == std::vector{stable_hash("<c@x>"), stable_hash("<b@x>"), stable_hash("<root@x>")});
  CHECK(thread_ids({.references = "<only@x>"}).kept == std::vector{stable_hash("<only@x>")});
  CHECK(thread_ids({}).kept.empty());
  CHECK(first_message_id("junk") == "");
  CHECK(first_message_id("<> <x@y>") == "<x@y>");
  CHECK(first_message_id("<a <b@y>") == "<b@y>");
}

TEST_CASE("endless References are cut to their root and their end") {
  mime::EnvelopeFields fields;
  for (int i = 0; i < 10'000; ++i) fields.references += "<" + std::to_string(i) + "@x>";
  const ThreadIds ids = thread_ids(fields);
  CHECK_FALSE(ids.has_own);
  REQUIRE(ids.hashes.size() == 50);
  CHECK(ids.hashes.front() == stable_hash("<9999@x>"));
  CHECK(ids.hashes.back() == stable_hash("<0@x>"));
  CHECK(ids.kept == std::vector{stable_hash("<9999@x>"), stable_hash("<0@x>")});
}

TEST_CASE("the hash is part of the format on disk") {
  CHECK(stable_hash("") == 0xecba3df2c3383c52);
  CHECK(stable_hash("<a@x>") == 0x87fbeec09d4f618d);
}
