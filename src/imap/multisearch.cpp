// ESEARCH: a search of several mailboxes (RFC 7377). They are searched one after another, each in the view that it has
// at its turn, so that only one is held; what a mailbox has is told before the next one is looked at.
#include <algorithm>

#include "imap/context.h"
#include "imap/driver.h"
#include "imap/mailbox_set.h"
#include "imap/message_limit.h"
#include "imap/names.h"
#include "imap/search.h"

namespace imap {

namespace {

struct Target {
  mailstore::MailboxId id;
  std::string name;
  std::size_t messages = 0;
  bool guest = false;  // it is the selected one, of somebody else
};

bool names_selected(const MultiSearch& arguments) {
  return std::ranges::any_of(arguments.in,
                             [](const auto& filter) { return filter.kind == MailboxFilter::Kind::selected; });
}

// RFC 7377 §2.1: with all three correlators.
std::string correlated(const Session& session, std::string_view tag, const Target& target, std::uint32_t uid_validity) {
  std::string out = "* ESEARCH (TAG ";
  append_quoted(out, tag);
  out += " MAILBOX ";
  append_name(out, target.name, session.utf8_names());
  out += " UIDVALIDITY ";
  append_number(out, uid_validity);
  out += ") UID";
  return out;
}

// "selected" is looked up as well: another session may have given the mailbox another name.
net::Task<base::Result<std::vector<Target>>> find_targets(Session& session, const MultiSearch& arguments) {
  const auto all = co_await session.services.mail.mailboxes(session.account());
  if (!all) co_return std::unexpected(all.error());
  auto found =
      find_mailboxes(arguments.in, *all, [&session](std::string_view wire) { return session.decode_mailbox(wire); });
  std::vector<Target> out;
  const auto is_selected = [&](const auto& mailbox) {
    return !session.selected->guest && mailbox.id == session.selected->mailbox;
  };
  if (names_selected(arguments)) {
    const auto selected = std::ranges::find_if(all->mailboxes, is_selected);
    if (selected != all->mailboxes.end()) out.push_back({selected->id, selected->name, selected->messages});
    if (session.selected->guest)
      out.push_back(
          {session.selected->mailbox, session.selected->name, session.selected->view()->size(), /*guest=*/true});
    std::erase_if(found, [&](const auto* mailbox) { return is_selected(*mailbox); });
  }
  for (const mailstore::Mailbox* mailbox : found) out.push_back({mailbox->id, mailbox->name, mailbox->messages});
  co_return out;
}

// A target as it is searched: the selected mailbox as the client knows it, another as a client would find it that
// selects it now.
struct Opened {
  std::unique_ptr<Selected> other;
  const Selected* where = nullptr;  // nullptr: it is gone

  bool is_selected() const { return where != nullptr && !other; }
};

net::Task<base::Result<Opened>> look_at(Session& session, const Target& target) {
  if (session.selected && session.selected->guest == target.guest && session.selected->mailbox == target.id) {
    co_return Opened{.other = nullptr, .where = session.selected.get()};
  }
  auto view = co_await session.services.mail.view(session.account(), target.id);
  if (!view && view.error().code == base::Code::not_found) co_return Opened{};
  if (!view) co_return std::unexpected(std::move(view).error());
  auto other = std::make_unique<Selected>(std::move(*view));
  other->account = session.account();
  other->mailbox = target.id;
  const mailstore::Uid next = other->view()->uid_next();
  const mailstore::Uid first = session.services.mail.first_recent(session.account(), target.id, next, /*take=*/false);
  if (first < next) other->recent.push_back({first, next - 1});
  const Selected* where = other.get();
  co_return Opened{.other = std::move(other), .where = where};
}

// RFC 9738. The views are needed only where the keys may make the difference.
net::Task<base::Result<bool>> searches_too_many(Session& session, const Search& request,
                                                const std::vector<Target>& targets) {
  std::size_t messages = 0;
  for (const Target& target : targets) messages += target.messages;
  if (!exceeds_limit(session, messages)) co_return false;
  if (!names_messages(request)) co_return true;
  messages = 0;
  for (const Target& target : targets) {
    const auto place = co_await look_at(session, target);
    if (!place) co_return std::unexpected(place.error());
    const Selected* where = place->where;
    if (where != nullptr) messages += count_messages(*where->view(), searched(*where, request));
    if (exceeds_limit(session, messages)) co_return true;
  }
  co_return false;
}

/// One ESEARCH command that is under way.
class MultiSearching {
 public:
  MultiSearching(Session& session, const Command& command)
      : session_(session),
        command_(command),
        request_(std::get<MultiSearch>(command.arguments).search),
        progress_(session, says::kStillSearching, std::nullopt) {}

  net::Task<base::Result<void>> search(Target target) {
    const auto place = co_await look_at(session_, target);
    if (!place) co_return std::unexpected(place.error());
    if (place->where == nullptr) co_return base::Result<void>();
    const Selected& where = *place->where;
    const auto searching =
        std::make_unique<Searching>(session_, where, request_, progress_, request_.give & Search::kRelevancy);
    const auto done = co_await searching->run(searched(where, request_));
    if (!done) co_return done;
    co_await searching->sign_of_life();
    progress_.end_part(where.view()->size());
    std::string begin = correlated(session_, command_.tag, target, where.view()->uid_validity());
    if (place->is_selected()) keep(*searching, begin);
    // RFC 7377 §2.1: of a mailbox in which nothing was found nothing is said, whatever is to be returned.
    if (searching->count() > 0 && (!request_.extended || request_.shows_results())) {
      append_esearch(session_.out, begin, request_, searching->uids(), *searching, *where.view());
      if (session_.out.size() >= kFlushBytes) co_await session_.flush();
    }
    co_return base::Result<void>();
  }

  /// Whether what is to be followed was among what was searched.
  bool follows() const { return follows_; }

 private:
  void keep(const Searching& searching, const std::string& begin) {
    if (request_.give & Search::kUpdate) {
      follow(session_, command_.tag, {.begin = begin, .uids = true}, request_, searching.uids());
      follows_ = true;
    }
    if (request_.give & Search::kSave) session_.selected->saved = to_save(request_, searching);
  }

  Session& session_;
  const Command& command_;
  const Search& request_;
  Progress progress_;
  bool follows_ = false;
};

net::Task<base::Result<void>> search_all(Session& session, const Command& command, const std::vector<Target>& targets) {
  const auto& arguments = std::get<MultiSearch>(command.arguments);
  const auto searching = std::make_unique<MultiSearching>(session, command);
  for (const Target& target : targets) {
    const auto done = co_await searching->search(target);
    if (!done) co_return done;
  }
  // RFC 7377 §2.2: only what is selected is followed.
  if ((arguments.search.give & Search::kUpdate) && !searching->follows()) {
    refuse_update(session, command.tag, says::kNotSearched);
  }
  co_return base::Result<void>();
}

net::Task<Reply> search_targets(Session& session, const Command& command) {
  const auto& arguments = std::get<MultiSearch>(command.arguments);
  const auto targets = co_await find_targets(session, arguments);
  if (!targets) co_return refused(targets.error());
  const auto too_many = co_await searches_too_many(session, arguments.search, *targets);
  if (!too_many) co_return refused(too_many.error());
  if (*too_many) co_return over_limit(session);
  const auto done = co_await search_all(session, command, *targets);
  co_return done ? completed("ESEARCH") : refused(done.error());
}

}  // namespace

net::Task<Reply> do_esearch(Session& session, Command& command) {
  auto& arguments = std::get<MultiSearch>(command.arguments);
  const Search& request = arguments.search;
  const bool update = (request.give & Search::kUpdate) != 0;
  if (!session.selected && (update || names_selected(arguments))) co_return bad(says::kNothingSelected);
  if (session.utf8_accept && !request.charset.empty()) co_return bad(says::kCharsetTwice);  // RFC 6855 §3
  if (auto refusal = co_await begin_search(session, command.tag, arguments.search)) co_return std::move(*refusal);
  const bool save = (request.give & Search::kSave) != 0;
  auto reply = co_await search_targets(session, command);
  // RFC 9051 §6.4.4.1: as for SEARCH. What is saved is of the selected mailbox alone.
  if (save && reply.kind != Reply::Kind::ok) session.selected->saved.clear();
  co_return reply;
}

}  // namespace imap
