#include "tls/connection.h"

#include <openssl/err.h>

#include <algorithm>
#include <vector>

#include "tls/peer.h"

namespace tls {

namespace {

using net::Closed;
using net::Ready;
using net::Stream;
using net::Task;
using Why = net::Closed::Why;

constexpr std::size_t kRecord = 17 * 1024;       // RFC 8446 §5.2: a record has at most 2^14 + 256 bytes and a header
constexpr std::size_t kScratch = 64 * 1024;      // ciphertext taken in one read
constexpr std::size_t kFlight = 64 * 1024;       // plaintext encrypted for one write: four full records
constexpr std::size_t kUnsolicited = 16 * 1024;  // replies to key updates and the like that wait for a write
constexpr std::size_t kSpareBuffers = 8;

/// The buffers of a thread, for all its connections.
struct ThreadBuffers {
  // Ciphertext as it arrives. net/stream.h: a read touches its buffer only when it completes, and what has arrived is
  // decrypted, or kept aside, before anything else runs; so one buffer serves all reads that are under way.
  std::unique_ptr<char[]> scratch = std::make_unique_for_overwrite<char[]>(kScratch);
  std::vector<std::string> spare;  // for ciphertext on its way out, which must last as long as the write
};
ThreadBuffers& buffers() {
  thread_local ThreadBuffers mine;
  return mine;
}

/// What OpenSSL reads from and writes to.
struct Wire {
  std::string_view incoming;  // not yet read by OpenSSL; points into the scratch or into `kept`
  std::string kept;
  std::string outgoing;
  bool ended = false;  // the peer has ended its side

  /// Before others run on this thread: what OpenSSL has not taken moves out of the scratch.
  void settle() {
    if (incoming.empty()) {
      if (kept.capacity() > 0) kept = std::string();
      aside = false;
    } else if (!aside) {
      kept.assign(incoming);
      incoming = kept;
      aside = true;
    }
  }

  /// OpenSSL has taken all that came before.
  void arrived(std::string_view ciphertext) {
    incoming = ciphertext;
    ended = ciphertext.empty();
    aside = false;
  }

 private:
  bool aside = false;  // `incoming` points into `kept`
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

int wire_read(BIO* bio, char* into, std::size_t size, std::size_t* done) {
  Wire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  if (wire.incoming.empty()) {
    if (!wire.ended) BIO_set_retry_read(bio);
    return 0;
  }
  *done = wire.incoming.copy(into, size);
  wire.incoming.remove_prefix(*done);
  return 1;
}

int wire_write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
  wire_of(bio).outgoing.append(data, size);
  *done = size;
  return 1;
}

long wire_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return wire_of(bio).ended && wire_of(bio).incoming.empty();
  return 0;
}

const BIO_METHOD* wire_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "net::Stream");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(made, wire_read);
    BIO_meth_set_write_ex(made, wire_write);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

enum class Step { done, wants_input, ended, failed };

struct Connection {
  Connection(Ssl s, std::unique_ptr<Stream> plain) : inner(std::move(plain)), ssl(std::move(s)) {
    BIO* bio = BIO_new(wire_method());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
  }

  std::unique_ptr<Stream> inner;
  Wire wire;
  Ssl ssl;  // after the wire, which it uses until its end
  net::TlsInfo info;
  std::string failure;  // why the connection cannot be used any more
  bool closed = false;
  bool writing = false;

  Step shake() {
    ERR_clear_error();
    const Step step = judge(SSL_do_handshake(ssl.get()));
    wire.settle();
    return step;
  }

  /// Decrypts into `into` until it is full or input is missing.
  Step decrypt(std::span<char> into, std::size_t& got) {
    got = 0;
    Step step = Step::done;
    while (step == Step::done && got < into.size()) {
      std::size_t n = 0;
      ERR_clear_error();
      step = judge(SSL_read_ex(ssl.get(), into.data() + got, into.size() - got, &n));
      got += n;
    }
    wire.settle();
    refuse_flood();
    if (got > 0) return Step::done;
    return failure.empty() ? step : Step::failed;
  }

  /// What decrypt() would give; takes no plaintext.
  Step look() {
    if (!failure.empty()) return Step::failed;
    if (SSL_pending(ssl.get()) > 0) return Step::done;
    if (wire.incoming.empty() && !wire.ended) return Step::wants_input;
    char byte = 0;
    std::size_t n = 0;
    ERR_clear_error();
    const Step step = judge(SSL_peek_ex(ssl.get(), &byte, 1, &n));
    wire.settle();
    refuse_flood();
    return failure.empty() ? step : Step::failed;
  }

  void encrypt(std::string_view data) {
    if (wire.outgoing.empty() && !buffers().spare.empty()) {
      wire.outgoing = std::move(buffers().spare.back());
      buffers().spare.pop_back();
    }
    std::size_t n = 0;
    ERR_clear_error();
    const Step step = judge(SSL_write_ex(ssl.get(), data.data(), data.size(), &n));
    if (step == Step::done && n == data.size()) return;
    if (failure.empty()) failure = "a record could not be made";
    throw Closed(Why::tls, failure);
  }

 private:
  Step judge(int result) {
    const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl.get(), result);
    switch (error) {
      case SSL_ERROR_NONE:
        return Step::done;
      case SSL_ERROR_WANT_READ:
        return Step::wants_input;
      case SSL_ERROR_ZERO_RETURN:
        return Step::ended;
      default:
        failure = describe_failure();
        return Step::failed;
    }
  }

  // Answers to key updates and the like wait for the next write (RFC 8446 §4.6.3 allows it); a peer that makes nothing
  // but these must not fill our memory.
  void refuse_flood() {
    if (wire.outgoing.size() > kUnsolicited) failure = "the peer asks for too many answers";
  }

  std::string describe_failure() const {
    const long verified = SSL_get_verify_result(ssl.get());
    std::string text = take_error("the connection ended within a record or a handshake");
    if (verified != X509_V_OK) text += std::string(": ") + X509_verify_cert_error_string(verified);
    return text;
  }
};

using Shared = std::shared_ptr<Connection>;

// As in net, operations hold the connection, not the stream: it may be destroyed under them.

/// Takes what arrives; `wanted` bytes of plaintext are what the caller has room for.
Task<void> receive(Shared c, std::size_t wanted) {
  const std::size_t size = std::clamp(wanted + 1024, kRecord, kScratch);
  const std::span<char> scratch(buffers().scratch.get(), size);
  const std::size_t n = co_await c->inner->read(scratch);
  c->wire.arrived(std::string_view(scratch.data(), n));
}

/// Sends what OpenSSL has written.
Task<void> send(Shared c) {
  if (c->wire.outgoing.empty()) co_return;
  ENSURE(!c->writing);
  struct Writing {
    Connection& connection;
    std::string data;
    explicit Writing(Connection& of) : connection(of), data(std::exchange(of.wire.outgoing, {})) {
      connection.writing = true;
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing() {
      connection.writing = false;
      if (buffers().spare.size() >= kSpareBuffers || data.capacity() > 2 * kFlight) return;
      data.clear();
      buffers().spare.push_back(std::move(data));
    }
  };
  const Writing writing(*c);
  co_await c->inner->write(writing.data);
}

/// Ends a connection that has failed, and tells the peer why if it is still there.
Task<void> give_up(Shared c) {
  if (!c->wire.ended && !c->writing) {
    try {
      co_await send(c);  // the alert
    } catch (const Closed&) {
      // It cannot be told: the reason that we have is the one that counts.
    }
  }
  c->inner->close();
  throw Closed(Why::tls, c->failure);
}

Task<std::size_t> read_from(Shared c, std::span<char> into) {
  ENSURE(!into.empty());
  while (true) {
    if (c->closed) throw Closed(Why::local);
    std::size_t got = 0;
    switch (c->failure.empty() ? c->decrypt(into, got) : Step::failed) {
      case Step::done:
        co_return got;
      case Step::ended:
        co_return 0;
      case Step::failed:
        // RFC 8446 §6.1: without close_notify the end may be an attacker's, so it is not the end of the data. Many
        // clients just close, so it is not worth the word failure either.
        if (c->wire.ended) throw Closed(Why::peer, "closed by the peer without close_notify");
        co_await give_up(c);
        break;
      case Step::wants_input:
        co_await receive(c, into.size());
        break;
    }
  }
}

Task<Ready> wait_on(Shared c) {
  while (true) {
    if (c->closed) throw Closed(Why::local);
    // What arrived may have been a ticket, a key update or a part of a record: nothing to read, so the wait goes on. A
    // failure is for the read to tell.
    if (c->look() != Step::wants_input) co_return Ready::data;
    if (co_await c->inner->wait() == Ready::woken) co_return Ready::woken;
    co_await receive(c, 0);
  }
}

Task<void> write_to(Shared c, std::string_view data) {
  while (!data.empty()) {
    if (c->closed) throw Closed(Why::local);
    if (!c->failure.empty()) throw Closed(Why::tls, c->failure);
    const std::string_view flight = data.substr(0, kFlight);
    data.remove_prefix(flight.size());
    c->encrypt(flight);
    co_await send(c);
  }
}

Task<void> shutdown_of(Shared c) {
  if (c->closed || !c->failure.empty() || c->writing) co_return;
  try {
    ERR_clear_error();
    SSL_shutdown(c->ssl.get());
    co_await send(c);
  } catch (const Closed&) {
    // Errors are ignored by contract: the peer may be gone already.
  }
  co_await c->inner->shutdown();
}

class TlsStream final : public Stream {
 public:
  explicit TlsStream(Shared connection) : connection_(std::move(connection)) {}
  ~TlsStream() override { close(); }

  Task<Ready> wait() override { return wait_on(connection_); }
  Task<std::size_t> read(std::span<char> into) override { return read_from(connection_, into); }
  Task<void> write(std::string_view data) override { return write_to(connection_, data); }
  void wake() override { connection_->inner->wake(); }
  void set_deadline(base::SteadyTime deadline) override { connection_->inner->set_deadline(deadline); }
  void close() noexcept override {
    connection_->closed = true;
    connection_->inner->close();
  }
  Task<void> shutdown() override { return shutdown_of(connection_); }
  const net::Endpoints& endpoints() const override { return connection_->inner->endpoints(); }
  const net::TlsInfo* tls() const override { return &connection_->info; }
  std::string channel_binding(net::ChannelBinding kind) const override {
    return tls::channel_binding(*connection_->ssl, kind);
  }

 private:
  Shared connection_;
};

net::TlsInfo describe(SSL& ssl) {
  net::TlsInfo info;
  info.version = SSL_get_version(&ssl);
  info.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(&ssl));
  if (const char* name = SSL_get_servername(&ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
  info.resumed = SSL_session_reused(&ssl) == 1;
  info.can_bind = can_bind(ssl);
  info.client_names = client_names(ssl);
  return info;
}

}  // namespace

Task<std::unique_ptr<Stream>> handshake(Ssl ssl, std::unique_ptr<Stream> plain) {
  auto c = std::make_shared<Connection>(std::move(ssl), std::move(plain));
  while (true) {
    const Step step = c->shake();
    if (step == Step::done) break;
    if (step == Step::wants_input) {
      co_await send(c);
      co_await receive(c, 0);
    } else {
      if (c->wire.ended || step == Step::ended) c->failure = "the peer closed the connection during the handshake";
      co_await give_up(c);
    }
  }
  // What a TLS 1.3 server has left to say are tickets: they travel with the first write.
  const bool tickets_only = SSL_is_server(c->ssl.get()) == 1 && SSL_version(c->ssl.get()) == TLS1_3_VERSION;
  if (!tickets_only) co_await send(c);
  c->info = describe(*c->ssl);
  co_return std::make_unique<TlsStream>(std::move(c));
}

}  // namespace tls
