#include "app/file_watch.h"

namespace app {

void FileWatch::watch(const std::vector<std::string>& paths) {
  files_.clear();
  for (const std::string& path : paths) files_.emplace_back(path, look(path));
}

bool FileWatch::changed() {
  bool any = false;
  for (auto& [path, stamp] : files_) {
    auto now = look(path);
    any = any || now != stamp;
    stamp = std::move(now);
  }
  return any;
}

std::optional<FileStamp> FileWatch::look(const std::string& path) {
  const auto stamp = privileged_->stamp(path);
  return stamp ? std::optional(*stamp) : std::nullopt;
}

}  // namespace app
