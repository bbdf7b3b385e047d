#pragma once
// FileWatch: whether any of some files has changed, by looking at them (stat) when it is asked, which finds what a
// notification of the kernel would miss: symbolic links that are swapped, network file systems, files that are not
// there yet. One thread at a time; blocks.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/privileged.h"

namespace app {

class FileWatch {
 public:
  /// `privileged` looks at the files and outlives this.
  explicit FileWatch(Privileged& privileged) : privileged_(&privileged) {}

  /// The files from now on, as they are now. To be called before they are read, so that no change is missed.
  void watch(const std::vector<std::string>& paths);

  /// Whether any has changed, come or gone since it was last asked.
  bool changed();

 private:
  std::optional<FileStamp> look(const std::string& path);

  Privileged* privileged_;
  std::vector<std::pair<std::string, std::optional<FileStamp>>> files_;  // nothing: it cannot be looked at
};

}  // namespace app
