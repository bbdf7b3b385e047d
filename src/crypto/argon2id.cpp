#include "crypto/argon2id.h"

#include <argon2.h>
#include <sys/mman.h>

#include <new>
#include <stdexcept>

#include "base/check.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace crypto {
namespace {

constexpr std::string_view kVariant = "$argon2id$v=19$";

// 19 MiB and two passes: the least that OWASP recommends for argon2id, 21 ms here (design: threads).
constexpr std::uint32_t kMemoryKib = 19456;
constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

// What a stored string may ask for: a record that was tampered with, or imported, must not take the machine.
constexpr std::uint32_t kMaxMemoryKib = 256 * 1024;
constexpr std::uint32_t kMaxPasses = 20;
constexpr std::uint32_t kMaxLanes = 8;
constexpr std::size_t kMinHashBytes = 16;  // shorter ones are met by chance

std::string unpadded_base64(std::string_view bytes) {
  std::string text = base::base64_encode(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

/// "m=19456" with name 'm' -> 19456.
std::optional<std::uint32_t> parameter(std::string_view text, char name) {
  if (text.size() < 3 || text[0] != name || text[1] != '=') return std::nullopt;
  return base::parse_u32(text.substr(2));
}

bool acceptable_parameters(std::string_view text) {
  const auto parts = base::split(text, ',');
  if (parts.size() != 3) return false;
  const auto memory = parameter(parts[0], 'm');
  const auto passes = parameter(parts[1], 't');
  const auto lanes = parameter(parts[2], 'p');
  return memory && passes && lanes && *memory <= kMaxMemoryKib && *passes >= 1 && *passes <= kMaxPasses &&
         *lanes >= 1 && *lanes <= kMaxLanes && *memory >= 8 * *lanes;
}

/// A stored hash that asks for nothing absurd.
struct Stored {
  std::uint32_t memory_kib = 0;
  std::uint32_t passes = 0;
  std::uint32_t lanes = 0;
  std::string salt;
  std::string hash;
};

std::optional<std::string> unpadded_base64_decode(std::string_view text) {
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  return base::base64_decode(padded);
}

std::optional<Stored> parse_stored(std::string_view stored) {
  if (!stored.starts_with(kVariant)) return std::nullopt;
  const auto parts = base::split(stored.substr(kVariant.size()), '$');  // parameters, salt, hash
  if (parts.size() != 3 || !acceptable_parameters(parts[0])) return std::nullopt;
  auto salt = unpadded_base64_decode(parts[1]);
  auto hash = unpadded_base64_decode(parts[2]);
  if (!salt || salt->size() < ARGON2_MIN_SALT_LENGTH || !hash || hash->size() < kMinHashBytes) return std::nullopt;
  const auto parameters = base::split(parts[0], ',');
  return Stored{.memory_kib = *parameter(parameters[0], 'm'),
                .passes = *parameter(parameters[1], 't'),
                .lanes = *parameter(parameters[2], 'p'),
                .salt = *std::move(salt),
                .hash = *std::move(hash)};
}

// The block of memory has a mapping of its own, in huge pages when the system has them: malloc would either keep it for
// ever, or fault in 4,864 pages for every password, which costs half as much again as the hash itself.
constexpr std::size_t kHugePage = 2 << 20;

std::size_t mapped_size(std::size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

int map_memory(std::uint8_t** memory, std::size_t bytes) {
  void* const block = ::mmap(nullptr, mapped_size(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return ARGON2_MEMORY_ALLOCATION_ERROR;
  ::madvise(block, mapped_size(bytes), MADV_HUGEPAGE);  // a wish: without it, it is slower
  *memory = static_cast<std::uint8_t*>(block);
  return ARGON2_OK;
}

void unmap_memory(std::uint8_t* memory, std::size_t bytes) {
  if (memory) ::munmap(memory, mapped_size(bytes));
}

/// The digest of `password` with the salt and the costs of `with`, as long as with.hash.
std::string compute(std::string_view password, const Stored& with) {
  // The library's structure has no const; it changes neither the password nor the salt without the flags for that.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  std::string digest(with.hash.size(), '\0');
  argon2_context context{};
  context.out = bytes(digest);
  context.outlen = static_cast<std::uint32_t>(digest.size());
  context.pwd = bytes(password);
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = bytes(with.salt);
  context.saltlen = static_cast<std::uint32_t>(with.salt.size());
  context.t_cost = with.passes;
  context.m_cost = with.memory_kib;
  context.lanes = context.threads = with.lanes;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = map_memory;
  context.free_cbk = unmap_memory;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int rc = argon2id_ctx(&context);
  if (rc == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  if (rc != ARGON2_OK) throw std::runtime_error(std::string("argon2: ") + argon2_error_message(rc));
  return digest;
}

std::string text_of(std::string_view salt, std::string_view hash) {
  return std::string(kVariant) + "m=" + std::to_string(kMemoryKib) + ",t=" + std::to_string(kPasses) +
         ",p=" + std::to_string(kLanes) + "$" + unpadded_base64(salt) + "$" + unpadded_base64(hash);
}

}  // namespace

std::string make_argon2id(std::string_view password) {
  const Stored with{.memory_kib = kMemoryKib,
                    .passes = kPasses,
                    .lanes = kLanes,
                    .salt = random_bytes(kSaltBytes),
                    .hash = std::string(kHashBytes, '\0')};
  return text_of(with.salt, compute(password, with));
}

std::string unmatched_argon2id() { return text_of(random_bytes(kSaltBytes), random_bytes(kHashBytes)); }

bool is_argon2id(std::string_view stored) { return parse_stored(stored).has_value(); }

bool is_current_argon2id(std::string_view stored) {
  const auto parsed = parse_stored(stored);
  return parsed && parsed->memory_kib >= kMemoryKib && parsed->passes >= kPasses;
}

bool verify_argon2id(std::string_view stored, std::string_view password) {
  const auto parsed = parse_stored(stored);
  return parsed && equal_constant_time(compute(password, *parsed), parsed->hash);
}

}  // namespace crypto
