// Whatever decodes encodes to the same bytes again: there is one form of every key.

#include <cstdlib>

#include "store/key.h"

namespace {

template <class Key>
void try_decode(std::string_view bytes) {
  const auto key = store::decode_key<Key>(9, bytes);
  if (!key) return;
  const std::string again = std::apply([](const auto&... parts) { return store::encode_key(9, parts...); }, *key);
  if (again != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes = "\x09";
  bytes.append(reinterpret_cast<const char*>(data), size);
  try_decode<std::tuple<std::string>>(bytes);
  try_decode<std::tuple<std::string, std::string>>(bytes);
  try_decode<std::tuple<std::uint8_t, std::string, std::uint32_t>>(bytes);
  try_decode<std::tuple<base::AccountId, std::uint64_t, std::string>>(bytes);
  return 0;
}
