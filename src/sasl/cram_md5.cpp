// CRAM-MD5 (RFC 2195): the challenge is the server's, the response a name, a space and the HMAC-MD5 of the challenge in
// hexadecimal digits. The server must keep what is as good as the password, so it is off unless somebody needs it.

#include "base/text.h"
#include "crypto/hash.h"
#include "sasl/mechanisms.h"

namespace sasl {
namespace {

class CramMd5 final : public Mechanism {
 public:
  // RFC 2195 §2: of the form of a message id, and different each time. The nonce stands for both its random digits and
  // its time.
  explicit CramMd5(Setting setting) : challenge_("<" + setting.nonce + "@" + setting.hostname + ">") {}

  bool server_first() const override { return true; }
  Challenge first_challenge() const override { return {challenge_}; }

  base::Result<Outcome> respond(std::string_view response) override {
    if (std::exchange(done_, true)) return base::fail(base::Code::invalid, "the CRAM-MD5 exchange is over");
    const auto space = response.rfind(' ');
    if (space == std::string_view::npos) {
      return base::fail(base::Code::invalid, "a CRAM-MD5 response is a user name and a digest");
    }
    const auto user = response.substr(0, space);
    TRY(check_field("the user name", user));
    const auto digest = base::hex_decode(response.substr(space + 1));
    if (!digest || digest->size() != crypto::digest_bytes(crypto::Hash::md5)) {
      return base::fail(base::Code::invalid, "the digest is not of 32 hexadecimal digits");
    }
    user_ = user;
    digest_ = *digest;
    return Question{.user = user_, .wanted = Wanted::cram_md5};
  }

  base::Result<Outcome> resume(const Secrets& secrets) override {
    for (const auto& secret : secrets.list) {
      const std::string right = crypto::hmac_from_state(crypto::Hash::md5, secret.key, challenge_);
      if (crypto::equal_constant_time(right, digest_)) {
        return Proven{.authorize_as = {}, .user = user_, .version = secret.version};
      }
    }
    return wrong_proof();
  }

 private:
  const std::string challenge_;
  std::string digest_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Mechanism> make_cram_md5(Setting setting) { return std::make_unique<CramMd5>(std::move(setting)); }

}  // namespace sasl
