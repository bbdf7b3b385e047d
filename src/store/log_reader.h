#pragma once
// Private to the room. Reads files in RocksDB's log format, which its logs and its MANIFEST have: blocks of 32 KiB; a
// record is one or more fragments, each a masked CRC-32C, a length, a type and bytes. Everything here is total over
// whatever the bytes are. Errors: unavailable (reading), corrupt.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace store {

inline constexpr std::size_t kLogBlock = 32 * 1024;
inline constexpr std::size_t kFragmentHeader = 7;  // checksum (4), length (2), type (1)

struct Fragment {
  enum Type : unsigned char { whole = 1, first = 2, middle = 3, last = 4 };
  Type type = whole;
  std::string_view payload;

  bool begins() const { return type == whole || type == first; }
  bool ends() const { return type == whole || type == last; }
};

/// What stands at a place of a block. `breaks_off`: the file ends within a fragment, as far as its length can be
/// believed.
enum class Found { fragment, end_of_block, breaks_off, damage };

/// `last` says that the file ends with this block.
Found fragment_at(std::string_view block, std::size_t at, bool last, Fragment& out);

/// Hands the blocks of a file to `use`, in order.
base::Result<void> each_block(const std::string& path,
                              const std::function<void(std::string_view block, std::uint64_t offset, bool last)>& use);

/// The number below which RocksDB needs no log any more, although files may be there still: from the MANIFEST of the
/// database in `directory`; 0 when there is none yet.
base::Result<std::uint64_t> first_needed_log(const std::string& directory);

}  // namespace store
