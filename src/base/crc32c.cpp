#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace base {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xFF];
  }
  return tables;
}
constexpr Tables kTables = make_tables();

std::uint64_t load_little_endian(const char* data) {
  std::uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(data[i]);
  return word;
}

#if defined(__x86_64__)
#define BASE_WITH_CRC __attribute__((target("sse4.2")))
BASE_WITH_CRC inline std::uint32_t add_word(std::uint32_t state, std::uint64_t word) {
  return static_cast<std::uint32_t>(__builtin_ia32_crc32di(state, word));
}
BASE_WITH_CRC inline std::uint32_t add_byte(std::uint32_t state, char byte) {
  return __builtin_ia32_crc32qi(state, static_cast<unsigned char>(byte));
}
bool has_instruction() { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#define BASE_WITH_CRC __attribute__((target("crc")))
BASE_WITH_CRC inline std::uint32_t add_word(std::uint32_t state, std::uint64_t word) { return __crc32cd(state, word); }
BASE_WITH_CRC inline std::uint32_t add_byte(std::uint32_t state, char byte) {
  return __crc32cb(state, static_cast<unsigned char>(byte));
}
bool has_instruction() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

#if defined(BASE_WITH_CRC)

/// The instruction takes three cycles, and one can begin in each: three runs of this size go side by side.
constexpr std::size_t kRunBytes = 1024;

/// What kRunBytes of zeros make of a state, one table for each byte of it: the function is linear in the bits.
using ZeroRun = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr ZeroRun make_zero_run() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t state = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kRunBytes; ++i) state = state >> 8 ^ kTables[0][state & 0xFF];
    of_bit[bit] = state;
  }
  ZeroRun run{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) run[byte][value] ^= of_bit[8 * byte + bit];
      }
    }
  }
  return run;
}
constexpr ZeroRun kZeroRun = make_zero_run();

std::uint32_t skip_run(std::uint32_t state) {
  return kZeroRun[0][state & 0xFF] ^ kZeroRun[1][state >> 8 & 0xFF] ^ kZeroRun[2][state >> 16 & 0xFF] ^
         kZeroRun[3][state >> 24];
}

BASE_WITH_CRC std::uint32_t by_instruction(std::uint32_t crc, std::string_view bytes) {
  const auto word_at = [](const char* place) {
    std::uint64_t word;
    std::memcpy(&word, place, sizeof word);
    return word;
  };
  std::uint32_t state = ~crc;
  const char* data = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kRunBytes; data += 3 * kRunBytes, left -= 3 * kRunBytes) {
    std::uint32_t second = 0;
    std::uint32_t third = 0;
    for (std::size_t i = 0; i < kRunBytes; i += 8) {
      state = add_word(state, word_at(data + i));
      second = add_word(second, word_at(data + kRunBytes + i));
      third = add_word(third, word_at(data + 2 * kRunBytes + i));
    }
    state = skip_run(skip_run(state) ^ second) ^ third;
  }
  for (; left >= 8; data += 8, left -= 8) state = add_word(state, word_at(data));
  for (; left > 0; ++data, --left) state = add_byte(state, *data);
  return ~state;
}

#else
std::uint32_t by_instruction(std::uint32_t crc, std::string_view bytes) { return crc32c_portable(crc, bytes); }
bool has_instruction() { return false; }
#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes) {
  std::uint32_t state = ~crc;
  const char* data = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; data += 8, left -= 8) {
    const std::uint64_t word = load_little_endian(data) ^ state;
    state = 0;
    for (std::size_t i = 0; i < 8; ++i) state ^= kTables[7 - i][word >> (8 * i) & 0xFF];
  }
  for (; left > 0; ++data, --left) state = state >> 8 ^ kTables[0][(state ^ static_cast<unsigned char>(*data)) & 0xFF];
  return ~state;
}

std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) {
  static const bool instruction = has_instruction();
  return instruction ? by_instruction(crc, bytes) : crc32c_portable(crc, bytes);
}

}  // namespace base
