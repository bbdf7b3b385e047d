// SCRAM (RFC 5802) with SHA-256 (RFC 7677) and SHA-1, with and without channel binding. Two messages of the client; the
// server's last one travels as a challenge that the client answers with nothing, because neither SMTP nor IMAP carries
// data with success.

#include "base/check.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "sasl/mechanisms.h"
#include "sasl/scram_messages.h"

namespace sasl {
namespace {

using base::Code;

class Scram final : public Mechanism {
 public:
  Scram(ScramKind kind, Setting setting)
      : kind_(kind),
        hash_(kind.wanted == Wanted::scram_sha1 ? crypto::Hash::sha1 : crypto::Hash::sha256),
        setting_(std::move(setting)) {}

  // RFC 5802 §5: the client speaks first.
  Challenge first_challenge() const override { return {}; }

  base::Result<Outcome> respond(std::string_view response) override {
    switch (std::exchange(step_, Step::over)) {
      case Step::first:
        return first(response);
      case Step::final:
        return final(response);
      case Step::acknowledged:
        if (!response.empty()) return base::fail(Code::invalid, "the last response of SCRAM is empty");
        return Proven{.authorize_as = authorize_as_, .user = user_, .version = version_};
      case Step::asked:
      case Step::over:
        break;
    }
    return base::fail(Code::invalid, "the SCRAM exchange is over");
  }

  base::Result<Outcome> resume(const Secrets& secrets) override {
    ENSURE(step_ == Step::asked);
    secrets_ = secrets;
    server_first_ =
        "r=" + nonce_ + ",s=" + base::base64_encode(secrets.salt) + ",i=" + std::to_string(secrets.iterations);
    step_ = Step::final;
    return Challenge{server_first_};
  }

 private:
  enum class Step { first, asked, final, acknowledged, over };

  base::Result<Outcome> first(std::string_view message) {
    TRY_ASSIGN(const ScramFirst first, parse_scram_first(message));
    TRY_ASSIGN(const std::string binding, binding_of(first));
    binding_ = "c=" + base::base64_encode(std::string(first.gs2_header) + binding);
    user_ = first.user;
    authorize_as_ = first.authorize_as;
    client_first_bare_ = first.bare;
    nonce_ = std::string(first.nonce) + setting_.nonce;
    step_ = Step::asked;
    return Question{.user = user_, .wanted = kind_.wanted};
  }

  /// RFC 5802 §6: the data that the client's flag asks for.
  base::Result<std::string> binding_of(const ScramFirst& first) const {
    if (first.flag != 'p') {
      if (kind_.plus) return base::fail(Code::invalid, "a mechanism with -PLUS needs a channel binding");
      // The client can bind and believes that we cannot: somebody took the -PLUS out of our list.
      if (first.flag == 'y' && kind_.plus_offered) {
        return base::fail(Code::denied, "the client was not shown that channel binding is offered");
      }
      return std::string();
    }
    if (!kind_.plus) return base::fail(Code::invalid, "channel binding is for the mechanisms with -PLUS");
    const std::string& data = first.binding == "tls-exporter"           ? setting_.tls_exporter
                              : first.binding == "tls-server-end-point" ? setting_.tls_server_end_point
                                                                        : kNone;
    if (data.empty()) return base::fail(Code::invalid, "this channel binding is not supported");
    return data;
  }

  base::Result<Outcome> final(std::string_view message) {
    TRY_ASSIGN(const ScramFinal final, parse_scram_final(message));
    if (final.binding != binding_) return base::fail(Code::denied, "the channel bindings do not match");
    if (final.nonce != nonce_) return base::fail(Code::denied, "the nonce is another one");
    if (final.proof.size() != crypto::digest_bytes(hash_))
      return base::fail(Code::invalid, "the proof has another size");
    const std::string auth_message = client_first_bare_ + "," + server_first_ + "," + std::string(final.without_proof);
    const Secrets::Secret* found = nullptr;
    for (const auto& secret : secrets_.list) {
      if (proves(final.proof, secret.key, auth_message)) found = &secret;
    }
    // For nobody, the same is computed for nothing.
    if (secrets_.list.empty()) (void)proves(final.proof, std::string(final.proof.size(), '\0'), auth_message);
    if (found == nullptr) return wrong_proof();
    version_ = found->version;
    step_ = Step::acknowledged;
    return Challenge{"v=" + base::base64_encode(crypto::hmac(hash_, found->server_key, auth_message))};
  }

  /// RFC 5802 §3: ClientKey is what the proof hides, and its digest is what we keep.
  bool proves(std::string_view proof, const std::string& stored_key, std::string_view auth_message) const {
    std::string client_key = crypto::hmac(hash_, stored_key, auth_message);
    for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] = static_cast<char>(client_key[i] ^ proof[i]);
    return crypto::equal_constant_time(crypto::digest(hash_, client_key), stored_key);
  }

  static inline const std::string kNone;
  const ScramKind kind_;
  const crypto::Hash hash_;
  const Setting setting_;
  Step step_ = Step::first;
  std::string authorize_as_;
  std::string client_first_bare_;
  std::string server_first_;
  std::string nonce_;
  std::string binding_;  // as the client has to repeat it
  Secrets secrets_;
  std::uint64_t version_ = 0;
};

}  // namespace

std::unique_ptr<Mechanism> make_scram(ScramKind kind, Setting setting) {
  return std::make_unique<Scram>(kind, std::move(setting));
}

}  // namespace sasl
