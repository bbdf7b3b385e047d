#include "store/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace store {
namespace {

base::Error failed(const std::string& doing, const std::string& path, int error) {
  base::Code code = base::Code::unavailable;
  if (error == ENOSPC || error == EDQUOT) code = base::Code::no_space;
  if (error == EACCES || error == EPERM || error == EROFS) code = base::Code::denied;
  if (error == EEXIST) code = base::Code::exists;
  return {code, doing + " " + path + ": " + std::generic_category().message(error)};
}

base::Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  return std::unexpected(failed("making the directory", path, errno));
}

base::Result<void> sync_path(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) return std::unexpected(failed("syncing", path, error));
  return {};
}

/// Syncs all below the directory, and itself. What was linked is clean already and costs nothing.
base::Result<void> sync_tree(const std::string& directory) {
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    TRY(sync_path(at->path().string()));
  }
  if (error) return std::unexpected(failed("reading", directory, error.value()));
  return sync_path(directory);
}

base::Result<void> write_file(const std::string& path, const std::string& content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return std::unexpected(failed("making", path, errno));
  const ssize_t written = ::write(fd, content.data(), content.size());
  const int error = written < 0 ? errno : ENOSPC;  // less than all is written only on a disk that is full
  ::close(fd);
  if (written != static_cast<ssize_t>(content.size())) return std::unexpected(failed("writing", path, error));
  return {};
}

base::Result<void> fill(Engine& engine, const Home& home, const std::string& draft,
                        const std::vector<BesideFile>& files) {
  const std::string store = draft + "/" + home.name();
  TRY(make_directory(store));
  TRY(engine.checkpoint(store + "/db"));
  TRY(home.copy_version(store));
  for (const BesideFile& file : files) TRY(write_file(draft + "/" + file.name, file.content));
  return sync_tree(draft);
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

base::Result<void> write_checkpoint(Engine& engine, const Home& home, const std::string& directory,
                                    const std::vector<BesideFile>& files) {
  const std::string draft = directory + ".partial";
  struct stat found{};
  if (::lstat(directory.c_str(), &found) == 0) {
    return base::fail(base::Code::exists, directory + " exists: a checkpoint is made in a directory of its own");
  }
  if (auto made = make_directory(draft); !made) {
    if (made.error().code != base::Code::exists) return made;
    return base::fail(base::Code::exists, draft + " is there, left by a checkpoint that was interrupted (or one is " +
                                              "being made now): remove it first");
  }
  base::Result<void> done = fill(engine, home, draft, files);
  if (done && ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, directory.c_str(), RENAME_NOREPLACE) != 0) {
    done = std::unexpected(failed("renaming", draft, errno));
  }
  if (!done) {
    std::error_code ignored;  // what is left is named when the next one is made
    std::filesystem::remove_all(draft, ignored);
    return done;
  }
  return sync_path(parent_of(directory));
}

}  // namespace store
