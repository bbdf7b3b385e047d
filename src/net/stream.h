#pragma once
// Stream: a connection as bytes in order, plain or TLS or in memory. Owned by one session on one loop; every call is
// made on that loop. One read or wait and one write may be under way at a time. Every operation throws Closed when the
// peer has reset the connection, the deadline has passed or close() was called; nothing else is thrown.

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/task.h"

namespace net {

class Closed : public std::exception {
 public:
  enum class Why { peer, timeout, local, tls };
  explicit Closed(Why reason, std::string text = {}) : why(reason), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.empty() ? kNames[static_cast<int>(why)] : text_.c_str(); }
  Why why;

 private:
  static constexpr const char* kNames[] = {"closed by the peer", "timed out", "closed by the server", "TLS error"};
  std::string text_;
};

/// Both ends of a connection. Addresses are numeric text ("192.0.2.1", "2001:db8::1"), IPv4-mapped IPv6 as IPv4.
/// For Unix sockets the addresses are empty and the ports 0, and the system says whose process connected.
struct Endpoints {
  std::string peer_address;
  std::uint16_t peer_port = 0;
  std::string local_address;
  std::uint16_t local_port = 0;
  std::optional<std::uint32_t> peer_uid;
};

/// 127.0.0.0/8 or ::1.
bool is_loopback(std::string_view address);

/// What TLS negotiated; all empty on a plain stream.
struct TlsInfo {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_128_GCM_SHA256"
  std::string server_name;  // SNI, as sent
  bool resumed = false;
  bool can_bind = false;                  // channel_binding() has something that belongs to this connection alone
  std::vector<std::string> client_names;  // the addresses of a client certificate that was asked for and verified
};

/// Bytes on the wire since the connection began.
struct Traffic {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

/// What ties an authentication to the channel that it came through.
enum class ChannelBinding { tls_exporter, tls_server_end_point };

enum class Ready { data, woken };

class Stream {
 public:
  virtual ~Stream() = default;

  /// Waits until read() would give something (bytes or the end) or wake() was called; takes no bytes and, while it
  /// waits, holds no buffer: this is where idle sessions are. A wake() that came earlier is kept and returned once;
  /// when both hold, data wins and the wake stays pending.
  virtual Task<Ready> wait() = 0;

  /// Reads at least one byte and at most into.size(); 0 means that the peer has ended its side. `into` is written only
  /// when the read completes, right before its caller goes on: streams that wait on one loop may share a buffer.
  virtual Task<std::size_t> read(std::span<char> into) = 0;

  /// Writes all of `data`, which must stay valid until then.
  virtual Task<void> write(std::string_view data) = 0;

  /// Lets a wait() that is under way, or the next one, return Ready::woken. On the stream's loop.
  virtual void wake() = 0;

  /// From now on operations that have not finished at `deadline` throw Closed(timeout); SteadyTime::max() for never.
  virtual void set_deadline(base::SteadyTime deadline) = 0;

  /// Ends the connection at once: operations under way throw Closed(local). May be called twice.
  virtual void close() noexcept = 0;

  /// Ends our sending side in order (TLS close_notify, TCP FIN). Errors are ignored: the peer may be gone already.
  virtual Task<void> shutdown() = 0;

  virtual const Endpoints& endpoints() const = 0;
  virtual const TlsInfo* tls() const { return nullptr; }
  /// Counted by streams over a socket only.
  virtual Traffic traffic() const { return {}; }
  /// "" where there is none of this kind.
  virtual std::string channel_binding(ChannelBinding) const { return {}; }
};

}  // namespace net
