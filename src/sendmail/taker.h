#pragma once
// Taker: the server's side of the spool. run() looks through it when the server starts and every few seconds; serve()
// is a connection of its socket, of a program that waits for what becomes of its message. Both hand messages to room
// delivery, each once (README.md). From any loop's thread.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "net/pool.h"
#include "net/server.h"
#include "sendmail/bell.h"
#include "sendmail/spool.h"

namespace sendmail {

class Taker {
 public:
  /// All that is given outlives it.
  Taker(Spool spool, delivery::Delivery& delivery, net::Pool& pool, const base::Clock& clock, base::Log log);

  const Spool& spool() const { return spool_; }

  /// Until its loop ends. Begin it once.
  net::Task<void> run();
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping);
  /// No further look; returns when the one under way has ended with the file that it was at. Blocks; not on a loop.
  void stop();

 private:
  /// A file that is looked at is nobody else's meanwhile.
  class Claim;
  /// What stop() waits for.
  class Work;

  net::Task<void> look();
  net::Task<void> forget();
  net::Task<Answer> take(std::string id, bool waits);
  net::Task<Answer> hand_over(std::shared_ptr<const SpoolReader> reader, std::string user, bool waits);
  net::Task<std::optional<Answer>> check(const smtp::Envelope& envelope, const smtp::Peer& peer);
  net::Task<Answer> unreadable(std::string id, base::Error error);
  net::Task<Answer> refused(std::string id, bool waits, int status, std::string why);
  net::Task<Answer> answer(Request request, std::uint32_t uid);

  const Spool spool_;
  delivery::Delivery& delivery_;
  net::Pool& pool_;
  const base::Clock& clock_;
  const base::Log log_;
  base::Counter taken_, refused_, set_aside_;
  base::SteadyTime forget_at_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<std::string> claimed_;  // guarded by mutex_
  bool working_ = false;           // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
};

}  // namespace sendmail
