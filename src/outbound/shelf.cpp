#include "outbound/shelf.h"

#include <algorithm>

#include "net/completion.h"

namespace outbound {

namespace {

using net::Task;

/// A place on the shelf. The session itself is in the frame of its task, which its loop owns.
struct Place {
  std::string key;
  net::Loop* loop = nullptr;
  net::Stream* stream = nullptr;  // used on the loop, while the place is on the shelf
  bool wanted = false;            // on the loop
  net::Completion<std::unique_ptr<Session>> handed;
};

}  // namespace

struct Shelf::State {
  explicit State(std::size_t most_) : most(most_) {}
  const std::size_t most;
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<Place>> places;  // the newest last; guarded by mutex

  bool add(const std::shared_ptr<Place>& place) {
    const std::lock_guard lock(mutex);
    if (places.size() >= most) return false;
    places.push_back(place);
    return true;
  }
  void remove(const std::shared_ptr<Place>& place) {
    const std::lock_guard lock(mutex);
    std::erase(places, place);
  }
  std::shared_ptr<Place> pick(const std::string& key, const net::Loop* loop) {
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find_if(
        places.rbegin(), places.rend(), [&](const auto& place) { return place->loop == loop && place->key == key; });
    if (found == places.rend()) return nullptr;
    std::shared_ptr<Place> place = *found;
    places.erase(std::next(found).base());
    return place;
  }
};

namespace {

Task<void> say_goodbye(std::unique_ptr<Session> session) {
  session->client->set_limit(base::SteadyTime::max());
  co_await session->client->quit();
}

/// Off the shelf when the wait ends, and also when the loop does and its tasks with it: a later loop may have its
/// address.
struct OnShelf {
  std::shared_ptr<Shelf::State> state;
  std::shared_ptr<Place> place;
  ~OnShelf() { state->remove(place); }
};

Task<void> wait_on_shelf(std::shared_ptr<Shelf::State> state, std::shared_ptr<Place> place,
                         std::unique_ptr<Session> session, std::chrono::seconds patience) {
  bool woken = false;
  bool late = false;
  {
    const OnShelf here{state, place};
    try {
      place->stream->set_deadline(std::chrono::steady_clock::now() + patience);
      woken = co_await place->stream->wait() == net::Ready::woken;
    } catch (const net::Closed& closed) {
      late = closed.why == net::Closed::Why::timeout;
    }
  }
  if (place->wanted) {
    // What the host has to say now is 421, or nothing.
    co_return place->handed.set(woken ? std::move(session) : nullptr);
  }
  if (late) co_await say_goodbye(std::move(session));
}

}  // namespace

Shelf::Shelf(std::size_t most, std::chrono::seconds patience)
    : state_(std::make_shared<State>(most)), patience_(patience) {}

Task<std::unique_ptr<Session>> Shelf::take(std::string key) {
  const auto place = state_->pick(key, net::Loop::current());
  if (!place) co_return nullptr;
  place->wanted = true;
  place->stream->wake();
  auto session = co_await place->handed.wait();
  if (session) session->reused = true;
  co_return session;
}

void Shelf::put(std::string key, std::unique_ptr<Session> session) {
  net::Loop* const loop = net::Loop::current();
  auto place = std::make_shared<Place>();
  place->key = std::move(key);
  place->loop = loop;
  place->stream = &session->client->stream();
  if (!state_->add(place)) return dismiss(std::move(session));
  loop->spawn(wait_on_shelf(state_, std::move(place), std::move(session), patience_));
}

std::size_t Shelf::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->places.size();
}

void dismiss(std::unique_ptr<Session> session) { net::Loop::current()->spawn(say_goodbye(std::move(session))); }

}  // namespace outbound
