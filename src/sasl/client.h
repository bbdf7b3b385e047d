#pragma once
// SASL mechanisms, the client's side (RFC 4422): challenges in, responses out; no I/O, no base64. One object serves one
// exchange, on one thread. SCRAM-SHA-256 and SCRAM-SHA-1 with their -PLUS (RFC 5802, 7677, 9266), PLAIN (RFC 4616),
// LOGIN (draft-murchison-sasl-login), strongest first. respond() of SCRAM computes up to a million HMACs: on the pool.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sasl {

struct ClientSetting {
  std::string user;
  std::string password;
  std::string nonce;             // fresh: random_nonce()
  std::string tls_exporter;      // the channel binding; "" where there is none
  bool private_channel = false;  // TLS, or a connection within the machine: the password itself may be sent
};

class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  virtual std::string_view name() const = 0;
  /// The client speaks first: respond("") gives its initial response.
  virtual bool client_first() const = 0;
  /// invalid: the server does not speak as the mechanism wants it; denied: it cannot prove that it knows the user.
  virtual base::Result<std::string> respond(std::string_view challenge) = 0;
  /// Success may be believed: the server has proved itself where the mechanism has it do so.
  virtual bool complete() const = 0;
};

/// The strongest mechanism among those that the server offers (in any case); nullptr: none that may be used.
std::unique_ptr<ClientMechanism> choose_mechanism(std::span<const std::string> offered, ClientSetting setting);

}  // namespace sasl
