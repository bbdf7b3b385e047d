#pragma once
// Host: what an SMTP session needs from the rest of the server. Implemented by delivery, faked by tests. One Host
// serves all sessions of all loops; a call may suspend and resumes on the session's loop. Replies to clients are the
// session's business: a Host answers with values.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "mime/address.h"
#include "net/stream.h"
#include "net/task.h"
#include "sasl/sasl.h"

namespace smtp {

/// What a listener is for. `mx` takes mail from anywhere for our addresses (port 25); `submission` takes mail from our
/// users for anywhere, after AUTH (587, 465); `lmtp` takes mail of another server for our addresses (RFC 2033).
enum class Service { mx, submission, lmtp };

/// A program on this machine that called sendmail: whose it is, as the system says.
struct LocalUser {
  std::uint32_t uid = 0;
  std::string name;
  bool any_sender = false;  // root, and the server's own user
};

struct Peer {
  Service service = Service::mx;
  net::Endpoints endpoints;
  std::string helo;      // as given; "" before EHLO/HELO
  bool esmtp = false;    // EHLO
  bool trusted = false;  // its address is in the listener's trusted networks
  bool relays = false;   // it may send to anywhere without a login: its address is in the listener's relay networks
  bool hidden = false;   // its address and name are not to stand in the message
  const net::TlsInfo* tls = nullptr;
  std::optional<LocalUser> local;
};

/// A user of a submission session.
struct User {
  base::AccountId account;
  std::string address;
  std::uint64_t version = 0;                       // of the credential
  base::WallTime expires = base::WallTime::max();  // of the credential, too
  std::uint64_t generation = 0;                    // of the directory
};

using LoginStep = std::variant<sasl::Challenge, User>;

enum class BodyType { seven_bit, eight_bit_mime, binary_mime };

/// How much of the message a report of its failure shall hold (RFC 3461 §4.3).
enum class Return { unsaid, full, headers };

/// What reports the sender wants about a recipient (RFC 3461 §4.1); all false when NOTIFY was not given.
struct Notify {
  bool never = false;
  bool success = false;
  bool failure = false;
  bool delay = false;
  friend bool operator==(const Notify&, const Notify&) = default;
};

/// Until when a message is to be held, and the parameter as it came (RFC 4865 §4).
struct Hold {
  base::WallTime until;
  std::string request;
  friend bool operator==(const Hold&, const Hold&) = default;
};

/// When a message shall have been delivered (RFC 2852 §4), and what is to happen when it was not: it is given back, or
/// its sender is told that it takes longer.
struct DeliverBy {
  base::WallTime time;
  bool give_back = false;
  bool trace = false;
  friend bool operator==(const DeliverBy&, const DeliverBy&) = default;
};

struct Recipient {
  std::string address;  // as the client wrote it (normalized domain not required)
  Notify notify;
  std::string orcpt;       // ORCPT as it came: "rfc822;xtext"; or empty
  bool elsewhere = false;  // the Host's own: it may lead to another host, whoever sends it
  friend bool operator==(const Recipient&, const Recipient&) = default;
};

struct Envelope {
  std::string sender;  // "" for the null reverse-path
  bool smtputf8 = false;
  BodyType body = BodyType::seven_bit;
  std::optional<std::uint64_t> declared_size;
  Return ret = Return::unsaid;
  std::string envid;  // ENVID as it came, in xtext; or empty
  std::optional<Hold> hold;
  std::optional<DeliverBy> deliver_by;
  int priority = 0;                   // RFC 6710: -9 to 9
  bool require_tls = false;           // RFC 8689
  bool answer_each = false;           // LMTP: what becomes of each recipient is told
  bool accepted = false;              // it is too late to refuse: who takes it not is left to the queue
  std::string once;                   // not empty: of all messages under this id one is taken
  std::vector<Recipient> recipients;  // accepted ones
};

/// Takes the content of one message as it arrives (dot-unstuffed, CRLF line ends). Dropped without accept() it leaves
/// nothing.
class Sink {
 public:
  struct Accepted {
    std::string id;  // for the reply and the log
    /// With Envelope::answer_each: for each recipient why it alone is refused, or nothing. One that is refused is not
    /// in the queue either.
    std::vector<std::optional<base::Error>> refused;
  };
  virtual ~Sink() = default;
  /// Errors: too_large, no_space, unavailable: the rest of the message is read and thrown away by the session.
  virtual net::Task<base::Result<void>> write(std::string_view bytes) = 0;
  /// The message is whole. Completes when it is durable for every recipient (delivered, or in the queue), or is refused
  /// for all: invalid (its content is refused: text says why), conflict (a mail loop), over_quota, too_large: for good;
  /// no_space, unavailable, busy, suspended: for now. Also busy: the user has sent what it may today (the guard has the
  /// limit).
  virtual net::Task<base::Result<Accepted>> accept() = 0;
};

class Host {
 public:
  virtual ~Host() = default;

  /// Takes one response of the client in a SASL exchange further: to a challenge, or to the user. invalid: malformed;
  /// denied: wrong name, password or proof; unsupported: to act for somebody else; busy or unavailable: for now.
  virtual net::Task<base::Result<LoginStep>> authenticate(std::shared_ptr<sasl::Mechanism> mechanism,
                                                          std::string response, Peer peer) = 0;
  /// Whether the login still holds (a changed password, or an account that was removed, disabled or suspended, end it):
  /// called before each command of a transaction. Cheap.
  virtual net::Task<base::Result<User>> recheck(User user) = 0;

  /// May this session send as `sender`? `user` is null on an mx listener. denied: the sender is not the user's.
  virtual net::Task<base::Result<void>> check_sender(const User* user, std::string sender, Peer peer) = 0;

  /// May it send to `recipient`? ok; not_found (no such user here); unsupported (relaying); denied (a list that takes
  /// no mail from this sender); over_quota, suspended (the mailbox takes none for now); invalid; unavailable; busy: the
  /// user has written to as many new recipients as it may today (the guard has the limit).
  virtual net::Task<base::Result<void>> check_recipient(const User* user, std::string sender, std::string recipient,
                                                        Peer peer) = 0;

  /// The addresses that `address` stands for: its account's, or those of a list. not_found; denied: not ours;
  /// unavailable. For VRFY and EXPN.
  virtual net::Task<base::Result<std::vector<std::string>>> look_up(std::string address) = 0;

  /// Begins a message. `envelope` has at least one recipient; `log` has the session's fields. denied (the sender is not
  /// the user's any more), no_space, unavailable, busy.
  virtual net::Task<base::Result<std::unique_ptr<Sink>>> begin(Envelope envelope, std::optional<User> user, Peer peer,
                                                               base::Log log) = 0;
};

}  // namespace smtp
