// make_self_signed and inspect (tls/tls.h).
#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "tls/openssl.h"
#include "tls/tls.h"

namespace tls {

namespace {

using base::Code;
using base::Result;
using std::chrono::hours;

constexpr hours kBackdated{24};     // for clocks that are behind
constexpr hours kValid{24 * 3653};  // ten years
constexpr int kSerialBits = 127;    // RFC 5280 §4.1.2.2: positive, at most 20 octets; ours is random

std::unexpected<base::Error> failed(const char* what) {
  return base::fail(Code::unavailable, "cannot make a certificate: " + take_error(what));
}

bool is_address(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

// The names become a configuration text of OpenSSL, whose separators they must not hold.
bool is_host_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '*' || c == '_';
  });
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_new());
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_names(X509* certificate, const std::vector<std::string>& names) {
  std::string alternatives;
  for (const std::string& name : names) {
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  // RFC 5280 appendix A: a common name has at most 64 characters; clients read the alternative names.
  const std::string common = names.front().size() <= 64 ? names.front() : "postrider";
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 &&
         add_extension(certificate, NID_subject_alt_name, alternatives);
}

bool set_validity(X509* certificate, base::WallTime now) {
  const auto from = static_cast<std::time_t>(base::unix_seconds(now - kBackdated));
  const auto until = static_cast<std::time_t>(base::unix_seconds(now - kBackdated + kValid));
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
}

template <class Write>
std::string to_pem(Write write) {
  const Bio out(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!out || write(out.get()) != 1) return {};
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

std::string address_text(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  const Names alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) names.push_back(bytes_of(name->d.dNSName));
    if (name->type == GEN_IPADD) {
      const std::string bytes = bytes_of(name->d.iPAddress);
      if (bytes.size() == 4 || bytes.size() == 16) names.push_back(address_text(bytes));
    }
  }
  if (!names.empty()) return names;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

}  // namespace

Result<KeyPair> make_self_signed(const std::vector<std::string>& names, base::WallTime now) {
  if (names.empty()) return base::fail(Code::invalid, "a certificate needs at least one name");
  for (const std::string& name : names) {
    if (!is_address(name) && !is_host_name(name)) {
      return base::fail(Code::invalid, "\"" + name + "\" is neither a host name nor an address");
    }
  }
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate) return failed("no key");
  X509* c = certificate.get();
  const bool made = X509_set_version(c, X509_VERSION_3) == 1 && set_random_serial(c) && set_validity(c, now) &&
                    X509_set_pubkey(c, key.get()) == 1 && set_names(c, names) &&
                    add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(c, NID_ext_key_usage, "serverAuth") &&
                    add_extension(c, NID_subject_key_identifier, "hash") && X509_sign(c, key.get(), EVP_sha256()) > 0;
  if (!made) return failed("a field was refused");
  KeyPair pair{.certificate_pem = to_pem([c](BIO* out) { return PEM_write_bio_X509(out, c); }),
               .key_pem = to_pem([&key](BIO* out) {
                 return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
               })};
  if (pair.certificate_pem.empty() || pair.key_pem.empty()) return failed("it cannot be written");
  return pair;
}

Result<CertificateInfo> inspect(const std::string& certificate_pem) {
  ERR_clear_error();
  const Bio bio = reading(certificate_pem);
  const Certificate leaf = first_certificate(*bio);
  if (!leaf) {
    return base::fail(Code::invalid, "the certificate cannot be read as PEM: " + take_error("no certificate found"));
  }
  std::tm expiry{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf.get()), &expiry) != 1) {
    return base::fail(Code::invalid, "the certificate has no readable expiry: " + take_error("not a time"));
  }
  return CertificateInfo{.names = names_of(*leaf), .not_after = base::WallTime(std::chrono::seconds(timegm(&expiry)))};
}

}  // namespace tls
