#include "crypto/random.h"

#include <openssl/rand.h>

#include <stdexcept>

#include "base/check.h"

namespace crypto {

std::string random_bytes(std::size_t count) {
  ENSURE(count <= INT32_MAX);
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return bytes;
}

std::uint64_t random_u64() {
  const std::string bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace crypto
