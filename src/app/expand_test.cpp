#include "app/expand.h"

#include <doctest/doctest.h>

namespace {

app::Sources sources() {
  return app::Sources{
      .environment = {{"HOST", "mail.example.org"}, {"TRICK", "${env:HOST}$"}, {"CREDENTIALS_DIRECTORY", "/run"}},
      .file = [](const std::string& path, std::size_t limit) -> base::Result<std::string> {
        if (path == "/run/secret") return "geheim\r\n\n";
        if (path == "/run/large") {
          CHECK(limit < 70'000);
          return base::fail(base::Code::too_large, "cannot read it");
        }
        return base::fail(base::Code::not_found, "there is no file " + path);
      },
      .files = {}};
}

std::string expanded(std::string_view text) { return app::expand(text, sources()).value(); }
std::string mistake(std::string_view text) { return app::expand(text, sources()).error().text; }

}  // namespace

TEST_CASE("values come from the environment and from files") {
  CHECK(expanded("plain") == "plain");
  CHECK(expanded("") == "");
  CHECK(expanded("${env:HOST}") == "mail.example.org");
  CHECK(expanded("a${env:HOST}b${file:/run/secret}c") == "amail.example.orgbgeheimc");
  CHECK(expanded("${credential:secret}") == "geheim");
  CHECK(expanded("costs $5 {x}") == "costs $5 {x}");
}

TEST_CASE("a doubled dollar stands for itself, and what is put in is not looked at again") {
  CHECK(expanded("$${env:HOST}") == "${env:HOST}");
  CHECK(expanded("${env:TRICK}") == "${env:HOST}$");
  CHECK(expanded("${env:TRICK}${env:HOST}") == "${env:HOST}$mail.example.org");
}

TEST_CASE("what cannot be put in is told in words") {
  CHECK(mistake("${credential:../secret}") == "${credential:../secret}: a credential's name holds no \"/\"");
  CHECK(mistake("${credential:none}") == "${credential:none}: there is no file /run/none");
  CHECK(app::expand("${credential:x}", {}).error().code == base::Code::not_found);
  CHECK(mistake("${env:MISSING}") == "${env:MISSING}: there is no such variable in the environment");
  CHECK(mistake("${file:/nowhere}") == "${file:/nowhere}: there is no file /nowhere");
  CHECK(mistake("${file:/run/large}") == "${file:/run/large}: the file is larger than 64 KiB");
  CHECK(mistake("${HOST}") ==
        "${HOST} is none of ${env:NAME}, ${file:PATH} and ${credential:NAME} (write $${ for a plain ${)");
  CHECK(mistake("${env:}").starts_with("${env:} is none of"));
  CHECK(mistake("x${env:HOST") == "\"${\" without \"}\" (write $${ for a plain ${)");
}
