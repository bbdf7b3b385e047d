#pragma once
// Guard: who may come how often. Counts what clients, networks and accounts do within a minute, what accounts send in a
// day, and wrong passwords, for which it bans. Bans and the days of accounts are in the store and survive a restart;
// what was counted within a minute does not (rate_limits.h says why). One guard serves all listeners; safe from any
// loop's thread. A session deals with it through a Visit (visit.h). Only what goes by address, and logins,
// spares exempt visitors; what an account sends is limited wherever it comes from.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/live.h"
#include "base/log.h"
#include "base/result.h"
#include "guard/types.h"
#include "net/task.h"
#include "store/store.h"

namespace guard {

/// Who is at the other end of a connection.
struct Visitor {
  std::optional<base::Address> address;  // nothing: it came by a Unix socket, or a proxy tells of none
  Group group = Group::strangers;
  bool exempt = false;  // of a trusted or relaying network, or a proxy itself

  static Visitor of(std::string_view address, Group group, bool exempt);
};

/// What a message of an account takes of its day. Made for one message; take() is called in the closure that accepts
/// it, and may be called again when that is run twice.
class Spending {
 public:
  virtual ~Spending() = default;
  /// busy: the day's messages or new recipients are used up; nothing of the transaction must be committed then.
  virtual base::Result<void> take(store::Txn& txn) = 0;
  /// Once the commit has succeeded or failed: when take() has said busy, the operator is told, and spent() tells it of
  /// the account from now on.
  virtual void settle() = 0;
};

class Guard {
 public:
  virtual ~Guard() = default;

  // --- Visitors

  /// A connection: counted, unless it is to be turned away.
  virtual std::optional<Refusal> connect(const Visitor& visitor) = 0;
  /// Something that the visitor does, as that account when one is given: counted, unless a limit is reached.
  virtual std::optional<Limit> take(What what, const Visitor& visitor, base::AccountId account = {}) = 0;
  /// Banned meanwhile?
  virtual bool banned(const Visitor& visitor) = 0;
  /// A password or proof of the visitor was wrong. True: it is banned for it, which is durable then. `user` is for the
  /// log, `guess` tells a repetition from another guess; both are the client's bytes, and only a keyed hash is kept.
  virtual net::Task<bool> wrong_password(Visitor visitor, std::string user, std::string guess) = 0;

  // --- Days of accounts

  /// `recipients` are those elsewhere. nullptr: nothing is limited.
  virtual std::unique_ptr<Spending> spending(base::AccountId account, std::string address,
                                             const std::vector<std::string>& recipients) = 0;
  /// What a message of the account has lately been refused for and would be still. Never slow.
  virtual std::optional<Spent> spent(base::AccountId account) = 0;
  /// Whether the account has sent to that address before.
  virtual net::Task<base::Result<bool>> knows(base::AccountId account, std::string recipient) = 0;
  virtual net::Task<base::Result<Allowance>> allowance(base::AccountId account) = 0;
  virtual net::Task<base::Result<void>> set_allowance(base::AccountId account, AllowanceChange change) = 0;
  /// The account was removed.
  virtual net::Task<base::Result<void>> forget(base::AccountId account) = 0;

  // --- Bans

  /// Those that hold, by network.
  virtual std::vector<Ban> bans() = 0;
  /// In place of one that the network has. Without `length` until it is removed. Holds from the next connection on.
  /// too_large: there are too many. invalid: a length of 0, or a reason that is too long or not printable.
  virtual net::Task<base::Result<Ban>> ban(base::Network network, std::optional<std::chrono::seconds> length,
                                           std::string reason) = 0;
  /// not_found. What led to it is forgotten, too.
  virtual net::Task<base::Result<void>> unban(base::Network network) = 0;

  /// Walks all records and reports what is wrong with them, and goes on. Blocks.
  virtual base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) = 0;
};

/// The room's tables, for what counts records.
std::vector<store::TableName> tables();

/// Reads the bans; all that is given outlives it. Records that cannot be read are logged and left as they are. Blocks.
base::Result<std::unique_ptr<Guard>> open(store::Store& store, const base::Clock& clock, base::Log log,
                                          const base::Live<Config>& config);

}  // namespace guard
