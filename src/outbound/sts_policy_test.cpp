// What domains publish for MTA-STS, right and wrong (RFC 8461 §3.1, §3.2, §4.1).

#include "outbound/sts_policy.h"

#include <doctest/doctest.h>

namespace outbound {
namespace {

TEST_CASE("the TXT record") {
  CHECK_EQ(sts_id({"v=STSv1; id=20160831085700Z;"}), "20160831085700Z");
  CHECK_EQ(sts_id({"v=spf1 -all", "v=STSv1;id=1"}), "1");
  CHECK_EQ(sts_id({"v=STSv1 ; id = a1 ; x=y"}), "a1");
  CHECK_FALSE(sts_id({}));
  CHECK_FALSE(sts_id({"v=STSv1; id=1", "v=STSv1; id=2"}));
  CHECK_FALSE(sts_id({"v=STSv10; id=1"}));
  CHECK_FALSE(sts_id({"id=1; v=STSv1"}));
  CHECK_FALSE(sts_id({"v=STSv1; id="}));
  CHECK_FALSE(sts_id({"v=STSv1; id=a-b"}));
  CHECK_FALSE(sts_id({"v=STSv1; id=" + std::string(33, 'a')}));
}

TEST_CASE("a policy as the standard shows it") {
  const auto policy = parse_sts_policy(
      "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmx: "
      "backupmx.example.com\r\nmax_age: 604800\r\n");
  REQUIRE(policy);
  CHECK_EQ(policy->mode, StsMode::enforce);
  CHECK_EQ(policy->max_age, 604800U);
  CHECK_EQ(policy->mx, std::vector<std::string>{"mail.example.com", "*.example.net", "backupmx.example.com"});
}

TEST_CASE("sloppy policies are read, wrong ones are refused") {
  const auto valid = [](std::string_view text) { return parse_sts_policy(text).has_value(); };
  CHECK(valid("version:STSv1\nmode:testing\nmx:a.b\nmax_age:1"));
  CHECK(valid("mode: none\nmax_age: 86400\nversion: STSv1\nfuture_field: x: y\n"));
  // Of what may stand once, the first counts.
  CHECK_EQ(parse_sts_policy("version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\nmax_age: x")->mode, StsMode::none);
  CHECK_EQ(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 9999999999")->max_age, 31'557'600U);
  for (const char* const bad :
       {"", "version: STSv2\nmode: none\nmax_age: 1", "mode: none\nmax_age: 1", "version: STSv1\nmax_age: 1",
        "version: STSv1\nmode: strict\nmx: a.b\nmax_age: 1", "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: none", "version: STSv1\nmode: none\nmax_age: -1",
        "version: STSv1\nmode: none\nmax_age: 12345678901", "version: STSv1\nmode: none\nmax_age: 1\nnonsense",
        "version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1", "<html>not a policy</html>"}) {
    CAPTURE(bad);
    CHECK_FALSE(valid(bad));
  }
}

TEST_CASE("which hosts a policy allows") {
  const StsPolicy policy{.mode = StsMode::enforce, .max_age = 1, .mx = {"mail.example.com", "*.example.net"}};
  CHECK(allows(policy, "mail.example.com"));
  CHECK(allows(policy, "MAIL.Example.COM"));
  CHECK(allows(policy, "mx1.example.net"));
  CHECK_FALSE(allows(policy, "example.net"));
  CHECK_FALSE(allows(policy, "a.b.example.net"));
  CHECK_FALSE(allows(policy, "mail.example.com.evil.example"));
  CHECK_FALSE(allows(policy, "net"));
  CHECK_FALSE(allows(policy, ""));
}

}  // namespace
}  // namespace outbound
