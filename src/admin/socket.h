#pragma once
// The admin socket: one JSON object a line each way (admin/api.h), over a Unix socket in the data directory whose file
// mode lets only the server's user and root in. serve() is one connection on the server's side; ask() is the command
// line's side and blocks.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "admin/api.h"
#include "base/result.h"
#include "net/server.h"
#include "net/stream.h"

namespace admin {

/// The name of a socket in a directory, fit for bind and connect however deep the directory is. Keep it as long
/// as what was made with it.
class SocketPath {
 public:
  static constexpr const char* kName = "admin.sock";

  explicit SocketPath(const std::string& directory, const char* name = kName);
  ~SocketPath();
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

/// The name of the user whose process is at the other end, if that one may use the socket: root, or the user that this
/// process runs as. The file mode says the same, but a mode can be changed, and a descriptor can be handed on.
base::Result<std::string> admitted(const net::Endpoints& peer);

/// Answers requests, and sends the lines that follow a reply, until the peer ends, sends a line above kMaxRequestBytes,
/// or the server stops. Throws net::Closed only.
net::Task<void> serve(std::unique_ptr<net::Stream> stream, Api& api, base::Log log, net::Stopping stopping);

/// The process at the other end of the socket, so that its end can be awaited; nothing when nobody answers.
class ServerProcess {
 public:
  explicit ServerProcess(const std::string& path);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Waits for its end, blocking; false when it is still there after that time. True at once when the system does not
  /// tell which process it is (one in another container).
  bool wait_for_end(std::chrono::seconds patience) const;

 private:
  int fd_ = -1;
};

/// The reply to one request. not_found: nobody listens there; denied: this user may not use it; unavailable: the
/// connection broke before the answer.
base::Result<std::string> ask(const std::string& path, std::string request);

/// As ask(), for a command that lines follow: `take` gets the reply first and then each line, until it returns false or
/// the server ends the connection. Errors as those of ask(), before the reply only.
base::Result<void> ask_for_lines(const std::string& path, std::string request,
                                 const std::function<bool(std::string_view line)>& take);

}  // namespace admin
