// A client's handshake with hosts whose certificates are right, wrong and vouched for by TLSA records (RFC 6698 §2.1,
// RFC 7671 §5, RFC 7672 §3.1, RFC 8460 §4.3).

#include "tls/client.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>

#include "crypto/hash.h"
#include "net/loop.h"
#include "net/memory_stream.h"
#include "tls/openssl.h"
#include "tls/tls.h"

namespace tls {
namespace {

net::Task<void> serve(std::shared_ptr<const Acceptor> acceptor, std::unique_ptr<net::Stream> plain) {
  auto stream = co_await acceptor->accept(std::move(plain));
  co_await stream->write("hello");
  std::string rest(10, '\0');
  (void)co_await stream->read(rest);
}

net::Task<ClientConnection> meet(std::shared_ptr<const Client> client, std::shared_ptr<const Acceptor> acceptor,
                                 ClientRequest request) {
  auto [mine, theirs] = net::memory_pair();
  net::Loop::current()->spawn(serve(std::move(acceptor), std::move(theirs)));
  ClientConnection connection = co_await client->connect(std::move(mine), std::move(request));
  std::string text(5, '\0');
  CHECK_EQ(co_await connection.stream->read(text), 5U);
  co_await connection.stream->shutdown();
  connection.stream.reset();
  co_return connection;
}

Key make_key() { return Key(EVP_EC_gen("P-256")); }

/// A certificate for `key`, signed by `issuer_key`; an extension is a name of OpenSSL's and its value.
Certificate make_certificate(EVP_PKEY* key, const char* subject, EVP_PKEY* issuer_key, X509* issuer, int kind,
                             const char* value) {
  Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1 + (issuer != nullptr ? 1 : 0));
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer != nullptr ? issuer : made.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer : made.get(), made.get(), nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  X509_add_ext(made.get(), extension.get(), -1);
  X509_sign(made.get(), issuer_key, EVP_sha256());
  return made;
}

template <class Write>
std::string pem_of(Write write) {
  const Bio out(BIO_new(BIO_s_mem()));
  write(out.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  std::string made(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return made;
}

struct World {
  KeyPair pair = make_self_signed({"mx.example.net", "192.0.2.1"}, base::system_clock().now()).value();
  std::shared_ptr<const Acceptor> acceptor = make_acceptor(pair).value();
  std::shared_ptr<const Client> system = make_client({}).value();
  std::shared_ptr<const Client> trusting = make_client(pair.certificate_pem).value();

  ClientConnection meet(const std::shared_ptr<const Client>& client, ClientRequest request) const {
    return net::run(tls::meet(client, acceptor, std::move(request)));
  }
  std::string der() const {
    const Bio pem = reading(pair.certificate_pem);
    const Certificate certificate = first_certificate(*pem);
    return der_of(certificate.get());
  }
};

TEST_CASE("without a check any certificate will do") {
  World world;
  const ClientConnection connection = world.meet(world.system, {.server_name = "other.example"});
  CHECK_FALSE(connection.verified);
  CHECK_EQ(connection.fault, CertificateFault::none);
}

TEST_CASE("PKIX: an authority that is trusted, and one of the names") {
  World world;
  CHECK(world.meet(world.trusting, {.check = Check::pkix, .names = {"mx.example.net"}}).verified);
  CHECK(world.meet(world.trusting, {.check = Check::pkix, .names = {"other.example", "MX.example.net"}}).verified);
  CHECK(world.meet(world.trusting, {.check = Check::pkix, .names = {"192.0.2.1"}}).verified);
  const auto other = world.meet(world.trusting, {.check = Check::pkix, .names = {"other.example"}});
  CHECK_FALSE(other.verified);
  CHECK_EQ(other.fault, CertificateFault::host_mismatch);
  const auto stranger = world.meet(world.system, {.check = Check::pkix, .names = {"mx.example.net"}});
  CHECK_FALSE(stranger.verified);
  CHECK_EQ(stranger.fault, CertificateFault::not_trusted);
  CHECK_NE(stranger.why, "");
}

TEST_CASE("PKIX: a certificate that has expired") {
  World world;
  const auto past = base::system_clock().now() - std::chrono::days(20 * 365);
  world.pair = make_self_signed({"mx.example.net"}, past).value();
  world.acceptor = make_acceptor(world.pair).value();
  const auto client = make_client(world.pair.certificate_pem).value();
  CHECK_EQ(world.meet(client, {.check = Check::pkix, .names = {"mx.example.net"}}).fault, CertificateFault::expired);
  // RFC 7672 §3.1.1: with DANE-EE neither dates nor names count.
  const TlsaRecord whole{.usage = 3, .selector = 0, .matching = 1, .data = crypto::sha256(world.der())};
  CHECK(world.meet(client, {.check = Check::dane, .names = {"other.example"}, .tlsa = {whole}}).verified);
}

TEST_CASE("DANE: the certificate that the records name") {
  World world;
  const std::string der = world.der();
  const TlsaRecord exact{.usage = 3, .selector = 0, .matching = 0, .data = der};
  const TlsaRecord digest{.usage = 3, .selector = 0, .matching = 1, .data = crypto::sha256(der)};
  const TlsaRecord wrong{.usage = 3, .selector = 1, .matching = 1, .data = std::string(32, 'x')};
  const TlsaRecord pkix{.usage = 1, .selector = 0, .matching = 1, .data = crypto::sha256(der)};
  const auto with = [&](std::vector<TlsaRecord> records, std::string name = "mx.example.net") {
    return world.meet(world.system, {.check = Check::dane, .names = {std::move(name)}, .tlsa = std::move(records)});
  };
  CHECK(with({exact}).verified);
  CHECK(with({wrong, digest}).verified);
  CHECK(with({pkix, digest}, "other.example").verified);
  const auto mismatch = with({wrong});
  CHECK_FALSE(mismatch.verified);
  CHECK_EQ(mismatch.fault, CertificateFault::not_trusted);
}

TEST_CASE("DANE: an authority that the records name, and one of the names") {
  World world;
  const Key authority_key = make_key();
  const Key host_key = make_key();
  const Certificate authority = make_certificate(authority_key.get(), "Test CA", authority_key.get(), nullptr,
                                                 NID_basic_constraints, "critical,CA:TRUE");
  const Certificate host = make_certificate(host_key.get(), "host", authority_key.get(), authority.get(),
                                            NID_subject_alt_name, "DNS:mx.example.net");
  const KeyPair pair{.certificate_pem = pem_of([&](BIO* out) {
                       PEM_write_bio_X509(out, host.get());
                       PEM_write_bio_X509(out, authority.get());
                     }),
                     .key_pem = pem_of([&](BIO* out) {
                       PEM_write_bio_PrivateKey(out, host_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                     })};
  world.acceptor = make_acceptor(pair).value();
  const TlsaRecord anchor{.usage = 2, .selector = 0, .matching = 1, .data = crypto::sha256(der_of(authority.get()))};
  const auto with = [&](std::vector<std::string> names) {
    return world.meet(world.system, {.check = Check::dane, .names = std::move(names), .tlsa = {anchor}});
  };
  CHECK(with({"mx.example.net"}).verified);
  CHECK(with({"base.example", "mx.example.net"}).verified);
  const auto other = with({"other.example"});
  CHECK_FALSE(other.verified);
  CHECK_EQ(other.fault, CertificateFault::host_mismatch);
}

TEST_CASE("records that SMTP cannot use") {
  const std::string digest(32, 'x');
  CHECK(usable({.usage = 3, .selector = 1, .matching = 1, .data = digest}));
  CHECK(usable({.usage = 2, .selector = 0, .matching = 2, .data = digest + digest}));
  CHECK_FALSE(usable({.usage = 0, .selector = 1, .matching = 1, .data = digest}));
  CHECK_FALSE(usable({.usage = 1, .selector = 1, .matching = 1, .data = digest}));
  CHECK_FALSE(usable({.usage = 3, .selector = 2, .matching = 1, .data = digest}));
  CHECK_FALSE(usable({.usage = 3, .selector = 1, .matching = 1, .data = "short"}));
  CHECK_FALSE(usable({.usage = 3, .selector = 1, .matching = 9, .data = digest}));
  CHECK_FALSE(usable({.usage = 3, .selector = 1, .matching = 0, .data = ""}));
}

TEST_CASE("authorities that cannot be read") { CHECK_FALSE(make_client("no certificate")); }

}  // namespace
}  // namespace tls
