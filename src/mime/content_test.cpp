#include "mime/content.h"

#include <doctest/doctest.h>

namespace {

mime::ContentType content_type(std::string_view body) {
  mime::ContentType out;
  REQUIRE_MESSAGE(mime::parse_content_type(body, out), body);
  return out;
}

// "name=value", those with a charset as "name*=value".
std::string shown(const std::vector<mime::Parameter>& parameters) {
  std::string out;
  for (const auto& p : parameters) {
    out += (out.empty() ? "" : "; ") + p.name + (p.extended ? "*=" : "=") + p.value;
  }
  return out;
}

}  // namespace

TEST_CASE("RFC 2045 §5.1: the two ways to write one Content-Type, and a comment") {
  for (const char* same : {"text/plain; charset=us-ascii (Plain text)", "text/plain; charset=\"us-ascii\"",
                           " TEXT / (a (nested) comment) Plain ;\r\n\tCharset = us-ascii ; "}) {
    const mime::ContentType type = content_type(same);
    CHECK(type.type + "/" + type.subtype == "text/plain");
    CHECK(shown(type.parameters) == "charset=us-ascii");
  }
}

TEST_CASE("RFC 2231: continuations are joined and charsets decoded") {
  struct Case {
    const char* body;
    const char* parameters;
  };
  for (const Case& c : {
           Case{"message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub/moore\"",
                "access-type=URL; url=ftp://cs.utk.edu/pub/moore"},
           Case{"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                "title*=This is ***fun***"},
           Case{"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; "
                "title*1*=%2A%2A%2Afun%2A%2A%2A%20; "
                "title*2=\"isn't it!\"",
                "title*=This is even more ***fun*** isn't it!"},
           Case{"a/b; n*0*=utf-8''%C3; n*1*=%A9t%C3%A9", "n*=été"},  // a character cut in two
           Case{"a/b; n*=iso-8859-1''%e9t%E9; n=ete", "n*=été"},     // the plain one is for old readers
           Case{"a/b; n*1=b; n*0=a; n*3=d", "n=ab"},                 // in any order; what follows a gap is lost
           Case{"a/b; n*=100%; m*=x'y; o*=''%zz%4", "n*=100%; m*=x'y; o*=%zz%4"},
           Case{"a/b; n*0*=''x; n*00=y; n*4294967296=z", "n*=x; n*4294967296=z"},
       }) {
    CHECK(shown(content_type(c.body).parameters) == c.parameters);
  }
}

TEST_CASE("what real programs write is understood") {
  struct Case {
    const char* body;
    const char* parameters;
  };
  for (const Case& c : {
           Case{"application/pdf; name=my file (1).pdf; x=y", "name=my file .pdf; x=y"},
           Case{"multipart/mixed; boundary=gc0pJq0M:08jU534c0p", "boundary=gc0pJq0M:08jU534c0p"},
           Case{"multipart/mixed; boundary=\"=_a;b\\\"c\"", "boundary==_a;b\"c"},
           Case{"text/plain; charset=\"utf-8", "charset=utf-8"},
           Case{"text/plain;; ;charset=utf-8;charset=x", "charset=utf-8"},
           Case{"text/plain charset=utf-8", ""},
           Case{"text/plain; =x; charset; format=flowed", "format=flowed"},
           Case{"text/plain; name=\"=?utf-8?B?w6k=?=\"", "name==?utf-8?B?w6k=?="},
       }) {
    CHECK(shown(content_type(c.body).parameters) == c.parameters);
  }
}

TEST_CASE("what is no Content-Type is told apart") {
  mime::ContentType out;
  for (const char* bad :
       {"", "text", "text/", "/plain", "; charset=x", "(text/plain)", "\"text\"/plain", "text;/plain"}) {
    CHECK_FALSE(mime::parse_content_type(bad, out));
  }
}

TEST_CASE("dispositions, encodings and languages") {
  std::vector<mime::Parameter> parameters;
  CHECK(mime::parse_disposition("Attachment; FileName=\"a b.txt\"; size=3", parameters) == "attachment");
  CHECK(shown(parameters) == "filename=a b.txt; size=3");
  CHECK(mime::parse_disposition(" ; filename=x", parameters) == "");
  CHECK(mime::parse_token(" (really) Quoted-Printable (it is)") == "quoted-printable");
  CHECK(mime::parse_languages("en, (comma, here) fr-CA ,, x") == std::vector<std::string>{"en", "fr-CA", "x"});
}

TEST_CASE("thousands of parameters cost no more than their bytes") {
  std::string body = "text/plain";
  for (int i = 0; i < 50000; ++i) body += "; n*" + std::to_string(i) + "=x";
  CHECK(content_type(body).parameters.at(0).value == std::string(mime::kParameters, 'x'));
}
