#include "tls/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace tls {

std::string take_error(const char* otherwise) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string text = reason != nullptr ? reason : otherwise;
  ERR_clear_error();
  return text;
}

std::string bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

Bio reading(const std::string& bytes) {
  Bio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

Certificate first_certificate(BIO& pem) {
  // Without a callback OpenSSL would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  return Certificate(PEM_read_bio_X509(&pem, nullptr, no_passphrase, nullptr));
}

}  // namespace tls
