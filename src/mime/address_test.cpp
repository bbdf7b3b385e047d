#include "mime/address.h"

#include <doctest/doctest.h>

namespace {

// "name|route|local@domain" each; a group as "name:" … ";".
std::string shown(std::string_view body) {
  std::string out;
  for (const mime::Address& a : mime::addresses(body)) {
    if (!out.empty()) out += ' ';
    if (a.group_start) {
      out += "{" + a.local + ":";
    } else if (a.group_end) {
      out += "}";
    } else {
      out += "[" + a.name + "|" + a.route + "|" + a.local + "@" + a.domain + "]";
    }
  }
  return out;
}

struct Case {
  const char* body;
  const char* shown;
};

}  // namespace

TEST_CASE("RFC 5322 appendix A: the addresses of its examples") {
  for (const Case& c : {
           Case{"John Doe <jdoe@machine.example>", "[John Doe||jdoe@machine.example]"},
           Case{"\"Joe Q. Public\" <john.q.public@example.com>", "[Joe Q. Public||john.q.public@example.com]"},
           Case{"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
                "[Mary Smith||mary@x.test] [||jdoe@example.org] [Who?||one@y.test]"},
           Case{"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
                "[||boss@nil.test] [Giant; \"Big\" Box||sysservices@example.net]"},
           Case{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
                "{A Group: [Ed Jones||c@a.test] [||joe@where.test] [John||jdoe@one.test] }"},
           Case{"Undisclosed recipients:;", "{Undisclosed recipients: }"},
           Case{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "[Pete||pete@silly.test]"},
           Case{"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         "
                "joe@example.org,\r\n"
                "  John <jdoe@one.test> (my dear friend); (the end of the group)",
                "{A Group: [Chris Jones||c@public.example] [||joe@example.org] [John||jdoe@one.test] }"},
           Case{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "{Hidden recipients: }"},
           Case{"Joe Q. Public <john.q.public@example.com>", "[Joe Q. Public||john.q.public@example.com]"},
           Case{"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
                "[Mary Smith|@node.test|mary@example.net] [||jdoe@test.example]"},
       }) {
    CHECK(shown(c.body) == c.shown);
  }
}

TEST_CASE("what programs write against the grammar") {
  for (const Case& c : {
           Case{"jdoe@example.org (John Doe)", "[John Doe||jdoe@example.org]"},
           Case{"<jdoe@example.org> (John Doe), x@y", "[John Doe||jdoe@example.org] [||x@y]"},
           Case{"a@b; c@d;e@f", "[||a@b] [||c@d] [||e@f]"},
           Case{"root", "[||root@]"},
           Case{"MAILER-DAEMON <>, <>", "[MAILER-DAEMON||@] [||@]"},
           Case{"\"a b\"@c, a.\"b c\".d@e", "[||a b@c] [||a.b c.d@e]"},
           Case{"=?utf-8?Q?=C3=A9?= <a@b>", "[=?utf-8?Q?=C3=A9?=||a@b]"},
           Case{"Grüße <ü@exämple>", "[Grüße||ü@exämple]"},
           Case{"a@b@c, d@e", "[||a@b] [||d@e]"},
           Case{"a@b c@d, e@f", "[||a@b] [||e@f]"},
           Case{"[the list] Name <a@b>, x@y", "[[the list] Name||a@b] [||x@y]"},
           Case{"a@b <a@b>, c@d(x)<c@e>", "[a@b||a@b] [c@d||c@e]"},
           Case{"Ann @ Work Ltd. <a@b>, x@y", "[Ann@Work Ltd.||a@b] [||x@y]"},
           Case{"DOMAIN\\user <a@b>", "[DOMAIN\\user||a@b]"},
           Case{"Name [tag] <a@[192.0.2.1]>", "[Name [tag]||a@[192.0.2.1]]"},
           Case{"Name <a@b, c@d", "[Name||a@b] [||c@d]"},
           Case{"G: a@b, H: c@d; e@f", "{G: [||a@b] } [||e@f]"},
           Case{"G: a@b", "{G: [||a@b] }"},
           Case{"<@a,@b:c@d>", "[|@a,@b|c@d]"},
           Case{"\"open <a@b>, c@d", "[||open <a@b>, c@d@]"},
           Case{"(open <a@b>", ""},
           Case{"a@b (c (d) e", "[c (d) e||a@b]"},
           Case{",,;>:>,", ""},
           Case{"", ""},
       }) {
    CHECK_MESSAGE(shown(c.body) == c.shown, c.body);
  }
}

TEST_CASE("lists are cut at their limit, and hostile ones stay linear") {
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "a@b,";
  CHECK(mime::addresses(many).size() == 1000);
  CHECK(mime::addresses("G:a@b;", 1).size() == 2);  // a group is always closed
  for (const char* piece : {"(", "<", "\"", "@", ":", "a:", "<@", "[", "\\", "a ", "("}) {
    std::string hostile;
    while (hostile.size() < 300000) hostile += piece;
    mime::addresses(hostile);
  }
}

TEST_CASE("RFC 5321 §4.1.2: addresses of envelopes are strict") {
  for (const char* good : {"a@b", "a.b+c@example.org", "\"a b\"@c", "\"a@b\"@c", "\"\\\"\"@c", "a@[192.0.2.1]",
                           "a@[IPv6:2001:db8::1]", "ü@exämple", "o'neil@x-y.z", "a_b@under_score.example"}) {
    mime::AddrSpec spec;
    REQUIRE_MESSAGE(mime::parse_addr_spec(good, spec), good);
    mime::AddrSpec again;
    REQUIRE(mime::parse_addr_spec(mime::format(spec), again));
    CHECK(again == spec);
  }
  mime::AddrSpec spec;
  for (const std::string& bad : std::vector<std::string>{"",
                                                         "a",
                                                         "@b",
                                                         "a@",
                                                         "a@b.",
                                                         "a@.b",
                                                         "a@b..c",
                                                         ".a@b",
                                                         "a.@b",
                                                         "a..b@c",
                                                         "a b@c",
                                                         "a@b c",
                                                         "\"\"@b",
                                                         "\"a\n\"@b",
                                                         "\"a@b",
                                                         "a\"b\"@c",
                                                         "\"a\"b\"@c",
                                                         "a@-b",
                                                         "a@b-",
                                                         "a@[x",
                                                         "a@[]",
                                                         "a@b@c",
                                                         "a@b\r\n",
                                                         "<a@b>",
                                                         "\xff@b",
                                                         std::string(256, 'a') + "@b",
                                                         "a@" + std::string(64, 'b'),
                                                         std::string("a\0@b", 4),
                                                         "\"a\\\"@b"}) {
    CHECK_FALSE_MESSAGE(mime::parse_addr_spec(bad, spec), bad);
  }
  CHECK(mime::parse_addr_spec(std::string(255, 'a') + "@b", spec));
  REQUIRE(mime::parse_addr_spec("\"john\"@x", spec));
  CHECK(spec.local == "john");
  CHECK(mime::format(spec) == "john@x");
  CHECK(mime::format({"a \"b\\", "c"}) == "\"a \\\"b\\\\\"@c");
}
