#pragma once
// Private to the room. Contexts: results of searches and sorts whose changes a client wants to hear of (RFC 5267 §4.3).
// Results are kept as UIDs. When the session's view moves forward only what has changed or come is judged again, and
// where a message stands in a sorted result is found by halving, so an update costs what changed and nothing is read
// while nothing changes. On the session's loop; messages are read on the pool. unavailable: the store cannot answer.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imap/driver.h"

namespace imap {

inline constexpr std::size_t kMaxContexts = 16;           // of a session
inline constexpr std::size_t kMaxContextBytes = 4 << 20;  // of what a session's contexts keep when they begin

class Context;

class Contexts {
 public:
  Contexts();
  ~Contexts();

  bool has(std::string_view tag) const;
  /// false, and nothing was done: one of them is not known.
  bool cancel(const std::vector<std::string>& tags);
  /// false: there are too many.
  bool add(std::unique_ptr<Context> context);
  bool empty() const { return contexts_.empty(); }
  /// Of those that are told in sequence numbers nothing is told any more, and the client hears that (NOUPDATE).
  void end_numbered(Session& session);

  /// Messages have gone, of which the client was not told yet: says REMOVEFROM.
  void remove(const Selected& selected, const std::vector<mailstore::Uid>& expunged, std::string& out);
  /// Messages have changed or come, and the client was told: says ADDTO and REMOVEFROM.
  /// `first_new`: messages from that UID on have come.
  net::Task<base::Result<void>> consider(Session& session, std::vector<Range> touched, mailstore::Uid first_new);

 private:
  std::vector<std::unique_ptr<Context>> contexts_;
};

/// UIDs of what was changed and what came in a step to `view`.
std::vector<Range> touched(const Selected::Step& step, const mailstore::View& view);

/// RFC 5267 §4.3: UPDATE with a tag whose results are followed already.
bool reuses_tag(const Session& session, std::string_view tag, const Search& request);
/// How the responses begin that tell of changes, and whether they have UIDs.
struct Correlator {
  std::string begin;
  bool uids = false;
};
/// From here on the client hears of changes in the selected mailbox; or it is told that it won't (NOUPDATE, §4.3.1).
void follow(Session& session, std::string_view tag, Correlator correlator, const Search& request,
            const std::vector<Range>& found);
void follow_sorted(Session& session, std::string_view tag, Correlator correlator, const Sort& request,
                   std::vector<mailstore::Uid> order);
void refuse_update(Session& session, std::string_view tag, std::string_view why);

}  // namespace imap
