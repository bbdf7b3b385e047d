#include <doctest/doctest.h>

#include <chrono>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/scram_keys.h"

namespace crypto {
namespace {

const std::string kCourierMd5 = "e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6";
const std::string kCourierSha1 = "b97bb3c784ce6aaab714285ba20b729456f9d9bfe0d79f36389fe17ff239750d6696bb569204a328";
const std::string kCourierSha256 =
    "5f9b75352ee423c8ea0afea980d1bdb2ebea1d15c803670ce33fe5c64d8bf070"
    "d97516e8741262a2872bcabb80d0393439eb1c95b2f7f029710166b18c14f3a1";

struct Imported {
  std::string stored;
  std::string password;
};

// Made with Debian's crypt(3), Python's hashlib and, for the states, the compression functions written out in Python.
const std::vector<Imported> kImported = {
    {"{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
     "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/"
     "UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
     "Hello world!"},
    {"{sha256-crypt}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
    {"{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
    {"{BCRYPT}$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
    {"{CRYPT}$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
    {"{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA==", "secret"},
    {"{SSHA256}oBmrdHcA6OZEkkCLeXh71YAerbvhXz1qqwjrPsXmEtNzYWx0c2FsdA==", "secret"},
    {"{SSHA512}aCu7JRc+kLsuEmFs1zTY+AiP7DSGnjjG+dH28Dp+E5usqoAixeTPihKqZmkWal4mUfp63tqvCAkFV1LKTDFH6XNhbHRzYWx0",
     "secret"},
    {"{PBKDF2}$1$xJ2ZLxPPiJVeJwTY$5000$afd2f3a223bf0b2b8bd99891ea57f9127ab31583", "secret"},
    {"{PLAIN}pässword}", "pässword}"},
    {"{HMAC-MD5PW}" + kCourierMd5, "test"},
    {"{CRAM-MD5}" + base::upper(kCourierMd5), "test"},
    {"{hmac-sha1pw}" + kCourierSha1, "test"},
    {"{hmac-sha256}" + kCourierSha256, "test"},
    {"{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=", "pencil"},
    {"{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     "pencil"},
};

TEST_CASE("passwords that people bring along verify, and are to be replaced") {
  for (const auto& [stored, password] : kImported) {
    CAPTURE(stored);
    CHECK(is_password_hash(stored));
    CHECK(verify_password(stored, password));
    CHECK_FALSE(verify_password(stored, password + "x"));
    CHECK_FALSE(verify_password(stored, ""));
    CHECK_FALSE(is_current_hash(stored));
  }
  CHECK(is_current_hash(hash_password("secret")));
}

TEST_CASE("a cut or changed hash is no hash of that password, and asks for nothing absurd") {
  const auto start = std::chrono::steady_clock::now();
  for (const auto& [stored, password] : kImported) {
    if (stored.starts_with("{PLAIN}")) continue;
    CAPTURE(stored);
    CHECK_FALSE(is_password_hash(stored.substr(0, stored.size() - 1)));
    CHECK_FALSE(is_password_hash(stored + "\n"));
    std::string other = stored;
    char& last = other[other.size() - 3];
    last = last == '0' ? '1' : '0';
    // SCRAM ends in the key that proves the server, which the password does not have to match.
    if (!stored.starts_with("{SCRAM")) CHECK_FALSE(verify_password(other, password));
  }
  const std::string tail = "$saltstring$" + std::string(86, 'A');
  for (const std::string& stored : {
           "$6$rounds=1000001" + tail,
           "$6$rounds=99999999999" + tail,
           "$6$rounds=-1" + tail,
           "$6$round=1000" + tail,
           "$7$" + tail,
           "$6$" + std::string(17, 's') + "$" + std::string(86, 'A'),
           "$2y$15$" + std::string(53, 'A'),
           "$2y$31$" + std::string(53, 'A'),
           "$2y$03$" + std::string(53, 'A'),
           "$2x$10$" + std::string(53, 'A'),
           "$2y$10$" + std::string(52, 'A') + "!",
           std::string("{PBKDF2}$1$salt$1000001$afd2f3a223bf0b2b8bd99891ea57f9127ab31583"),
           std::string("{PBKDF2}$1$salt$0$afd2f3a223bf0b2b8bd99891ea57f9127ab31583"),
           std::string("{PBKDF2}$2$salt$10$afd2f3a223bf0b2b8bd99891ea57f9127ab31583"),
           std::string("{SSHA}AAAA"),
           "{SSHA}" + base::base64_encode(std::string(20 + 65, 'x')),
           "{HMAC-SHA256PW}" + kCourierMd5,
           std::string("{SCRAM-SHA-256}0,c2FsdA==,AAAA,AAAA"),
       }) {
    CAPTURE(stored);
    CHECK_FALSE(is_password_hash(stored));
    CHECK_FALSE(verify_password(stored, "secret"));
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("Courier's hashes are the outer and the inner state of an HMAC") {
  CHECK(base::hex(hmac_state(Hash::md5, "test")) == kCourierMd5);
  CHECK(base::hex(hmac_state(Hash::sha1, "test")) == kCourierSha1);
  CHECK(base::hex(hmac_state(Hash::sha256, "test")) == kCourierSha256);
  for (const Hash hash : {Hash::md5, Hash::sha1, Hash::sha256}) {
    for (const std::string& key : {std::string(), std::string("test"), std::string(64, 'k'), std::string(200, 'k')}) {
      for (const std::size_t size : {0UZ, 1UZ, 63UZ, 64UZ, 65UZ, 1000UZ}) {
        const std::string data(size, 'd');
        CHECK(hmac_from_state(hash, hmac_state(hash, key), data) == hmac(hash, key, data));
      }
    }
  }
}

TEST_CASE("PBKDF2 gives the published values, from a password or from its state") {
  // RFC 6070; the SHA-256 value is the one of RFC 7914's generator for 4,096 iterations.
  CHECK(base::hex(pbkdf2(Hash::sha1, hmac_state(Hash::sha1, "password"), "salt", 1)) ==
        "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  CHECK(base::hex(pbkdf2(Hash::sha1, hmac_state(Hash::sha1, "password"), "salt", 4096)) ==
        "4b007901b765489abead49d926f721d065a429c1");
  CHECK(base::hex(pbkdf2(Hash::sha256, hmac_state(Hash::sha256, "password"), "salt", 4096)) ==
        "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

TEST_CASE("RFC 5802 §5 and RFC 7677 §3: the keys of user and pencil") {
  const auto keys = make_scram_keys(Hash::sha256, hmac_state(Hash::sha256, "pencil"),
                                    *base::base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  CHECK(format(keys) == kImported.back().stored);
  const auto again = parse_scram_keys(format(keys));
  REQUIRE(again);
  CHECK(format(*again) == format(keys));
  CHECK(again->hash == Hash::sha256);
}

TEST_CASE("a stored plain text or state serves protocols that never send the password") {
  CHECK(stored_hmac_state(Hash::md5, "{PLAIN}test") == base::hex_decode(kCourierMd5));
  CHECK(stored_hmac_state(Hash::md5, "{HMAC-MD5PW}" + kCourierMd5) == base::hex_decode(kCourierMd5));
  CHECK(stored_hmac_state(Hash::sha256, "{HMAC-SHA256PW}" + kCourierSha256) == base::hex_decode(kCourierSha256));
  CHECK_FALSE(stored_hmac_state(Hash::sha256, "{HMAC-MD5PW}" + kCourierMd5));
  CHECK_FALSE(stored_hmac_state(Hash::md5, hash_password("test")));
  CHECK_FALSE(stored_hmac_state(Hash::md5, "test"));
}

}  // namespace
}  // namespace crypto
