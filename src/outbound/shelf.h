#pragma once
// Private to the room: connections that wait for the next message, bounded in number and time. Each waits in a task of
// its own on the loop that it lives on, sees when its host ends it, and can be taken from that loop only. Safe from any
// loop's thread. What waits when the loops end is closed with them.

#include <memory>
#include <string>

#include "outbound/session.h"

namespace outbound {

class Shelf {
 public:
  Shelf(std::size_t most, std::chrono::seconds patience);

  /// One that was put there under the same key on this loop and is still good, or nullptr.
  net::Task<std::unique_ptr<Session>> take(std::string key);
  /// Lets it wait, or says goodbye to it when there are too many.
  void put(std::string key, std::unique_ptr<Session> session);
  std::size_t size() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
  std::chrono::seconds patience_;
};

/// QUIT in a task of its own: nobody waits for it.
void dismiss(std::unique_ptr<Session> session);

}  // namespace outbound
