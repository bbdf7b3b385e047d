#pragma once
// SASL mechanisms, the server's side (RFC 4422): pure state machines without I/O that turn the client's responses into
// challenges, questions about what is stored, and the outcome. One object serves one authentication exchange, on one
// thread. Whether the credentials are true, or the user who proved to have them may come in, the directory says.
//
// SCRAM-SHA-256, SCRAM-SHA-1 and their -PLUS: RFC 5802, 7677, with the bindings of RFC 5929 and 9266. EXTERNAL: RFC
// 4422 appendix A. PLAIN: RFC 4616. LOGIN: draft-murchison-sasl-login. CRAM-MD5: RFC 2195.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sasl {

struct Challenge {
  std::string bytes;  // before base64
};

/// What the client claims; the directory says whether it is true. UTF-8, no NUL, each at most 1,024 bytes.
struct Credentials {
  std::string authorize_as;  // empty: the same as `user`
  std::string user;
  std::string password;
};

/// What resume() wants to know of a user.
enum class Wanted { scram_sha256, scram_sha1, cram_md5 };
struct Question {
  std::string user;
  Wanted wanted = Wanted::scram_sha256;
};

/// The answer. For a name that does not exist, or has no such secret, it looks the same but for the empty list.
struct Secrets {
  struct Secret {
    std::uint64_t version = 0;  // of the credential that it belongs to
    std::string key;            // SCRAM: StoredKey. CRAM-MD5: the state of the HMAC (crypto/hash.h)
    std::string server_key;     // SCRAM
  };
  std::string salt;  // SCRAM, one for all; so is the count
  std::uint32_t iterations = 0;
  std::vector<Secret> list;
};

/// The client has proved to be `user`.
struct Proven {
  std::string authorize_as;  // empty: the same as `user`
  std::string user;
  std::uint64_t version = 0;  // of the credential; 0: by its certificate
};

using Outcome = std::variant<Challenge, Credentials, Question, Proven>;

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  /// The first message is the server's: an initial response is an error.
  virtual bool server_first() const { return false; }
  /// The challenge that comes first when the client sent no initial response.
  virtual Challenge first_challenge() const = 0;
  /// One response, base64 already undone. invalid: malformed, or not as the protocol wants it; denied: the proof is
  /// wrong. Either way the exchange is over.
  virtual base::Result<Outcome> respond(std::string_view response) = 0;
  /// After a Question: its answer.
  virtual base::Result<Outcome> resume(const Secrets& secrets);
  /// Who the client said it is, for the log; empty until then.
  const std::string& user() const { return user_; }

 protected:
  std::string user_;
};

/// What the operator allows. SCRAM-SHA-1 and CRAM-MD5 are for clients that have nothing better.
struct Enabled {
  bool scram_sha256 = true;
  bool scram_sha1 = false;
  bool external = true;
  bool plain = true;
  bool login = true;
  bool cram_md5 = false;

  friend bool operator==(const Enabled&, const Enabled&) = default;
};

/// From names without "-PLUS", in any case. invalid: names the one that we do not have.
base::Result<Enabled> enabled_from(const std::vector<std::string>& names);

Enabled all();
/// The names that enabled_from() takes, strongest first.
std::vector<std::string> names(const Enabled& enabled);

/// What this connection has. It is private (TLS, or a network that is trusted for it), or no mechanism would be
/// offered.
struct Channel {
  bool can_bind = false;                  // TLS whose bindings can be had
  std::vector<std::string> client_names;  // of the client's certificate, verified; empty without one
};

/// The names to announce, strongest first.
std::vector<std::string_view> offered(const Enabled& enabled, const Channel& channel);

/// What an exchange is made of, beside the client's words.
struct Setting {
  std::string nonce;     // fresh for each exchange: random, printable, without ","
  std::string hostname;  // for CRAM-MD5's challenge
  // Channel bindings by their names of RFC 5929 and 9266; those that cannot be had are empty.
  std::string tls_exporter;
  std::string tls_server_end_point;
};

/// For Setting::nonce: 144 random bits in base64.
std::string random_nonce();

/// Whether `authorize_as` is nobody else than `user`. RFC 4616 §2: to act for somebody else is a right, and nobody has
/// it here.
bool is_self(std::string_view authorize_as, std::string_view user);

/// nullptr for a name that is not offered here (ASCII case-insensitive).
std::unique_ptr<Mechanism> make_mechanism(std::string_view name, const Enabled& enabled, const Channel& channel,
                                          Setting setting);

}  // namespace sasl
