#include "queue/srs.h"

#include <doctest/doctest.h>

namespace queue {
namespace {

using namespace std::chrono_literals;

const base::WallTime kNow{std::chrono::seconds(1'800'000'000)};
const std::string kKey = "a key of the test";

// RFC 7208 §11.2.
TEST_CASE("a sender goes out as an address of ours, and what comes back for it finds the way") {
  const auto out = srs_forward(kKey, "Ann.B+x@sender.example", "ours.example", kNow);
  REQUIRE(out);
  CHECK(out->starts_with("SRS0="));
  CHECK(out->ends_with("=sender.example=Ann.B+x@ours.example"));
  CHECK_EQ(srs_reverse(kKey, *out, kNow), "Ann.B+x@sender.example");
  CHECK_EQ(srs_reverse(kKey, *out, kNow + 24h * kSrsDays), "Ann.B+x@sender.example");
  CHECK_FALSE(srs_reverse(kKey, *out, kNow + 24h * (kSrsDays + 2)));
  // Hosts that change the case of a local part do no harm.
  std::string upper = *out;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  CHECK(srs_reverse(kKey, upper, kNow).has_value());
}

TEST_CASE("nobody can make an address of ours that leads elsewhere") {
  const std::string good = *srs_forward(kKey, "ann@sender.example", "ours.example", kNow);
  for (std::size_t i = 5; i < good.find('@'); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'x' ? 'y' : 'x';
    if (bad != good) CHECK_FALSE(srs_reverse(kKey, bad, kNow));
  }
  CHECK_FALSE(srs_reverse("another key", good, kNow));
  for (const char* none :
       {"ann@ours.example", "SRS0=@ours.example", "SRS0=a=b=c@ours.example", "SRS1=a=b@ours.example", "SRS0"}) {
    CHECK_FALSE(srs_reverse(kKey, none, kNow));
  }
}

TEST_CASE("an address that another host rewrote does not grow with each further one") {
  const std::string theirs = *srs_forward("their key", "a@s.example", "one.example", kNow);
  const auto ours = srs_forward(kKey, theirs, "ours.example", kNow);
  REQUIRE(ours);
  CHECK(ours->starts_with("SRS1="));
  CHECK_EQ(srs_reverse(kKey, *ours, kNow), theirs);
  const auto third = srs_forward("third key", *ours, "third.example", kNow);
  REQUIRE(third);
  CHECK_EQ(srs_reverse("third key", *third, kNow), theirs);
}

TEST_CASE("what would be too long, or is no address, is left as it is") {
  CHECK_FALSE(srs_forward(kKey, std::string(50, 'a') + "@sender.example", "ours.example", kNow));
  CHECK_FALSE(srs_forward(kKey, "no address", "ours.example", kNow));
}

}  // namespace
}  // namespace queue
