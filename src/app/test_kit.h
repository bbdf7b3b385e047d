#pragma once
// Private to the room's tests. For tests only.

#include <unistd.h>

#include <filesystem>
#include <string>

namespace app::test {

/// An empty directory of this process, removed at the end. One at a time.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / ("postrider-scratch-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const char* name) const { return path_ / name; }

 private:
  const std::filesystem::path path_;
};

}  // namespace app::test
