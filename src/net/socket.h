#pragma once
// Private to the .cpp files of net: a non-blocking socket with its suspended operations, and the Stream over it. The
// descriptor is registered with its loop when it is first waited for, so that one thread may accept for another.
// Everything but the constructor is called on the loop.

#include <sys/socket.h>

#include "net/operations.h"

namespace net {

class Socket final : public Operations {
 public:
  /// Takes over the descriptor.
  Socket(Loop& loop, int fd) : Operations(loop), descriptor_(loop.impl().context), fd_(fd) {}
  ~Socket() override { close(); }

  int fd() const { return fd_; }

  /// Makes sure that `reader` is resumed when the socket becomes readable; false if that was so already.
  bool arm_read();
  void arm_write();
  /// Set by a read event since arm_read() did something.
  bool readable = false;
  Traffic traffic;

  /// Whether recv() would return at once.
  bool peek() const;
  void close() noexcept;

 private:
  void register_once();
  std::shared_ptr<Socket> self() { return std::static_pointer_cast<Socket>(shared_from_this()); }

  Descriptor descriptor_;
  int fd_;
  bool registered_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
};

/// A stream over a connected socket.
std::unique_ptr<Stream> make_socket_stream(std::shared_ptr<Socket> socket, Endpoints endpoints);

/// The numeric text and port of a socket address; an IPv4-mapped address as IPv4; empty and 0 for other families.
std::pair<std::string, std::uint16_t> describe(const sockaddr_storage& address);
/// The socket address for a numeric text. False if it is none.
bool parse_address(const std::string& text, std::uint16_t port, sockaddr_storage& out, socklen_t& length);
/// The user whose process connected to this Unix socket; nothing for other families.
std::optional<std::uint32_t> peer_uid(int fd);
/// The address that the socket is bound to.
std::pair<std::string, std::uint16_t> local_address(int fd);

/// The system's words for an errno value.
std::string system_text(int error);

}  // namespace net
