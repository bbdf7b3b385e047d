// TLS as its users meet it: handshakes of both versions, resumption, certificates, and what goes wrong.
#include "tls/tls.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/listener.h"
#include "net/loop.h"
#include "net/memory_stream.h"

namespace {

using namespace std::chrono_literals;
using net::Closed;
using net::Ready;
using net::Stream;
using net::Task;
using Clock = std::chrono::steady_clock;

const tls::KeyPair& pair() {
  static const tls::KeyPair made =
      *tls::make_self_signed({"mail.example.test", "*.example.test", "127.0.0.1", "::1"}, base::system_clock().now());
  return made;
}
std::shared_ptr<const tls::Acceptor> acceptor() {
  static const auto made = *tls::make_acceptor(pair());
  return made;
}

template <class T>
Task<void> into(Task<T> task, std::optional<T>& result) {
  result.emplace(co_await std::move(task));
}

/// How an operation ended: "" or the words of Closed with its reason.
template <class T>
Task<std::string> ending(Task<T> task) {
  static constexpr const char* kWhy[] = {"peer: ", "timeout: ", "local: ", "tls: "};
  try {
    co_await std::move(task);
  } catch (const Closed& closed) {
    co_return kWhy[static_cast<int>(closed.why)] + std::string(closed.what());
  }
  co_return "";
}

struct Connected {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Task<void> accept_into(std::unique_ptr<Stream> plain, std::unique_ptr<Stream>& result) {
  plain->set_deadline(Clock::now() + 10s);
  result = co_await acceptor()->accept(std::move(plain));
}

Task<Connected> connected(std::string trusted = {}, std::string name = "mail.example.test") {
  auto [near, far] = net::memory_pair({.peer_address = "192.0.2.25"}, {.peer_address = "192.0.2.1"});
  Connected result;
  net::Loop::current()->spawn(accept_into(std::move(far), result.server));
  auto connector = tls::make_connector(trusted);
  REQUIRE(connector);
  near->set_deadline(Clock::now() + 10s);
  result.client = co_await (*connector)->connect(std::move(near), name);
  while (!result.server) co_await net::sleep_for(0ms);
  co_return result;
}

Task<std::string> read_some(Stream& stream, std::size_t limit = 1000) {
  std::string text(limit, '\0');
  text.resize(co_await stream.read(text));
  co_return text;
}

Task<std::string> read_all(Stream& stream, std::size_t piece) {
  std::string all;
  while (true) {
    const std::string next = co_await read_some(stream, piece);
    if (next.empty()) co_return all;
    all += next;
  }
}

Task<void> write_and_end(Stream& stream, const std::string& data) {
  co_await stream.write(data);
  co_await stream.shutdown();
}

Task<void> handshake_story() {
  auto [client, server] = co_await connected();
  REQUIRE(server->tls() != nullptr);
  CHECK(server->tls()->version == "TLSv1.3");
  CHECK(server->tls()->cipher == "TLS_AES_128_GCM_SHA256");
  CHECK(server->tls()->server_name == "mail.example.test");
  CHECK_FALSE(server->tls()->resumed);
  CHECK(client->tls()->version == "TLSv1.3");
  CHECK(server->endpoints().peer_address == "192.0.2.1");
  co_await server->write("* OK hello\r\n");
  CHECK(co_await client->wait() == Ready::data);
  CHECK(co_await read_some(*client) == "* OK hello\r\n");
  co_await client->write("a");
  co_await client->write("");
  co_await client->write("b");
  CHECK(co_await read_some(*server, 1) == "a");
  CHECK(co_await server->wait() == Ready::data);
  CHECK(co_await read_some(*server) == "b");
  co_await client->shutdown();
  CHECK(co_await server->wait() == Ready::data);
  CHECK(co_await read_some(*server) == "");
  co_await server->write("after your end");
  CHECK(co_await read_some(*client) == "after your end");
  co_await server->shutdown();
  CHECK(co_await read_some(*client) == "");
}
TEST_CASE("a handshake, words both ways, and an end in order") { net::run(handshake_story()); }

Task<void> verification_story() {
  auto good = co_await connected(pair().certificate_pem);
  co_await good.client->write("verified");
  CHECK(co_await read_some(*good.server) == "verified");
  auto wildcard = co_await connected(pair().certificate_pem, "imap.example.test");
  auto address = co_await connected(pair().certificate_pem, "127.0.0.1");
  CHECK(address.server->tls()->server_name.empty());
  CHECK(co_await ending(connected(pair().certificate_pem, "other.test")) ==
        "tls: certificate verify failed: hostname mismatch");
  CHECK(co_await ending(connected(pair().certificate_pem, "127.0.0.2")) ==
        "tls: certificate verify failed: IP address mismatch");
  const auto other = tls::make_self_signed({"mail.example.test"}, base::system_clock().now());
  const std::string untrusted = co_await ending(connected(other->certificate_pem));
  CHECK(untrusted.starts_with("tls: certificate verify failed: "));
}
TEST_CASE("a connector that trusts a certificate checks chain and name") { net::run(verification_story()); }

Task<void> binding_story() {
  using net::ChannelBinding;
  auto [client, server] = co_await connected();
  auto [other_client, other_server] = co_await connected();
  CHECK(server->tls()->can_bind);
  const std::string exported = server->channel_binding(ChannelBinding::tls_exporter);
  CHECK(exported.size() == 32);
  CHECK(exported == client->channel_binding(ChannelBinding::tls_exporter));
  CHECK(exported != other_server->channel_binding(ChannelBinding::tls_exporter));
  // RFC 5929 §4.1: the certificate's own digest, here SHA-256: the same on each connection.
  const std::string end_point = server->channel_binding(ChannelBinding::tls_server_end_point);
  CHECK(end_point.size() == 32);
  CHECK(end_point == client->channel_binding(ChannelBinding::tls_server_end_point));
  CHECK(end_point == other_server->channel_binding(ChannelBinding::tls_server_end_point));
  CHECK(server->tls()->client_names.empty());
}
TEST_CASE("both ends of a connection have the same channel bindings, and no other connection has them") {
  net::run(binding_story());
}

/// A certificate for an address that signs itself: what an authority of one's own gives its people.
tls::KeyPair person(const char* address, const char* common_name) {
  const tls::KeyPair made = *tls::make_self_signed({common_name}, base::system_clock().now());
  BIO* bio = BIO_new_mem_buf(made.certificate_pem.data(), static_cast<int>(made.certificate_pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = BIO_new_mem_buf(made.key_pem.data(), static_cast<int>(made.key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  for (const int kind : {NID_subject_alt_name, NID_ext_key_usage}) {
    X509_EXTENSION_free(X509_delete_ext(certificate, X509_get_ext_by_NID(certificate, kind, -1)));
  }
  if (address != nullptr) {
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("email:" + std::string(address)).c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
  }
  X509_sign(certificate, key, EVP_sha256());
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  tls::KeyPair pair{.certificate_pem = {text, static_cast<std::size_t>(size)}, .key_pem = made.key_pem};
  BIO_free(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

Task<void> accept_by(std::shared_ptr<const tls::Acceptor> by, std::unique_ptr<Stream> plain,
                     std::optional<std::vector<std::string>>& names, std::string& why) {
  plain->set_deadline(Clock::now() + 10s);
  try {
    const auto server = co_await by->accept(std::move(plain));
    names = server->tls()->client_names;
  } catch (const Closed& closed) {
    why = closed.what();
    names.emplace();
  }
}

struct Shown {
  std::vector<std::string> names;
  std::string why;
};
Task<Shown> show(std::shared_ptr<const tls::Acceptor> by, const tls::KeyPair* own) {
  auto [near, far] = net::memory_pair();
  std::optional<std::vector<std::string>> names;
  Shown shown;
  net::Loop::current()->spawn(accept_by(by, std::move(far), names, shown.why));
  near->set_deadline(Clock::now() + 10s);
  std::optional<std::string> end;
  const auto connector = *tls::make_connector("", own);
  std::unique_ptr<Stream> client;
  try {
    client = co_await connector->connect(std::move(near), "mail.example.test");
  } catch (const Closed&) {
  }
  while (!names) co_await net::sleep_for(0ms);
  shown.names = *std::move(names);
  co_return shown;
}

Task<void> client_certificate_story() {
  const tls::KeyPair ann = person("ann@example.test", "Ann");
  const tls::KeyPair bob = person(nullptr, "bob");
  const tls::KeyPair eve = person("ann@example.test", "Eve");
  const tls::Identity identity{.pair = pair(), .names = {}};
  const auto asking = *tls::make_acceptor(std::span(&identity, 1), tls::make_ticket_keys(base::system_clock()),
                                          ann.certificate_pem + bob.certificate_pem);
  CHECK((co_await show(asking, &ann)).names == std::vector<std::string>{"ann@example.test"});
  const Shown without_address = co_await show(asking, &bob);
  CHECK(without_address.names.empty());
  CHECK(without_address.why == "");
  const Shown nothing = co_await show(asking, nullptr);
  CHECK(nothing.names.empty());
  CHECK(nothing.why == "");
  CHECK((co_await show(asking, &eve)).why.starts_with("certificate verify failed"));
  CHECK((co_await show(acceptor(), &ann)).names.empty());  // nobody asked
}
TEST_CASE("a client's certificate tells its address where it is asked for and verified") {
  net::run(client_certificate_story());
}

TEST_CASE("authorities that cannot be read are refused") {
  const tls::Identity identity{.pair = pair(), .names = {}};
  CHECK_FALSE(tls::make_acceptor(std::span(&identity, 1), tls::make_ticket_keys(base::system_clock()), "nothing"));
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 99;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

Task<void> bulk(Stream& client, Stream& server, std::size_t piece) {
  const std::string up = pattern(3'000'001);
  const std::string down = pattern(2'000'003);
  std::optional<std::string> got_up;
  std::optional<std::string> got_down;
  net::Loop& loop = *net::Loop::current();
  loop.spawn(write_and_end(client, up));
  loop.spawn(write_and_end(server, down));
  loop.spawn(into(read_all(server, piece), got_up));
  loop.spawn(into(read_all(client, piece), got_down));
  const auto end = Clock::now() + 60s;
  while ((!got_up || !got_down) && Clock::now() < end) co_await net::sleep_for(1ms);
  CHECK((got_up && *got_up == up));
  CHECK((got_down && *got_down == down));
}

Task<void> bulk_story() {
  for (const std::size_t piece : {1'000UZ, 16'384UZ, 100'000UZ}) {
    auto [client, server] = co_await connected();
    co_await bulk(*client, *server, piece);
  }
}
TEST_CASE("megabytes both ways at once, in reads of any size, over memory") { net::run(bulk_story()); }

Task<void> tcp_bulk_story() {
  net::Loop& loop = *net::Loop::current();
  auto listener = net::listen_tcp(loop, "127.0.0.1", 0);
  REQUIRE(listener);
  for (const std::size_t piece : {4'000UZ, 65'536UZ}) {
    auto plain = co_await net::connect_tcp("127.0.0.1", (*listener)->port(), Clock::now() + 5s);
    std::unique_ptr<Stream> server;
    loop.spawn(accept_into(co_await (*listener)->accept(loop), server));
    auto client = co_await (*tls::make_connector(""))->connect(std::move(plain), "");
    while (!server) co_await net::sleep_for(1ms);
    CHECK(server->tls()->server_name.empty());
    co_await bulk(*client, *server, piece);
  }
}
TEST_CASE("megabytes both ways at once over TCP") { net::run(tcp_bulk_story()); }

/// Passes bytes on between two streams, at most `piece` at a time and `limit` in all; then ends both.
Task<void> relay(Stream& from, Stream& to, std::size_t piece, std::size_t limit) {
  std::string buffer(piece, '\0');
  try {
    for (std::size_t passed = 0; passed < limit;) {
      const std::size_t n = co_await from.read(std::span(buffer).first(std::min(piece, limit - passed)));
      if (n == 0) break;
      co_await to.write(std::string_view(buffer).substr(0, n));
      passed += n;
    }
  } catch (const Closed&) {
  }
  co_await to.shutdown();
}

/// A client and a server with a wire in between that passes only so much of what the client says.
struct Wired {
  std::unique_ptr<Stream> client_end, near, far, server_end;
};
Wired wired() {
  auto [a, b] = net::memory_pair();
  auto [c, d] = net::memory_pair();
  return {std::move(a), std::move(b), std::move(c), std::move(d)};
}

Task<void> client_talks(std::unique_ptr<Stream> plain) {
  auto connector = tls::make_connector("");
  auto client = co_await (*connector)->connect(std::move(plain), "mail.example.test");
  co_await client->write("hello there");
  co_await client->shutdown();
  co_await read_some(*client);
}

Task<std::string> server_listens(std::unique_ptr<Stream> plain) {
  auto server = co_await acceptor()->accept(std::move(plain));
  co_return co_await read_all(*server, 100);
}

Task<std::string> cut_after(std::size_t limit, std::size_t piece, std::size_t& passed_all) {
  Wired w = wired();
  net::Loop& loop = *net::Loop::current();
  loop.spawn(client_talks(std::move(w.client_end)));
  loop.spawn(relay(*w.near, *w.far, piece, limit));
  loop.spawn(relay(*w.far, *w.near, 100'000, SIZE_MAX));
  std::optional<std::string> result;
  loop.spawn(into(ending(server_listens(std::move(w.server_end))), result));
  const auto end = Clock::now() + 5s;
  while (!result && Clock::now() < end) co_await net::sleep_for(0ms);
  REQUIRE(result);
  if (result->empty()) ++passed_all;
  w.near->close();
  w.far->close();
  co_await net::sleep_for(0ms);
  co_return *result;
}

Task<void> cut_story() {
  std::size_t whole = 0;
  CHECK(co_await cut_after(0, 100, whole) == "tls: the peer closed the connection during the handshake");
  CHECK(co_await cut_after(100, 7, whole) == "tls: the peer closed the connection during the handshake");
  CHECK(whole == 0);
  CHECK(co_await cut_after(SIZE_MAX, 1, whole) == "");  // a byte at a time
  CHECK(whole == 1);
  // Cut at every byte: it ends in words, never hangs, and is whole only when close_notify has arrived.
  std::size_t limit = 0;
  while (whole < 2) {
    const std::string end = co_await cut_after(limit++, 100'000, whole);
    const bool known = end.empty() || end == "tls: the peer closed the connection during the handshake" ||
                       end == "peer: closed by the peer without close_notify";
    CHECK_MESSAGE(known, end);
    REQUIRE(limit < 5'000);
  }
  CHECK(limit > 300);
}
TEST_CASE("a connection cut at any byte ends in words") { net::run(cut_story()); }

Task<std::string> accepts(std::string garbage, std::string& reply) {
  auto stream = net::scripted_stream({.input = std::move(garbage), .piece = 5}, reply);
  co_return co_await ending(acceptor()->accept(std::move(stream)));
}

TEST_CASE("garbage instead of a ClientHello is refused with an alert") {
  std::string reply;
  CHECK(net::run(accepts("EHLO client.example\r\n", reply)) == "tls: wrong version number");
  CHECK(net::run(accepts("GET / HTTP/1.1\r\nHost: x\r\n\r\n", reply)) == "tls: http request");
  reply.clear();
  const std::string record{'\x16', '\x03', '\x01', '\x00', '\x05', '\x01', '\x00', '\x00', '\x01', '\x00'};
  CHECK(net::run(accepts(record, reply)).starts_with("tls: "));
  REQUIRE(reply.size() == 7);
  CHECK(reply[0] == '\x15');  // an alert record
  CHECK(net::run(accepts("", reply)) == "tls: the peer closed the connection during the handshake");
}

Task<void> silent_handshake_story() {
  auto [near, far] = net::memory_pair();
  far->set_deadline(Clock::now() + 20ms);
  CHECK(co_await ending(acceptor()->accept(std::move(far))) == "timeout: timed out");
  CHECK(co_await read_some(*near) == "");
}
TEST_CASE("a peer that is silent in the handshake meets the deadline of the stream") {
  net::run(silent_handshake_story());
}

Task<void> wait_story() {
  auto [client, server] = co_await connected();
  // The session ticket travels with the server's first words; before them the client has nothing to read.
  std::optional<Ready> client_ready;
  net::Loop::current()->spawn(into(client->wait(), client_ready));
  std::optional<Ready> server_ready;
  net::Loop::current()->spawn(into(server->wait(), server_ready));
  co_await net::sleep_for(5ms);
  CHECK(!client_ready);
  CHECK(!server_ready);
  server->wake();
  co_await net::sleep_for(2ms);
  CHECK(server_ready == Ready::woken);
  co_await server->write("x");
  co_await net::sleep_for(2ms);
  CHECK(client_ready == Ready::data);

  // Plaintext that is already decrypted is data, and wins over a wake.
  co_await client->write("two words");
  CHECK(co_await read_some(*server, 3) == "two");
  server->wake();
  CHECK(co_await server->wait() == Ready::data);
  CHECK(co_await read_some(*server) == " words");
  CHECK(co_await server->wait() == Ready::woken);

  // Deadlines and close reach through.
  server->set_deadline(Clock::now() + 10ms);
  CHECK(co_await ending(server->wait()) == "timeout: timed out");
  server->set_deadline(base::SteadyTime::max());
  std::optional<std::string> end;
  net::Loop::current()->spawn(into(ending(server->wait()), end));
  co_await net::sleep_for(1ms);
  server->close();
  co_await net::sleep_for(1ms);
  CHECK(end == "local: closed by the server");
  CHECK(co_await ending(server->write("x")) == "local: closed by the server");
  CHECK(co_await ending(read_some(*server)) == "local: closed by the server");
  CHECK(co_await ending(read_some(*client)) == "");  // the x
  CHECK(co_await ending(read_some(*client)) == "peer: closed by the peer without close_notify");
}
TEST_CASE("wait: wakes, pending plaintext, deadlines and close") { net::run(wait_story()); }

Task<void> partial_record_story() {
  Wired w = wired();
  net::Loop& loop = *net::Loop::current();
  std::unique_ptr<Stream> server;
  loop.spawn(accept_into(std::move(w.server_end), server));
  loop.spawn(relay(*w.far, *w.near, 100'000, SIZE_MAX));
  std::optional<std::unique_ptr<Stream>> client;
  loop.spawn(into((*tls::make_connector(""))->connect(std::move(w.client_end), ""), client));
  std::string bytes(10'000, '\0');
  while (!server) {
    const std::size_t n = co_await w.near->read(bytes);
    co_await w.far->write(std::string_view(bytes).substr(0, n));
    for (int i = 0; i < 5; ++i) co_await net::sleep_for(0ms);
  }
  co_await (*client)->write("one record");
  const std::size_t n = co_await w.near->read(bytes);
  std::optional<Ready> ready;
  loop.spawn(into(server->wait(), ready));
  for (std::size_t i = 0; i < n; ++i) {
    CHECK(!ready);
    co_await w.far->write(std::string_view(bytes).substr(i, 1));
    co_await net::sleep_for(0ms);
    co_await net::sleep_for(0ms);
  }
  co_await net::sleep_for(1ms);
  CHECK(ready == Ready::data);
  CHECK(co_await read_some(*server) == "one record");
  w.near->close();
  w.far->close();
  co_await net::sleep_for(1ms);
}
TEST_CASE("wait does not return for a part of a record") { net::run(partial_record_story()); }

Task<void> destroyed_story() {
  auto [client, server] = co_await connected();
  std::optional<std::string> end;
  net::Loop::current()->spawn(into(ending(server->wait()), end));
  co_await net::sleep_for(1ms);
  server.reset();
  co_await net::sleep_for(1ms);
  CHECK(end == "local: closed by the server");
}
TEST_CASE("a TLS stream destroyed under a wait") { net::run(destroyed_story()); }

TEST_CASE("certificates and keys that do not fit are named") {
  const auto other = *tls::make_self_signed({"other.example.test"}, base::system_clock().now());
  auto mixed = tls::make_acceptor({.certificate_pem = pair().certificate_pem, .key_pem = other.key_pem});
  REQUIRE(!mixed);
  CHECK(mixed.error().code == base::Code::invalid);
  CHECK(mixed.error().text == "the private key does not belong to the certificate of CN=mail.example.test");
  auto no_certificate = tls::make_acceptor({.certificate_pem = "hello", .key_pem = other.key_pem});
  REQUIRE(!no_certificate);
  CHECK(no_certificate.error().text.starts_with("the certificate cannot be read as PEM"));
  auto no_key = tls::make_acceptor({.certificate_pem = other.certificate_pem, .key_pem = other.certificate_pem});
  REQUIRE(!no_key);
  CHECK(no_key.error().text.starts_with("the private key cannot be read as PEM"));
  auto broken_chain = tls::make_acceptor(
      {.certificate_pem = other.certificate_pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
       .key_pem = other.key_pem});
  REQUIRE(!broken_chain);
  CHECK(broken_chain.error().text.starts_with("a certificate of the chain behind CN=other.example.test"));
  CHECK(tls::make_acceptor(
      {.certificate_pem = other.certificate_pem + pair().certificate_pem, .key_pem = other.key_pem}));
  REQUIRE(!tls::make_connector("no PEM"));
}

TEST_CASE("an encrypted key is opened with its passphrase, and nobody is asked for it on the terminal") {
  BIO* in = BIO_new_mem_buf(pair().key_pem.data(), static_cast<int>(pair().key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  char pass[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), pass, 6, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  tls::KeyPair encrypted = pair();
  encrypted.key_pem.assign(text, static_cast<std::size_t>(size));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
  CHECK(tls::make_acceptor(encrypted).error().text.find("encrypted with a passphrase") != std::string::npos);
  for (const std::string& wrong : {std::string("Secret"), std::string(5000, 'x')}) {
    encrypted.key_password = wrong;
    CHECK(tls::make_acceptor(encrypted).error().text == "key_password does not open the private key");
  }
  encrypted.key_password = "secret";
  CHECK(tls::make_acceptor(encrypted).has_value());
}

TEST_CASE("a self-signed certificate tells its names and expiry") {
  const auto now = base::WallTime(std::chrono::seconds(1'800'000'000));
  const auto made = tls::make_self_signed({"a.example.test", "2001:db8::1", "192.0.2.1"}, now);
  REQUIRE(made);
  const auto info = tls::inspect(made->certificate_pem);
  REQUIRE(info);
  CHECK(info->names == std::vector<std::string>{"a.example.test", "2001:db8::1", "192.0.2.1"});
  CHECK(info->not_after == now - 24h + 24h * 3653);
  CHECK_FALSE(tls::inspect("nothing"));
  CHECK_FALSE(tls::make_self_signed({}, now));
  CHECK_FALSE(tls::make_self_signed({"evil,DNS:other"}, now));
  const std::string long_name = std::string(60, 'a') + "." + std::string(60, 'b') + ".test";
  const auto with_long_name = tls::make_self_signed({long_name}, now);
  REQUIRE(with_long_name);
  CHECK(tls::inspect(with_long_name->certificate_pem)->names == std::vector{long_name});
}

/// A foreign client: plain OpenSSL over memory BIOs, with settings of its own.
class Foreign {
 public:
  explicit Foreign(int version, const char* ciphers = nullptr) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_security_level(context_, 0);
    if (ciphers != nullptr) SSL_CTX_set_cipher_list(context_, ciphers);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT);
  }
  ~Foreign() {
    SSL_SESSION_free(session_);
    SSL_CTX_free(context_);
  }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;

  void set_options(std::uint64_t options) { SSL_CTX_set_options(context_, options); }

  /// One connection: handshake, a word each way. The client's last session is offered, and the new one kept.
  Task<net::TlsInfo> visit() {
    auto [near, far] = net::memory_pair();
    std::optional<std::string> end;
    std::optional<net::TlsInfo> info;
    net::Loop::current()->spawn(into(ending(serve(server, std::move(far), info)), end));
    SSL* ssl = SSL_new(context_);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    if (!host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (session_ != nullptr) SSL_set_session(ssl, session_);
    char byte = 0;
    while (!end) {
      const bool said = SSL_is_init_finished(ssl) == 1;
      const int n = said ? SSL_read(ssl, &byte, 1) : SSL_do_handshake(ssl);
      if (said && n == 1) {
        SSL_SESSION_free(session_);
        session_ = SSL_get1_session(ssl);
        X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), NID_commonName, served.data(),
                                  static_cast<int>(served.size()));
        SSL_write(ssl, "!", 1);
        SSL_shutdown(ssl);
      }
      co_await pass(ssl, *near, n <= 0);
    }
    SSL_free(ssl);
    failure = *end;
    co_return info.value_or(net::TlsInfo{});
  }

  std::shared_ptr<const tls::Acceptor> server = acceptor();
  std::string host = "foreign.example.test";
  std::string failure;
  std::array<char, 100> served{};  // the common name of the certificate that was shown

 private:
  static Task<void> serve(std::shared_ptr<const tls::Acceptor> by, std::unique_ptr<Stream> plain,
                          std::optional<net::TlsInfo>& info) {
    auto stream = co_await by->accept(std::move(plain));
    info = *stream->tls();
    co_await stream->write("?");
    CHECK(co_await read_some(*stream) == "!");
    co_await stream->shutdown();
  }

  static Task<void> pass(SSL* ssl, Stream& near, bool wants_input) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl), &text);
    if (size > 0) {
      const std::string out(text, static_cast<std::size_t>(size));
      (void)BIO_reset(SSL_get_wbio(ssl));
      near.set_deadline(Clock::now() + 10s);  // not the short one of the last read, which a busy machine overruns
      try {
        co_await near.write(out);
      } catch (const Closed&) {
      }
    } else if (wants_input) {
      near.set_deadline(Clock::now() + 20ms);
      try {
        const std::string in = co_await read_some(near, 100'000);
        BIO_write(SSL_get_rbio(ssl), in.data(), static_cast<int>(in.size()));
      } catch (const Closed&) {
      }
    }
  }

  SSL_CTX* context_;
  SSL_SESSION* session_ = nullptr;
};

TEST_CASE("TLS 1.2 and 1.3 clients, the first time and resumed by ticket") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Foreign client(version);
    const auto first = net::run(client.visit());
    CHECK(client.failure == "");
    CHECK(first.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    CHECK(first.can_bind);
    CHECK_FALSE(first.resumed);
    CHECK(first.server_name == "foreign.example.test");
    for (int i = 0; i < 3; ++i) {
      const auto again = net::run(client.visit());
      CHECK(client.failure == "");
      CHECK(again.resumed);
      CHECK(again.server_name == "foreign.example.test");
      CHECK(again.version == first.version);
    }
  }
}

TEST_CASE("RFC 7627: TLS 1.2 without the extended master secret binds nothing") {
  Foreign client(TLS1_2_VERSION);
  client.set_options(SSL_OP_NO_EXTENDED_MASTER_SECRET);
  CHECK_FALSE(net::run(client.visit()).can_bind);
  CHECK(client.failure == "");
}

/// A clock that a test turns.
class Turned final : public base::Clock {
 public:
  base::WallTime now() const override { return base::system_clock().now(); }
  base::SteadyTime steady() const override { return steady_; }
  void pass(std::chrono::minutes time) { steady_ += time; }

 private:
  base::SteadyTime steady_;
};

tls::Identity identity(std::vector<std::string> in_it, std::vector<std::string> served_for = {}) {
  return {.pair = *tls::make_self_signed(in_it, base::system_clock().now()), .names = std::move(served_for)};
}

TEST_CASE("each client gets the certificate for the host that it names") {
  const std::vector<tls::Identity> identities{
      identity({"mail.example.test", "imap.example.test"}), identity({"*.example.test"}),
      identity({"mail.example.test", "mail.other.test"}), identity({"inside", "unused.test"}, {"*.Lab.test"})};
  const auto made = *tls::make_acceptor(identities, tls::make_ticket_keys(base::system_clock()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [host, expected] : std::vector<std::pair<std::string, std::string>>{
             {"mail.example.test", "mail.example.test"},
             {"IMAP.Example.test", "mail.example.test"},
             {"pop.example.test", "*.example.test"},
             {"a.b.example.test", "mail.example.test"},  // a wildcard stands for one label
             {"example.test", "mail.example.test"},
             {"mail.other.test", "mail.example.test"},
             {"x.lab.test", "inside"},
             {"unused.test", "mail.example.test"},  // the names that were given hold, not those in it
             {"unknown.test", "mail.example.test"},
             {"", "mail.example.test"}}) {
      Foreign client(version);
      client.server = made;
      client.host = host;
      net::run(client.visit());
      CHECK(client.failure == "");
      CHECK_MESSAGE(client.served.data() == expected, host);
    }
  }
}

TEST_CASE("a renewed certificate ends no resumption, and a ticket lives for its time") {
  Turned clock;
  const auto keys = tls::make_ticket_keys(clock);
  const std::vector<tls::Identity> before{identity({"old.example.test"}), identity({"foreign.example.test"})};
  const std::vector<tls::Identity> after{identity({"new.example.test"}), identity({"foreign.example.test"})};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Foreign client(version);
    client.server = *tls::make_acceptor(before, keys);
    CHECK_FALSE(net::run(client.visit()).resumed);
    client.server = *tls::make_acceptor(after, keys);
    CHECK(net::run(client.visit()).resumed);
    clock.pass(3h);  // another key seals now, and this one still opens
    CHECK(net::run(client.visit()).resumed);
    CHECK(net::run(client.visit()).resumed);
    clock.pass(5h);
    CHECK_FALSE(net::run(client.visit()).resumed);
    CHECK(client.failure == "");
    client.server = *tls::make_acceptor(after, tls::make_ticket_keys(clock));  // keys of another process
    CHECK_FALSE(net::run(client.visit()).resumed);
  }
}

TEST_CASE("old versions and weak ciphers are refused") {
  Foreign old(TLS1_1_VERSION);
  net::run(old.visit());
  CHECK(old.failure == "tls: unsupported protocol");
  for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"}) {
    Foreign weak(TLS1_2_VERSION, ciphers);
    net::run(weak.visit());
    CHECK(weak.failure == "tls: no shared cipher");
  }
  Foreign chacha(TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256");
  CHECK(net::run(chacha.visit()).cipher == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
}

}  // namespace
