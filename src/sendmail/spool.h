#pragma once
// The spool as a directory, DIR/: new/ (mode 3733: every user puts messages in, the server's group reads them), bad/
// (what could not be taken, each with a file that says why), socket (bell.h), and hostname (the server's name, for
// programs). All block. Errors are the system's, with the path: denied, no_space, unavailable, not_found.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sendmail/spool_file.h"

namespace sendmail {

/// The names in a spool.
struct Spool {
  std::string directory;
  std::string incoming() const { return directory + "/new"; }
  std::string bad() const { return directory + "/bad"; }
  std::string socket() const { return directory + "/socket"; }
  std::string hostname() const { return directory + "/hostname"; }
};

/// The server's side: makes what is missing in a directory that is ours, and leaves the server's name there. denied:
/// something in it is somebody else's, or may be written by others.
base::Result<void> prepare(const Spool& spool, std::string_view hostname);

/// The server's name as it was left there; the machine's own otherwise.
std::string hostname_of(const Spool& spool);

/// A message on its way into the spool. Dropped without commit() it leaves nothing.
class SpoolWriter {
 public:
  /// `file.id` and `file.size` are set here.
  static base::Result<SpoolWriter> create(const Spool& spool, SpoolFile file);
  ~SpoolWriter();
  SpoolWriter(SpoolWriter&& other) noexcept;
  SpoolWriter& operator=(SpoolWriter&&) = delete;

  base::Result<void> write(std::string_view bytes);
  /// The file is whole, synced, and has its name: the server may take it.
  base::Result<void> commit();
  /// After commit(): the name is durable, too. Who is not told by the server that it has the message needs this.
  base::Result<void> sync_name();
  const std::string& id() const { return id_; }

 private:
  SpoolWriter(int fd, std::string directory, std::string id)
      : fd_(fd), directory_(std::move(directory)), id_(std::move(id)) {}
  std::string temporary() const;

  int fd_;
  std::string directory_;
  std::string id_;
  std::size_t size_offset_ = 0;
  std::uint64_t size_ = 0;
  std::string buffer_;
  bool committed_ = false;
};

/// Takes a message out again. For its owner and the directory's.
base::Result<void> remove(const Spool& spool, const std::string& id);

/// A message that waits, open for reading.
class SpoolReader {
 public:
  /// invalid: it is no plain file with one name, or its head is broken, or it is not as long as it says.
  static base::Result<SpoolReader> open(const Spool& spool, const std::string& id);
  ~SpoolReader();
  SpoolReader(SpoolReader&& other) noexcept;
  SpoolReader& operator=(SpoolReader&&) = delete;

  const SpoolFile& file() const { return file_; }
  std::uint32_t owner() const { return owner_; }
  /// Bytes [offset, offset + length) of the message, less at its end.
  base::Result<std::string> read(std::uint64_t offset, std::size_t length) const;

 private:
  explicit SpoolReader(int fd) : fd_(fd) {}

  int fd_;
  SpoolFile file_;
  std::uint32_t owner_ = 0;
};

/// The ids of messages that are older than `age`, oldest first, at most 1,000. Removes what was left unfinished a day
/// ago.
base::Result<std::vector<std::string>> list(const Spool& spool, std::chrono::seconds age);

/// Makes what was removed from new/ stay removed.
base::Result<void> sync(const Spool& spool);

/// Moves a file to bad/, with the reason beside it.
base::Result<void> set_aside(const Spool& spool, const std::string& id, std::string_view why);

}  // namespace sendmail
