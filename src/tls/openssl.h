#pragma once
// Private to the .cpp files of tls: owners for OpenSSL's objects, and its errors in words.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace tls {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
inline void free_names(GENERAL_NAMES* names) noexcept { GENERAL_NAMES_free(names); }

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<free_names>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freed<SSL_free>>;

/// The reason of the latest error on this thread's queue ("no shared cipher"), or `otherwise`; empties the queue.
std::string take_error(const char* otherwise);

std::string bytes_of(const ASN1_STRING* text);

/// A BIO over bytes that outlive it.
Bio reading(const std::string& bytes);

/// The first PEM certificate of `pem`, or nothing.
Certificate first_certificate(BIO& pem);

}  // namespace tls
