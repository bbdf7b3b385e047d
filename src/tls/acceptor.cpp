// Acceptor (tls/tls.h): a context for each identity, and the choice between them by the name that the client sends.
#include <openssl/err.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "crypto/hash.h"
#include "tls/connection.h"
#include "tls/context.h"
#include "tls/tickets.h"

namespace tls {

namespace {

using base::Code;
using base::Result;

/// Names and wildcards, in lower case, and what serves them; null: the context that every handshake begins with, on
/// which this hangs and as long as which it lives.
using Served = std::map<std::string, Context, std::less<>>;

void free_served(void* /*parent*/, void* served, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
                 void* /*pointer*/) {
  delete static_cast<Served*>(served);
}

int served_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_served);
  return index;
}

SSL_CTX* find(const Served& served, std::string_view name) {
  if (const auto exact = served.find(name); exact != served.end()) return exact->second.get();
  // RFC 9525 §6.3: a wildcard stands for the whole leftmost label, and for that one only.
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const auto wildcard = served.find("*" + std::string(name.substr(dot)));
  return wildcard == served.end() ? nullptr : wildcard->second.get();
}

// RFC 6066 §3: a name that nobody has is not answered with an alert: mail clients send what their user typed, and the
// first certificate tells them at least whose server this is.
int choose(SSL* ssl, int* /*alert*/, void* served) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  SSL_CTX* chosen = find(*static_cast<const Served*>(served), base::lower(name));
  if (chosen == nullptr || SSL_set_SSL_CTX(ssl, chosen) == chosen) return SSL_TLSEXT_ERR_OK;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

class ServerSide final : public Acceptor {
 public:
  explicit ServerSide(Context context) : context_(std::move(context)) {}

  net::Task<std::unique_ptr<net::Stream>> accept(std::unique_ptr<net::Stream> plain) const override {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) return refuse(take_error("no memory"));
    SSL_set_accept_state(ssl.get());
    return handshake(std::move(ssl), std::move(plain));
  }

 private:
  Context context_;
};

/// Asks for a certificate, and says whose; the client may have none.
Result<void> ask_client(SSL_CTX* context, const std::string& client_ca) {
  TRY(trust(context, client_ca));
  // The clients' authorities have nothing to do with our own chain, which is complete as it was given.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  const Bio bio = reading(client_ca);
  while (const Certificate next = first_certificate(*bio)) {
    if (SSL_CTX_add_client_CA(context, next.get()) != 1) throw std::bad_alloc();
  }
  ERR_clear_error();
  return {};
}

Result<Context> context_for(const KeyPair& pair, const std::shared_ptr<TicketKeys>& tickets,
                            const std::string& client_ca) {
  TRY_ASSIGN(Context context, make_context(TLS_server_method()));
  TRY(use_pair(context.get(), pair));
  if (!client_ca.empty()) TRY(ask_client(context.get(), client_ca));
  // A session is resumed only where the same authorities would have verified its client.
  const std::string scope = crypto::sha256("postrider" + client_ca);
  const bool set = SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>(scope.data()),
                                                  static_cast<unsigned>(scope.size())) == 1 &&
                   SSL_CTX_set_num_tickets(context.get(), 1) == 1 && use_tickets(context.get(), tickets);
  if (!set) return base::fail(Code::unavailable, "TLS cannot be set up: " + take_error("a setting was refused"));
  return context;
}

Result<std::vector<std::string>> names_for(const Identity& identity) {
  if (!identity.names.empty()) return identity.names;
  TRY_ASSIGN(CertificateInfo info, inspect(identity.pair.certificate_pem));
  return std::move(info.names);
}

}  // namespace

Result<std::shared_ptr<const Acceptor>> make_acceptor(std::span<const Identity> identities,
                                                      std::shared_ptr<TicketKeys> tickets,
                                                      const std::string& client_ca_pem) {
  ENSURE(!identities.empty());
  TRY_ASSIGN(Context first, context_for(identities.front().pair, tickets, client_ca_pem));
  auto served = std::make_unique<Served>();
  for (std::size_t i = 0; i < identities.size(); ++i) {
    Context context;
    if (i > 0) {
      TRY_ASSIGN(context, context_for(identities[i].pair, tickets, client_ca_pem));
    }
    TRY_ASSIGN(const auto names, names_for(identities[i]));
    for (const std::string& name : names) {
      const auto [place, added] = served->try_emplace(base::lower(name));
      if (!added || !context) continue;
      SSL_CTX_up_ref(context.get());
      place->second.reset(context.get());
    }
  }
  const bool set = SSL_CTX_set_tlsext_servername_callback(first.get(), choose) == 1 &&
                   SSL_CTX_set_tlsext_servername_arg(first.get(), served.get()) == 1 &&
                   SSL_CTX_set_ex_data(first.get(), served_index(), served.get()) == 1;
  if (!set) return base::fail(Code::unavailable, "TLS cannot be set up: " + take_error("a setting was refused"));
  served.release();
  return std::make_shared<const ServerSide>(std::move(first));
}

Result<std::shared_ptr<const Acceptor>> make_acceptor(const KeyPair& pair) {
  const Identity identity{.pair = pair, .names = {}};
  return make_acceptor(std::span(&identity, 1), make_ticket_keys(base::system_clock()));
}

}  // namespace tls
