#include "sendmail/input.h"

#include <doctest/doctest.h>

using namespace sendmail;

namespace {

Completion completion() {
  return {.from = "ann@example.org",
          .full_name = "Ann A.",
          .hostname = "mail.example.org",
          .unique = "u",
          .now = base::WallTime(std::chrono::seconds(1'764'140'000))};
}

struct Made {
  std::string text;
  std::vector<std::string> recipients;
  std::string error;
};

Made make(std::string_view bytes, const Completion& how, std::size_t piece = 1000) {
  Input input(how);
  Made made;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (const auto fed = input.feed(bytes.substr(at, piece), made.text); !fed) return {{}, {}, fed.error().text};
  }
  if (const auto done = input.finish(made.text); !done) return {{}, {}, done.error().text};
  made.recipients = input.recipients();
  return made;
}

std::string body_of(const Made& made) { return made.text.substr(made.text.find("\r\n\r\n") + 4); }

}  // namespace

TEST_CASE("lines of a local program become lines of a message, and a lone dot ends it") {
  Completion how = completion();
  CHECK(body_of(make("\none\ntwo\r\nthree\rfour", how)) == "one\r\ntwo\r\nthree\r\nfour\r\n");
  CHECK(body_of(make("\none\n.\ntwo\n", how)) == "one\r\n");
  CHECK(body_of(make("\none\n..\n.x\n .\n.", how)) == "one\r\n..\r\n.x\r\n .\r\n");
  CHECK(body_of(make("\none\n.\r\ntwo\n", how, 1)) == "one\r\n");
  how.dot_ends = false;
  CHECK(body_of(make("\none\n.\ntwo\n", how)) == "one\r\n.\r\ntwo\r\n");
}

TEST_CASE("missing fields are added, others stay as they are") {
  const Made made = make("Subject: x\n\nbody\n", completion());
  CHECK(made.text.starts_with("Subject: x\r\nFrom: \"Ann A.\" <ann@example.org>\r\nDate: "));
  CHECK(made.text.contains("\r\nMessage-ID: <u@mail.example.org>\r\n\r\nbody\r\n"));
  const std::string whole =
      "From: b@example.org\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n";
  CHECK(make(whole, completion()).text == whole);
}

TEST_CASE("input without a header is all body, and what is no field ends the header") {
  CHECK(body_of(make("Backup is done.\nAll well: yes\n", completion())) == "Backup is done.\r\nAll well: yes\r\n");
  CHECK(body_of(make("Subject: x\nno field here\nmore\n", completion())) == "no field here\r\nmore\r\n");
  CHECK(make("From ann Thu Jan  1\nSubject: x\n\nbody\n", completion()).text.starts_with("Subject: x\r\n"));
  CHECK(body_of(make("", completion())) == "");
  CHECK(make("Subject: only\n folded", completion()).text.starts_with("Subject: only\r\n folded\r\n"));
}

TEST_CASE("-t takes the recipients of the header and hides Bcc") {
  Completion how = completion();
  how.from_header = true;
  const Made made = make(
      "To: Bob <bob@example.net>, root,\n team: c@example.org, d@example.org;\nCc: \"E, F\" <e@example.org>\n"
      "BCC: g@example.org\nSubject: x\n\nbody\n",
      how);
  CHECK(made.recipients == std::vector<std::string>{"bob@example.net", "root@mail.example.org", "c@example.org",
                                                    "d@example.org", "e@example.org", "g@example.org"});
  CHECK_FALSE(made.text.contains("g@example.org"));
  CHECK(made.text.contains("Subject: x"));
  const Made again = make("Resent-To: h@example.org\nTo: bob@example.net\n\nbody\n", how);
  CHECK(again.recipients == std::vector<std::string>{"h@example.org"});
  how.from_header = false;
  CHECK(make("Bcc: g@example.org\n\nbody\n", how).text.contains("Bcc: g@example.org"));
}

TEST_CASE("what cannot be a message is refused") {
  Completion how = completion();
  how.from_header = true;
  CHECK(make(std::string("Subject: a\0b\n\nbody\n", 20), how).error == "the header has a NUL byte in it");
  CHECK(make("To: " + std::string(300, 'x') + "@example.org\n\nbody\n", how).error.ends_with("is not an address"));
  CHECK(make("Subject: " + std::string(1 << 20, 'x'), how).error == "the header has more than 1 MiB");
}
