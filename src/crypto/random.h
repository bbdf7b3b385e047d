#pragma once
// Random bytes of the operating system's quality. From any thread.

#include <cstddef>
#include <cstdint>
#include <string>

namespace crypto {

std::string random_bytes(std::size_t count);
std::uint64_t random_u64();

}  // namespace crypto
