#include <doctest/doctest.h>

#include "admin/api.h"

using admin::show;

TEST_CASE("lists are aligned by characters, with what is missing as a dash") {
  const std::string reply =
      R"({"ok":true,"result":{"accounts":[{"address":"j\u00fcrgen@example.org","quota_bytes":0},{"address":"a@example.org","quota_bytes":1536,"messages":7}]}})";
  CHECK(show("account list", reply, false).out ==
        "ADDRESS             QUOTA    MESSAGES\n"
        "j\xC3\xBCrgen@example.org  none     -\n"
        "a@example.org       1.5 KiB  7\n");
}

TEST_CASE("as JSON the result is one line as the server gave it") {
  CHECK(show("domain list", R"({"ok":true,"result":{"domains":[{"name":"a.test"}]}})", true).out ==
        "{\"domains\":[{\"name\":\"a.test\"}]}\n");
}

TEST_CASE("problems of the store are listed, counted, and make the exit status 1") {
  const auto one = show(
      "store check",
      R"({"ok":true,"result":{"bodies":12,"problem_count":1,"problems":[{"room":"store","where":"blob 7","what":"has no link"}]}})",
      false);
  CHECK(one.out == "store: blob 7: has no link\nchecked 12 messages and all records: 1 problem\n");
  CHECK(one.status == 1);
  const auto none = show("store check", R"({"ok":true,"result":{"bodies":1,"problem_count":0,"problems":[]}})", false);
  CHECK(none.out == "checked 1 message and all records: clean\n");
  CHECK(none.status == 0);
}

TEST_CASE("a refusal is the server's sentence") {
  const auto shown = show("domain add", R"({"ok":false,"code":"exists","error":"it exists"})", false);
  CHECK(shown.error == "it exists");
  CHECK(shown.status == 1);
}

TEST_CASE("answers of another version do no harm") {
  for (const char* reply : {"", "nonsense", "[]", "{}", "{\"ok\":true}", "{\"ok\":true,\"result\":{}}",
                            "{\"ok\":true,\"result\":{\"domains\":[5]}}"}) {
    CAPTURE(reply);
    CHECK(show("domain list", reply, false).status == 1);
  }
}

TEST_CASE("sizes are shown as people read them") {
  const auto size = [](const char* bytes) {
    const std::string text =
        show("queue list", R"({"ok":true,"result":{"queue":[{"size":)" + std::string(bytes) + "}]}}", false).out;
    return text.substr(text.find('\n') + 1, text.size() - text.find('\n') - 2);
  };
  CHECK(size("0") == "0 B");
  CHECK(size("1023") == "1023 B");
  CHECK(size("1024") == "1 KiB");
  CHECK(size("1048576") == "1 MiB");
  CHECK(size("1073741823") == "1023.9 MiB");
  CHECK(size("18446744073709551615") == "15.9 EiB");
}
