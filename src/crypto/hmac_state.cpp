// HMAC from its states, and PBKDF2 on top (crypto/hash.h). The states are inside the digests, where OpenSSL's current
// interface does not let anybody look: this file alone uses the older one, which version 3 keeps but calls deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <array>

#include "base/check.h"
#include "crypto/hash.h"

namespace crypto {
namespace {

constexpr std::size_t kBlock = 64;  // of all three

using Byte = unsigned char;
const Byte* bytes_of(std::string_view text) { return reinterpret_cast<const Byte*>(text.data()); }

// One digest each: its context, the words of its state, and the order of bytes in which it writes them.
struct Md5 {
  using Context = MD5_CTX;
  static constexpr std::size_t kBytes = MD5_DIGEST_LENGTH;
  static constexpr bool kLittleEndian = true;
  static void init(Context& c) { MD5_Init(&c); }
  static void update(Context& c, const void* data, std::size_t size) { MD5_Update(&c, data, size); }
  static void final(Byte* out, Context& c) { MD5_Final(out, &c); }
  static std::array<MD5_LONG*, 4> words(Context& c) { return {&c.A, &c.B, &c.C, &c.D}; }
};

struct Sha1 {
  using Context = SHA_CTX;
  static constexpr std::size_t kBytes = SHA_DIGEST_LENGTH;
  static constexpr bool kLittleEndian = false;
  static void init(Context& c) { SHA1_Init(&c); }
  static void update(Context& c, const void* data, std::size_t size) { SHA1_Update(&c, data, size); }
  static void final(Byte* out, Context& c) { SHA1_Final(out, &c); }
  static std::array<SHA_LONG*, 5> words(Context& c) { return {&c.h0, &c.h1, &c.h2, &c.h3, &c.h4}; }
};

struct Sha256 {
  using Context = SHA256_CTX;
  static constexpr std::size_t kBytes = SHA256_DIGEST_LENGTH;
  static constexpr bool kLittleEndian = false;
  static void init(Context& c) { SHA256_Init(&c); }
  static void update(Context& c, const void* data, std::size_t size) { SHA256_Update(&c, data, size); }
  static void final(Byte* out, Context& c) { SHA256_Final(out, &c); }
  static std::array<SHA_LONG*, 8> words(Context& c) {
    return {&c.h[0], &c.h[1], &c.h[2], &c.h[3], &c.h[4], &c.h[5], &c.h[6], &c.h[7]};
  }
};

template <class Digest>
class Keyed {
 public:
  using Block = std::array<Byte, Digest::kBytes>;

  static Keyed with_key(std::string_view key) {
    std::array<Byte, kBlock> block{};
    if (key.size() > kBlock) {
      typename Digest::Context c;
      Digest::init(c);
      Digest::update(c, key.data(), key.size());
      Digest::final(block.data(), c);
    } else {
      key.copy(reinterpret_cast<char*>(block.data()), key.size());
    }
    Keyed keyed;
    begin(keyed.outer_, block, 0x5C);  // RFC 2104 §2: opad, ipad
    begin(keyed.inner_, block, 0x36);
    return keyed;
  }

  static Keyed with_state(std::string_view state) {
    ENSURE(state.size() == 2 * Digest::kBytes);
    Keyed keyed = with_key({});  // sets the length: one block was taken
    load(keyed.outer_, state.substr(0, Digest::kBytes));
    load(keyed.inner_, state.substr(Digest::kBytes));
    return keyed;
  }

  std::string state() const { return store(outer_) + store(inner_); }

  Block hmac(const void* data, std::size_t size) const {
    Block out;
    typename Digest::Context c = inner_;
    Digest::update(c, data, size);
    Digest::final(out.data(), c);
    c = outer_;
    Digest::update(c, out.data(), out.size());
    Digest::final(out.data(), c);
    return out;
  }

 private:
  static void begin(typename Digest::Context& c, std::array<Byte, kBlock> block, Byte pad) {
    for (Byte& byte : block) byte ^= pad;
    Digest::init(c);
    Digest::update(c, block.data(), block.size());
  }
  static std::size_t shift(std::size_t byte) { return 8 * (Digest::kLittleEndian ? byte : 3 - byte); }
  static void load(typename Digest::Context& c, std::string_view bytes) {
    for (auto* const word : Digest::words(c)) {
      *word = 0;
      for (std::size_t i = 0; i < 4; ++i) *word |= static_cast<std::uint32_t>(bytes_of(bytes)[i]) << shift(i);
      bytes.remove_prefix(4);
    }
  }
  static std::string store(typename Digest::Context c) {
    std::string bytes;
    for (const auto* const word : Digest::words(c)) {
      for (std::size_t i = 0; i < 4; ++i) bytes += static_cast<char>(*word >> shift(i));
    }
    return bytes;
  }

  typename Digest::Context outer_;
  typename Digest::Context inner_;
};

template <class Block>
std::string text_of(const Block& block) {
  return {reinterpret_cast<const char*>(block.data()), block.size()};
}

template <class Function>
std::string with_digest(Hash hash, Function function) {
  switch (hash) {
    case Hash::md5:
      return function(Md5());
    case Hash::sha1:
      return function(Sha1());
    case Hash::sha256:
      return function(Sha256());
    case Hash::sha512:
      break;
  }
  ENSURE(hash != Hash::sha512);
  return {};
}

}  // namespace

std::string hmac_state(Hash hash, std::string_view key) {
  return with_digest(hash, [&]<class Digest>(Digest) { return Keyed<Digest>::with_key(key).state(); });
}

std::string hmac_from_state(Hash hash, std::string_view state, std::string_view data) {
  return with_digest(hash, [&]<class Digest>(Digest) {
    return text_of(Keyed<Digest>::with_state(state).hmac(data.data(), data.size()));
  });
}

std::string pbkdf2(Hash hash, std::string_view state, std::string_view salt, std::uint32_t iterations) {
  ENSURE(iterations >= 1);
  return with_digest(hash, [&]<class Digest>(Digest) {
    const auto keyed = Keyed<Digest>::with_state(state);
    std::string first(salt);
    first.append("\0\0\0\1", 4);  // the number of the block; the result is one block
    auto block = keyed.hmac(first.data(), first.size());
    auto sum = block;
    for (std::uint32_t i = 1; i < iterations; ++i) {
      block = keyed.hmac(block.data(), block.size());
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] ^= block[k];
    }
    return text_of(sum);
  });
}

}  // namespace crypto
