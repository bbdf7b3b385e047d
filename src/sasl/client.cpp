#include "sasl/client.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/scram_keys.h"

namespace sasl {

namespace {

using base::Code;
using base::Result;

constexpr std::size_t kMaxMessage = 4096;
constexpr std::uint32_t kMaxIterations = 1'000'000;

std::unexpected<base::Error> malformed(const char* what) {
  return base::fail(Code::invalid, std::string("the server's SCRAM message ") + what);
}

/// RFC 5802 §5.1: in a name "=" and "," are written as escapes.
std::string sasl_name(std::string_view user) {
  std::string name;
  for (const char c : user) {
    if (c == '=') {
      name += "=3D";
    } else if (c == ',') {
      name += "=2C";
    } else {
      name += c;
    }
  }
  return name;
}

/// The value of the attribute `letter` at the front of `message`, which moves behind it.
bool take_attribute(std::string_view& message, char letter, std::string_view& value) {
  if (message.size() < 2 || message[0] != letter || message[1] != '=') return false;
  const std::size_t end = std::min(message.find(','), message.size());
  value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return true;
}

class Scram final : public ClientMechanism {
 public:
  Scram(std::string_view name, crypto::Hash hash, bool plus, bool plus_offered, ClientSetting setting)
      : name_(name), hash_(hash), setting_(std::move(setting)) {
    // RFC 5802 §6: "y" tells a server that did offer -PLUS that somebody took it out of its list.
    gs2_header_ = plus ? "p=tls-exporter,," : !setting_.tls_exporter.empty() && !plus_offered ? "y,," : "n,,";
    if (plus) binding_ = setting_.tls_exporter;
  }

  std::string_view name() const override { return name_; }
  bool client_first() const override { return true; }
  bool complete() const override { return step_ == Step::proved; }

  Result<std::string> respond(std::string_view challenge) override {
    if (challenge.size() > kMaxMessage) return malformed("is too long");
    switch (step_) {
      case Step::begin:
        step_ = Step::sent_name;
        first_bare_ = "n=" + sasl_name(setting_.user) + ",r=" + setting_.nonce;
        return gs2_header_ + first_bare_;
      case Step::sent_name:
        step_ = Step::over;
        return prove(challenge);
      case Step::sent_proof:
        step_ = Step::over;
        return judge(challenge);
      case Step::proved:
      case Step::over:
        break;
    }
    return malformed("comes when the exchange is over");
  }

 private:
  enum class Step { begin, sent_name, sent_proof, proved, over };

  Result<std::string> prove(std::string_view server_first) {
    std::string_view rest = server_first;
    std::string_view nonce, salt64, count;
    if (!take_attribute(rest, 'r', nonce) || !take_attribute(rest, 's', salt64) || !take_attribute(rest, 'i', count)) {
      return malformed("is not r=, s= and i=");
    }
    if (!nonce.starts_with(setting_.nonce) || nonce.size() == setting_.nonce.size()) {
      return malformed("has another nonce");
    }
    const auto salt = base::base64_decode(salt64);
    const auto iterations = base::parse_u32(count);
    if (!salt || salt->empty() || !iterations || *iterations == 0) return malformed("has no salt or no iterations");
    if (*iterations > kMaxIterations) return malformed("wants too many iterations");
    const std::string salted = crypto::pbkdf2(hash_, crypto::hmac_state(hash_, setting_.password), *salt, *iterations);
    const auto keys = crypto::scram_keys_of(hash_, salted, *salt, *iterations);
    std::string proof = crypto::hmac(hash_, salted, "Client Key");
    const std::string without_proof = "c=" + base::base64_encode(gs2_header_ + binding_) + ",r=" + std::string(nonce);
    const std::string auth_message = first_bare_ + "," + std::string(server_first) + "," + without_proof;
    const std::string signature = crypto::hmac(hash_, keys.stored_key, auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    server_signature_ = crypto::hmac(hash_, keys.server_key, auth_message);
    step_ = Step::sent_proof;
    return without_proof + ",p=" + base::base64_encode(proof);
  }

  Result<std::string> judge(std::string_view server_final) {
    std::string_view value;
    if (take_attribute(server_final, 'e', value)) {
      return base::fail(Code::denied, "the server says " + base::printable(value, 60));
    }
    if (!take_attribute(server_final, 'v', value)) return malformed("is not v= or e=");
    const auto signature = base::base64_decode(value);
    if (!signature || !crypto::equal_constant_time(*signature, server_signature_)) {
      return base::fail(Code::denied, "the server does not know the password that it asked to prove");
    }
    step_ = Step::proved;
    return std::string();
  }

  const std::string_view name_;
  const crypto::Hash hash_;
  const ClientSetting setting_;
  Step step_ = Step::begin;
  std::string gs2_header_;
  std::string binding_;
  std::string first_bare_;
  std::string server_signature_;
};

class Plain final : public ClientMechanism {
 public:
  explicit Plain(ClientSetting setting) : setting_(std::move(setting)) {}
  std::string_view name() const override { return "PLAIN"; }
  bool client_first() const override { return true; }
  bool complete() const override { return sent_; }
  Result<std::string> respond(std::string_view) override {
    if (std::exchange(sent_, true)) return base::fail(Code::invalid, "the server asks on after PLAIN's one message");
    std::string message(1, '\0');
    message += setting_.user;
    message += '\0';
    return message + setting_.password;
  }

 private:
  const ClientSetting setting_;
  bool sent_ = false;
};

class Login final : public ClientMechanism {
 public:
  explicit Login(ClientSetting setting) : setting_(std::move(setting)) {}
  std::string_view name() const override { return "LOGIN"; }
  bool client_first() const override { return false; }
  bool complete() const override { return sent_ == 2; }
  // The texts of the challenges are not to be relied on: first the name, then the password.
  Result<std::string> respond(std::string_view) override {
    switch (sent_++) {
      case 0:
        return setting_.user;
      case 1:
        return setting_.password;
      default:
        return base::fail(Code::invalid, "the server asks on after LOGIN's two messages");
    }
  }

 private:
  const ClientSetting setting_;
  int sent_ = 0;
};

bool has(std::span<const std::string> offered, std::string_view name) {
  return std::ranges::any_of(offered, [&](const std::string& one) { return base::iequals(one, name); });
}

}  // namespace

std::unique_ptr<ClientMechanism> choose_mechanism(std::span<const std::string> offered, ClientSetting setting) {
  struct Kind {
    std::string_view plus, plain;
    crypto::Hash hash;
  };
  static constexpr Kind kScram[] = {{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", crypto::Hash::sha256},
                                    {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", crypto::Hash::sha1}};
  for (const Kind& kind : kScram) {
    const bool plus = has(offered, kind.plus);
    if (plus && !setting.tls_exporter.empty()) {
      return std::make_unique<Scram>(kind.plus, kind.hash, true, true, std::move(setting));
    }
    if (has(offered, kind.plain)) {
      return std::make_unique<Scram>(kind.plain, kind.hash, false, plus, std::move(setting));
    }
  }
  if (!setting.private_channel) return nullptr;
  if (has(offered, "PLAIN")) return std::make_unique<Plain>(std::move(setting));
  if (has(offered, "LOGIN")) return std::make_unique<Login>(std::move(setting));
  return nullptr;
}

}  // namespace sasl
