#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <optional>

namespace tls {

namespace {

constexpr std::chrono::hours kLifetime{2};  // of a ticket, and of a key as the one that seals

struct TicketKey {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> cipher;
  std::array<unsigned char, 32> mac;
  base::SteadyTime since;
};

}  // namespace

class TicketKeys {
 public:
  explicit TicketKeys(const base::Clock& clock) : clock_(clock) {}

  /// The key to seal with, a new one when it is time; nothing when there is no randomness.
  std::optional<TicketKey> current() {
    const std::lock_guard lock(mutex_);
    retire();
    if (keys_.empty() || clock_.steady() - keys_.front().since >= kLifetime) {
      TicketKey key{};
      key.since = clock_.steady();
      if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
          RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
          RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1) {
        return std::nullopt;
      }
      keys_.push_front(key);
    }
    return keys_.front();
  }

  /// The key of that name, while tickets of it are valid.
  std::optional<TicketKey> find(const unsigned char* name) {
    const std::lock_guard lock(mutex_);
    retire();
    const auto found = std::ranges::find_if(
        keys_, [&](const TicketKey& key) { return std::equal(key.name.begin(), key.name.end(), name); });
    return found == keys_.end() ? std::nullopt : std::optional(*found);
  }

 private:
  void retire() {
    while (!keys_.empty() && clock_.steady() - keys_.back().since >= 2 * kLifetime) keys_.pop_back();
  }

  const base::Clock& clock_;
  std::mutex mutex_;
  std::deque<TicketKey> keys_;  // guarded by mutex_; the newest first, two at most
};

namespace {

using Tickets = std::shared_ptr<TicketKeys>;

void free_tickets(void* /*parent*/, void* tickets, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
                  void* /*pointer*/) {
  delete static_cast<Tickets*>(tickets);
}

int tickets_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_tickets);
  return index;
}

bool start_mac(EVP_MAC_CTX* mac, TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 done, 2 opened and to be replaced, 0 no such key, -1 failed.
int seal_or_open(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  // Each context of an acceptor has the same keys, whichever was chosen by the client's name.
  TicketKeys& keys = **static_cast<Tickets*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tickets_index()));
  if (seal != 0) {
    auto key = keys.current();
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::ranges::copy(key->name, name);
    return EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) == 1 && start_mac(mac, *key)
               ? 1
               : -1;
  }
  auto key = keys.find(name);
  if (!key) return 0;
  if (EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) != 1 || !start_mac(mac, *key)) {
    return -1;
  }
  // RFC 8446 §C.4: a ticket is used once, so a client that came with one gets the next.
  if (SSL_version(ssl) == TLS1_3_VERSION) return 2;
  const auto newest = keys.current();
  return newest && newest->name == key->name ? 1 : 2;
}

}  // namespace

std::shared_ptr<TicketKeys> make_ticket_keys(const base::Clock& clock) { return std::make_shared<TicketKeys>(clock); }

bool use_tickets(SSL_CTX* context, const std::shared_ptr<TicketKeys>& tickets) {
  auto held = std::make_unique<Tickets>(tickets);
  if (SSL_CTX_set_ex_data(context, tickets_index(), held.get()) != 1) return false;
  held.release();
  SSL_CTX_set_timeout(context, std::chrono::seconds(kLifetime).count());
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, seal_or_open) == 1;
}

}  // namespace tls
