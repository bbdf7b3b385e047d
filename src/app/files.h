#pragma once
// The few things that the program does with ordinary files: reading one whole, writing one so that it is there whole or
// not at all, making directories. All block; used at start and on the command line, never on a loop. Errors name the
// path and give the system's reason: not_found, denied, too_large, no_space, unavailable.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

/// The error for a failed system call: `what` ("cannot read PATH") and the words for `error` (an errno value).
base::Error system_error(std::string_view what, int error);

/// too_large above `limit` bytes.
base::Result<std::string> read_file(const std::string& path, std::size_t limit);
/// The same of an open file, from where it stands; `path` is for the errors.
base::Result<std::string> read_descriptor(int fd, const std::string& path, std::size_t limit);

/// Through a new file beside it that is synced and renamed; the directory is synced too.
base::Result<void> write_file(const std::string& path, std::string_view content, unsigned mode);

/// With the parents that are missing, which get 0755. It is fine if it exists.
base::Result<void> make_directories(const std::string& path, unsigned mode);

bool exists(const std::string& path);

/// What tells that a path leads to something else than before: another file, or other content.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // of the content
  std::int64_t changed_ns = 0;   // of the inode too, which nobody sets back

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Of what the path leads to, symbolic links followed.
base::Result<FileStamp> stamp_file(const std::string& path);
/// Of an open file.
base::Result<FileStamp> stamp_descriptor(int fd, const std::string& path);

}  // namespace app
