// The settings of both sides, and Connector (tls/tls.h), made once and shared.
#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/connection.h"
#include "tls/openssl.h"
#include "tls/tls.h"

namespace tls {

namespace {

using base::Code;
using base::Result;

// RFC 9325 §4.2: forward secrecy and AEAD only. AES-128 first: it is enough, and costs less.
constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";

std::unexpected<base::Error> refused(const std::string& what, const char* otherwise) {
  return base::fail(Code::invalid, what + ": " + take_error(otherwise));
}

Result<Key> read_key(const std::string& pem, const std::string& password) {
  const Bio bio = reading(pem);
  struct Passphrase {
    const std::string& known;
    bool asked = false;
  } passphrase{password};
  // Asked only if the key needs one; a server has nobody to ask.
  const auto answer = [](char* into, int size, int, void* data) {
    auto& phrase = *static_cast<Passphrase*>(data);
    phrase.asked = true;
    if (phrase.known.size() > static_cast<std::size_t>(size)) return 0;
    return static_cast<int>(phrase.known.copy(into, phrase.known.size()));
  };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, answer, &passphrase));
  if (!key && passphrase.asked) {
    ERR_clear_error();
    return base::fail(Code::invalid,
                      password.empty()
                          ? "the private key is encrypted with a passphrase: give key_password, or the key without one"
                          : "key_password does not open the private key");
  }
  if (!key) return refused("the private key cannot be read as PEM", "no key found");
  return key;
}

std::string subject(X509& certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "(no subject)";
}

class ClientSide final : public Connector {
 public:
  explicit ClientSide(Context context) : context_(std::move(context)) {}

  net::Task<std::unique_ptr<net::Stream>> connect(std::unique_ptr<net::Stream> plain,
                                                  std::string server_name) const override {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl || !set_name(*ssl, server_name)) return refuse(take_error("the server's name cannot be used"));
    SSL_set_connect_state(ssl.get());
    return handshake(std::move(ssl), std::move(plain));
  }

 private:
  static bool set_name(SSL& ssl, const std::string& name) {
    if (name.empty()) return true;
    // RFC 6066 §3: an address is not a server name. It is matched against the addresses of the certificate.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), name.c_str()) == 1) return true;
    ERR_clear_error();
    SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(&ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(&ssl, name.c_str()) == 1;
  }

  Context context_;
};

}  // namespace

Result<Context> make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  if (!context) return base::fail(Code::unavailable, "TLS cannot be set up: " + take_error("no memory"));
  SSL_CTX* c = context.get();
  SSL_CTX_set_options(
      c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  // No cache: tickets are stateless.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  const bool set = SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_ciphersuites(c, kSuites13) == 1 && SSL_CTX_set_cipher_list(c, kCiphers12) == 1 &&
                   SSL_CTX_set1_groups_list(c, kGroups) == 1;
  if (!set) return base::fail(Code::unavailable, "TLS cannot be set up: " + take_error("a setting was refused"));
  return context;
}

Result<void> use_pair(SSL_CTX* context, const KeyPair& pair) {
  ERR_clear_error();
  const Bio chain = reading(pair.certificate_pem);
  const Certificate leaf = first_certificate(*chain);
  if (!leaf) return refused("the certificate cannot be read as PEM", "no certificate found");
  TRY_ASSIGN(const Key key, read_key(pair.key_pem, pair.key_password));
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    ERR_clear_error();
    return base::fail(Code::invalid, "the private key does not belong to the certificate of " + subject(*leaf));
  }
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return refused("the certificate of " + subject(*leaf) + " cannot be used", "refused");
  }
  while (Certificate next = first_certificate(*chain)) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return refused("the certificate of " + subject(*next) + " in the chain cannot be used", "refused");
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return refused("a certificate of the chain behind " + subject(*leaf) + " cannot be read", "broken PEM");
  ERR_clear_error();
  return {};
}

Result<void> trust(SSL_CTX* context, const std::string& pem) {
  ERR_clear_error();
  const Bio bio = reading(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (Certificate next = first_certificate(*bio)) {
    if (X509_STORE_add_cert(store, next.get()) != 1) return refused("a trusted certificate cannot be used", "refused");
    ++count;
  }
  if (count == 0) return refused("the trusted certificates cannot be read as PEM", "no certificate found");
  ERR_clear_error();
  // What is trusted need not be a root: a server's own certificate may stand there.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

net::Task<std::unique_ptr<net::Stream>> refuse(std::string why) {
  throw net::Closed(net::Closed::Why::tls, why);
  co_return nullptr;
}

Result<std::shared_ptr<const Connector>> make_connector(const std::string& trusted_pem, const KeyPair* own) {
  TRY_ASSIGN(Context context, make_context(TLS_client_method()));
  if (own != nullptr) TRY(use_pair(context.get(), *own));
  if (!trusted_pem.empty()) TRY(trust(context.get(), trusted_pem));
  return std::make_shared<const ClientSide>(std::move(context));
}

}  // namespace tls
