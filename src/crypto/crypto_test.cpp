#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "crypto/random.h"

namespace crypto {
namespace {

TEST_CASE("SHA-256 and HMAC give the published values") {
  // FIPS 180-4 examples; RFC 4231 test cases 1, 2 and 6 (a key longer than the block).
  CHECK(base::hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(base::hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(base::hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(base::hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(base::hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("an HMAC with an empty key does not reuse the last one") {
  const std::string with_key = hmac_sha256("key", "data");
  CHECK(hmac_sha256(std::string_view(), "data") == hmac_sha256("", "data"));
  CHECK(hmac_sha256(std::string_view(), "data") != with_key);
}

TEST_CASE("SipHash-2-4 gives the values of its paper's reference implementation") {
  std::string key;
  for (int i = 0; i < 16; ++i) key += static_cast<char>(i);
  std::string data;
  for (int i = 0; i < 15; ++i) data += static_cast<char>(i);
  CHECK(siphash(key, "") == 0x726fdb47dd0e0e31);
  CHECK(siphash(key, data.substr(0, 1)) == 0x74f839c593dc67fd);
  CHECK(siphash(key, data.substr(0, 8)) == 0x93f5f5799a932462);
  CHECK(siphash(key, data) == 0xa129ca6149be45e5);
}

TEST_CASE("secrets compare by content and length") {
  CHECK(equal_constant_time("", ""));
  CHECK(equal_constant_time("same", "same"));
  CHECK_FALSE(equal_constant_time("same", "sama"));
  CHECK_FALSE(equal_constant_time("same", "same "));
}

TEST_CASE("random bytes do not repeat") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_bytes(16));
  CHECK(seen.size() == 1000);
  CHECK(random_bytes(0).empty());
  CHECK(random_u64() != random_u64());
}

TEST_CASE("a password verifies against its own hash only") {
  const std::string stored = hash_password("Grüße aus Ulm");
  CHECK(stored.starts_with("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(is_password_hash(stored));
  CHECK(verify_password(stored, "Grüße aus Ulm"));
  CHECK_FALSE(verify_password(stored, "Grüße aus Ul"));
  CHECK_FALSE(verify_password(stored, ""));
  CHECK(hash_password("Grüße aus Ulm") != stored);  // another salt
}

TEST_CASE("hashes made by another program verify") {
  // The vector of the reference implementation (phc-winner-argon2, src/test.c).
  CHECK(verify_password(
      "{argon2id}$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"));
}

TEST_CASE("what is no hash, or asks for absurd amounts, verifies nothing and costs nothing") {
  const auto start = std::chrono::steady_clock::now();
  const std::string tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  for (const std::string& stored : {
           std::string(),
           std::string("{ARGON2ID}"),
           std::string("password"),
           std::string("{PLAIN}"),
           std::string("{PLAIN"),
           std::string("{ROT13}cnffjbeq"),
           "{ARGON2ID}$argon2i$v=19$m=65536,t=2,p=1" + tail,    // another variant
           "{ARGON2ID}$argon2id$v=16$m=65536,t=2,p=1" + tail,   // another version
           "{ARGON2ID}$argon2id$v=19$m=262145,t=2,p=1" + tail,  // above 256 MiB
           "{ARGON2ID}$argon2id$v=19$m=4294967295,t=2,p=1" + tail,
           "{ARGON2ID}$argon2id$v=19$m=99999999999999999999,t=2,p=1" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=21,p=1" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=0,p=1" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=9" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=0" + tail,
           "{ARGON2ID}$argon2id$v=19$m=4,t=2,p=1" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2" + tail,
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1,keyid=x" + tail,
           std::string("{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFh"),  // a hash of three bytes
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1" + tail + "$more",
           "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1" + tail + std::string(1200, 'A'),
       }) {
    CAPTURE(stored);
    CHECK_FALSE(is_password_hash(stored));
    CHECK_FALSE(verify_password(stored, "password"));
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

TEST_CASE("the decoy costs what a real check costs and lets nobody in") {
  CHECK(is_password_hash(decoy_hash()));
  CHECK_FALSE(verify_password(decoy_hash(), ""));
  CHECK_FALSE(verify_password(decoy_hash(), "password"));
  CHECK(decoy_hash().size() == hash_password("x").size());
}

}  // namespace
}  // namespace crypto
