#include "tls/client.h"

#include <openssl/err.h>

#include <algorithm>

#include "tls/connection.h"
#include "tls/context.h"
#include "tls/openssl.h"

namespace tls {

namespace {

using base::Code;
using base::Result;

constexpr std::uint8_t kDaneTa = 2;
constexpr std::uint8_t kDaneEe = 3;

// To a stranger whose certificate is not looked at, any encryption is better than none (RFC 7435 §3): more ciphers than
// ours as a server, and keys that are too weak to prove anything.
constexpr const char* kCiphers12 = "HIGH:!aNULL:!eNULL:!PSK:!SRP:!CAMELLIA:!ARIA";
constexpr int kWeakLevel = 1;
constexpr int kStrictLevel = 2;

CertificateFault fault_of(long result) {
  switch (result) {
    case X509_V_OK:
      return CertificateFault::none;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return CertificateFault::host_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateFault::expired;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_DANE_NO_MATCH:
      return CertificateFault::not_trusted;
    default:
      return CertificateFault::other;
  }
}

bool is_address(const std::string& name) {
  ASN1_OCTET_STRING* const address = a2i_IPADDRESS(name.c_str());
  if (address == nullptr) ERR_clear_error();
  ASN1_OCTET_STRING_free(address);
  return address != nullptr;
}

bool set_server_name(SSL& ssl, const std::string& name) {
  // RFC 6066 §3: an address is not a server name.
  return name.empty() || is_address(name) || SSL_set_tlsext_host_name(&ssl, name.c_str()) == 1;
}

bool set_names(SSL& ssl, const std::vector<std::string>& names) {
  // RFC 9525 §6.3: a wildcard stands for the whole leftmost label.
  SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  for (const std::string& name : names) {
    const bool added = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), name.c_str()) == 1
                                        : SSL_add1_host(&ssl, name.c_str()) == 1;
    if (!added) return false;
  }
  return true;
}

bool set_dane(SSL& ssl, const ClientRequest& request) {
  if (SSL_dane_enable(&ssl, request.names.front().c_str()) <= 0) return false;
  // RFC 7671 §5.1, RFC 7672 §3.1.1: with DANE-EE neither the names nor the dates of the certificate count.
  SSL_dane_set_flags(&ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  if (!set_names(ssl, {request.names.begin() + 1, request.names.end()})) return false;
  bool any = false;
  for (const TlsaRecord& record : request.tlsa) {
    if (!usable(record)) continue;
    const int added = SSL_dane_tlsa_add(&ssl, record.usage, record.selector, record.matching,
                                        reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size());
    if (added < 0) return false;
    any = any || added > 0;
  }
  ERR_clear_error();
  return any;
}

net::Task<ClientConnection> shake(Ssl ssl, std::unique_ptr<net::Stream> plain, Check check) {
  const SSL& made = *ssl;  // lives as long as the stream
  ClientConnection connection;
  connection.stream = co_await handshake(std::move(ssl), std::move(plain));
  if (check == Check::none) co_return connection;
  const long result = SSL_get_verify_result(&made);
  connection.fault = fault_of(result);
  connection.verified = result == X509_V_OK && SSL_get0_peer_certificate(&made) != nullptr;
  if (!connection.verified) connection.why = X509_verify_cert_error_string(result);
  co_return connection;
}

net::Task<ClientConnection> refused(std::string why) {
  throw net::Closed(net::Closed::Why::tls, why);
  co_return ClientConnection();
}

class Verifying final : public Client {
 public:
  explicit Verifying(Context context) : context_(std::move(context)) {}

  net::Task<ClientConnection> connect(std::unique_ptr<net::Stream> plain, ClientRequest request) const override {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) return refused(take_error("no memory"));
    SSL_set_security_level(ssl.get(), request.check == Check::none ? kWeakLevel : kStrictLevel);
    bool set = set_server_name(*ssl, request.server_name);
    if (request.check == Check::pkix) set = set && set_names(*ssl, request.names);
    if (request.check == Check::dane) {
      ENSURE(!request.names.empty() && std::ranges::any_of(request.tlsa, usable));
      set = set && set_dane(*ssl, request);
    }
    if (!set) return refused("the host cannot be checked: " + take_error("a name or a TLSA record is refused"));
    SSL_set_connect_state(ssl.get());
    return shake(std::move(ssl), std::move(plain), request.check);
  }

 private:
  Context context_;
};

}  // namespace

bool usable(const TlsaRecord& record) {
  if (record.usage != kDaneTa && record.usage != kDaneEe) return false;
  if (record.selector > 1 || record.data.empty()) return false;
  switch (record.matching) {
    case 0:  // the certificate or key itself
      return true;
    case 1:  // SHA-256
      return record.data.size() == 32;
    case 2:  // SHA-512
      return record.data.size() == 64;
    default:
      return false;
  }
}

Result<std::shared_ptr<const Client>> make_client(const std::string& trusted_pem) {
  TRY_ASSIGN(Context context, make_context(TLS_client_method()));
  if (!trusted_pem.empty()) {
    TRY(trust(context.get(), trusted_pem));
  } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return base::fail(Code::unavailable, "the authorities of the system cannot be read: " + take_error("none found"));
  }
  // What the certificate is worth is for the caller to say, when the handshake is over.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  if (SSL_CTX_set_cipher_list(context.get(), kCiphers12) != 1 || SSL_CTX_dane_enable(context.get()) != 1) {
    return base::fail(Code::unavailable, "TLS cannot be set up: " + take_error("refused"));
  }
  return std::make_shared<const Verifying>(std::move(context));
}

}  // namespace tls
