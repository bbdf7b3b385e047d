#pragma once
// Private to the room. Home: the directory of a store, held by one process at a time. Makes it when it is missing
// (mode 0700), and looks at its VERSION before anything in it is touched, so that an older program leaves a newer store
// as it is. Everything that it makes, or that a start before it made and did not get to sync, is durable when open()
// returns. VERSION also holds a random number, by which commits are known in what a power cut leaves of a log.

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace store {

/// The shape of what is on disk: raised when an older program could not read, or would break, what this one writes.
inline constexpr std::uint64_t kSchemaVersion = 1;

class Home {
 public:
  /// Errors: busy (another process holds it), unsupported (a newer schema), corrupt, denied, no_space, unavailable.
  static base::Result<Home> open(const std::string& directory, std::uint64_t version = kSchemaVersion);

  Home(Home&& other) noexcept
      : directory_(std::move(other.directory_)),
        lock_(std::exchange(other.lock_, -1)),
        version_(other.version_),
        secret_(other.secret_) {}
  Home& operator=(Home&&) = delete;
  ~Home();

  /// Where the engine keeps its files.
  std::string database() const { return directory_ + "/db"; }
  /// Writes the VERSION that belongs to a copy of the database into `directory`.
  base::Result<void> copy_version(const std::string& directory) const;
  /// The last part of the directory's path.
  std::string name() const { return directory_.substr(directory_.rfind('/') + 1); }
  /// Of this store alone, and told to nobody.
  std::uint64_t secret() const { return secret_; }

 private:
  Home(std::string directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  base::Result<void> make_version(std::uint64_t version);
  base::Result<void> write_version(const std::string& directory, std::uint64_t version) const;
  base::Result<void> check_version(std::uint64_t version);

  std::string directory_;
  int lock_;
  std::uint64_t version_ = 0;
  std::uint64_t secret_ = 0;
};

}  // namespace store
