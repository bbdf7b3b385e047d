#include "tls/peer.h"

#include <openssl/err.h>

namespace tls {

namespace {

constexpr std::string_view kExporterLabel = "EXPORTER-Channel-Binding";
constexpr std::size_t kExporterBytes = 32;

std::string exporter(SSL& ssl) {
  if (!can_bind(ssl)) return {};
  std::string bytes(kExporterBytes, '\0');
  // RFC 9266 §2: an empty context, which under TLS 1.2 is not the same as none.
  const bool exported = SSL_export_keying_material(&ssl, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(),
                                                   kExporterLabel.data(), kExporterLabel.size(),
                                                   reinterpret_cast<const unsigned char*>(""), 0, 1) == 1;
  if (!exported) ERR_clear_error();
  return exported ? bytes : std::string();
}

std::string server_end_point(SSL& ssl) {
  X509* const certificate = SSL_is_server(&ssl) == 1 ? SSL_get_certificate(&ssl) : SSL_get0_peer_certificate(&ssl);
  int digest = NID_undef;
  if (certificate == nullptr || X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1) {
    ERR_clear_error();
    return {};
  }
  // RFC 5929 §4.1: the digest of the certificate's signature, SHA-256 in place of MD5 and SHA-1.
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* const algorithm = EVP_get_digestbynid(digest);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (algorithm == nullptr || X509_digest(certificate, algorithm, bytes, &size) != 1) return {};
  return {reinterpret_cast<const char*>(bytes), size};
}

void add_subject(X509& certificate, int kind, std::vector<std::string>& names) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, kind, at)) >= 0;) {
    std::string name = bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (name.find('@') != std::string::npos) names.push_back(std::move(name));
  }
}

}  // namespace

bool can_bind(SSL& ssl) { return SSL_version(&ssl) == TLS1_3_VERSION || SSL_get_extms_support(&ssl) == 1; }

std::string channel_binding(SSL& ssl, net::ChannelBinding kind) {
  switch (kind) {
    case net::ChannelBinding::tls_exporter:
      return exporter(ssl);
    case net::ChannelBinding::tls_server_end_point:
      return server_end_point(ssl);
  }
  return {};
}

std::vector<std::string> client_names(SSL& ssl) {
  std::vector<std::string> names;
  if (SSL_is_server(&ssl) == 0 || SSL_get_verify_mode(&ssl) == SSL_VERIFY_NONE) return names;
  X509* const certificate = SSL_get0_peer_certificate(&ssl);
  if (certificate == nullptr || SSL_get_verify_result(&ssl) != X509_V_OK) return names;
  const Names alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_EMAIL) names.push_back(bytes_of(name->d.rfc822Name));
  }
  if (names.empty()) add_subject(*certificate, NID_pkcs9_emailAddress, names);
  if (names.empty()) add_subject(*certificate, NID_commonName, names);
  return names;
}

}  // namespace tls
