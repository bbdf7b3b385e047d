#pragma once
// ConfigWatch: whether what a configuration was read from has changed, and has come to rest since: the files, the links
// that lead to them, and which files the patterns of `include` find. Looked at from time to time, by one thread at a
// time; blocks.

#include <string>
#include <vector>

#include "app/config.h"
#include "app/file_watch.h"
#include "app/privileged.h"

namespace app {

class ConfigWatch {
 public:
  /// `privileged` looks at the files and outlives this.
  explicit ConfigWatch(Privileged& privileged) : files_(privileged) {}

  /// From now on these, as they are now: before they are read, so that no change is missed.
  void watch(const Inputs& inputs, const Sources& sources);
  /// True when something has changed and the look before this one saw it as it is now: half a file is not read.
  bool changed(const Sources& sources);

 private:
  using Found = std::vector<std::vector<std::string>>;
  Found find(const Sources& sources) const;

  FileWatch files_;
  std::vector<std::string> patterns_;
  Found found_;  // by pattern
  bool moving_ = false;
};

}  // namespace app
