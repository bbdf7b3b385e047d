#include "imap/names.h"

#include <doctest/doctest.h>

namespace imap {
namespace {

TEST_CASE("modified UTF-7: the examples of RFC 3501 §5.1.3") {
  CHECK(decode_utf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-").value() == "~peter/mail/台北/日本語");
  CHECK(encode_utf7("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
  CHECK_FALSE(decode_utf7("&Jjo!").has_value());
  CHECK(decode_utf7("&Jjo-!").value() == "☺!");
  CHECK_FALSE(decode_utf7("&U,BTFw-&ZeVnLIqe-").has_value());  // a superfluous shift
  CHECK(decode_utf7("a &- b").value() == "a & b");
  CHECK(encode_utf7("a & b") == "a &- b");
}

TEST_CASE("modified UTF-7 refuses every second spelling") {
  CHECK_FALSE(decode_utf7("&AGE-").has_value());  // "a" represents itself
  CHECK_FALSE(decode_utf7("&2AA-").has_value());  // half a pair
  CHECK_FALSE(decode_utf7("&3AA-").has_value());  // the other half
  CHECK_FALSE(decode_utf7("&Jjp-").has_value());  // bits left over
  CHECK_FALSE(decode_utf7("caf\xc3\xa9").has_value());
  CHECK(decode_utf7("&2D3eAA-").value() == "😀");
  CHECK(encode_utf7("😀x") == "&2D3eAA-x");
  for (const char* name : {"", "INBOX", "Entwürfe", "日本語/x&y", "😀😀", "é"}) {
    CHECK(decode_utf7(encode_utf7(name)).value() == name);
  }
}

TEST_CASE("names are atoms where they can be") {
  const auto written = [](std::string_view name, bool utf8) {
    std::string out;
    append_name(out, name, utf8);
    return out;
  };
  CHECK(written("INBOX", false) == "INBOX");
  CHECK(written("a b", false) == "\"a b\"");
  CHECK(written("NIL", false) == "\"NIL\"");
  CHECK(written("", false) == "\"\"");
  CHECK(written("a\"b\\c", true) == "\"a\\\"b\\\\c\"");
  CHECK(written("é", false) == "&AOk-");
  CHECK(written("é", true) == "\"é\"");
}

TEST_CASE("patterns") {
  const auto matches = [](std::string_view pattern, std::string_view name) { return Pattern(pattern).matches(name); };
  CHECK(matches("*", "a/b"));
  CHECK(matches("%", "a"));
  CHECK_FALSE(matches("%", "a/b"));
  CHECK(matches("%/%", "a/b"));
  CHECK(matches("a*c", "a/b/c"));
  CHECK_FALSE(matches("a%c", "a/b/c"));
  CHECK(matches("*a%b*", "xxa/axb/"));
  CHECK(matches("%*%", "a/b"));
  CHECK(matches("inbox", "INBOX"));
  CHECK(matches("inbox/%", "INBOX/x"));
  CHECK_FALSE(matches("inboxes", "INBOXES"));
  CHECK_FALSE(matches("", "a"));
  CHECK_FALSE(matches(std::string(2000, 'a'), "a"));
  // What makes backtracking matchers slow.
  std::string evil;
  for (int i = 0; i < 300; ++i) evil += "*a";
  CHECK_FALSE(matches(evil + "b", std::string(900, 'a')));
}

}  // namespace
}  // namespace imap
