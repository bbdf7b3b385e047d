#include "imap/places.h"

#include <algorithm>
#include <set>

namespace imap {

namespace {

using directory::State;
using mailstore::Acl;
using mailstore::Grant;
using mailstore::kHierarchySeparator;
using mailstore::Mailbox;
using mailstore::Rights;

/// RFC 4314 §4, MYRIGHTS: whoever has one of these may know of the mailbox.
constexpr Rights kTelling = mailstore::kLookup | mailstore::kRead | mailstore::kInsert | mailstore::kCreateBelow |
                            mailstore::kRemoveMailbox | mailstore::kAdminister;

base::Error missing() { return {base::Code::not_found, "there is no mailbox of that name"}; }

std::string_view namespace_of(State state) { return state == State::shared ? kShared : kOtherUsers; }

std::string prefix_of(const directory::Account& account) {
  return std::string(namespace_of(account.state)) + kHierarchySeparator + account.address + kHierarchySeparator;
}

/// "Other Users/ann@example.org/Work" in its parts. A name without an address there is one's own.
struct Foreign {
  std::string_view space;
  std::string address;
  std::string name;
};
std::optional<Foreign> split(std::string_view name) {
  for (const std::string_view space : {kOtherUsers, kShared}) {
    if (!name.starts_with(space) || name.substr(space.size(), 1) != "/") continue;
    const std::string_view rest = name.substr(space.size() + 1);
    const std::size_t end = std::min(rest.find(kHierarchySeparator), rest.size());
    const std::string_view address = rest.substr(0, end);
    if (!address.contains('@')) return std::nullopt;
    return Foreign{space, std::string(address), std::string(rest.substr(std::min(end + 1, rest.size())))};
  }
  return std::nullopt;
}

// Who the session is for lists of rights, as the directory says now.
net::Task<base::Result<mailstore::Visitor>> visitor_of(Session& session) {
  directory::Directory& directory = session.services.directory;
  const std::uint64_t generation = directory.generation();
  if (session.visitor && session.visitor->generation == generation) co_return session.visitor->who;
  const std::string& address = session.identity->address;
  auto groups = co_await directory.groups_of(address);
  if (!groups) co_return std::unexpected(std::move(groups).error());
  session.visitor = std::make_unique<Session::KnownVisitor>();
  session.visitor->generation = generation;
  session.visitor->who = {
      .account = session.account(), .domain = address.substr(address.rfind('@') + 1), .groups = std::move(*groups)};
  co_return session.visitor->who;
}

// Adds the mailboxes of one account that are to be seen.
net::Task<base::Result<void>> add_others(Session& session, mailstore::AccountId owner,
                                         const mailstore::Visitor& visitor, std::vector<Found>& out) {
  const auto account = co_await session.services.directory.account(owner);
  if (!account) co_return std::unexpected(account.error());
  if (!*account) co_return base::Result<void>();  // it is being removed
  auto list = co_await session.services.mail.mailboxes(owner, session.account());
  if (!list && list.error().code == base::Code::not_found) co_return base::Result<void>();
  if (!list) co_return std::unexpected(std::move(list).error());
  for (Mailbox& mailbox : list->mailboxes) {
    const Rights rights = mailstore::rights_of(mailbox.acl, visitor);
    if (!(rights & mailstore::kLookup)) continue;
    Found found{
        .place = {.account = owner, .name = mailbox.name, .prefix = prefix_of(**account), .quota = (*account)->quota},
        .mailbox = std::move(mailbox),
        .rights = rights};
    found.mailbox.name = found.place.prefix + found.place.name;
    // RFC 6154: a special use is the owner's.
    found.mailbox.role = mailstore::Role::none;
    out.push_back(std::move(found));
  }
  co_return base::Result<void>();
}

// The names with the levels above them, each before those below it, and whether there is something below it.
void add_to_list(const std::vector<Found>& others, std::vector<Mailbox>& list) {
  std::set<std::string> levels;
  for (const Found& found : others) {
    std::string above = found.mailbox.name;
    for (auto at = above.rfind(kHierarchySeparator); at != std::string::npos; at = above.rfind(kHierarchySeparator)) {
      above.resize(at);
      levels.insert(above);
    }
  }
  // Those that are no mailboxes; one's own may have the name from before.
  std::set<std::string> places = levels;
  for (const Mailbox& mailbox : list) places.erase(mailbox.name);
  const std::size_t own = list.size();
  for (const Found& found : others) {
    places.erase(found.mailbox.name);
    list.push_back(found.mailbox);
    list.back().has_children = levels.contains(found.mailbox.name);
  }
  for (const std::string& place : places) list.push_back({.name = place, .selectable = false, .has_children = true});
  std::ranges::sort(list.begin() + static_cast<std::ptrdiff_t>(own), list.end(), {}, &Mailbox::name);
}

}  // namespace

net::Task<base::Result<Place>> locate(Session& session, std::string wire) {
  auto name = session.decode_mailbox(wire);
  if (!name) co_return std::unexpected(std::move(name).error());
  auto foreign = split(*name);
  if (!foreign) {
    co_return Place{
        .account = session.account(), .name = std::move(*name), .prefix = {}, .quota = session.identity->quota};
  }
  const auto account = co_await session.services.directory.account(foreign->address);
  if (!account && account.error().code == base::Code::invalid) co_return std::unexpected(missing());
  if (!account) co_return std::unexpected(account.error());
  if (!*account || (*account)->id == session.account() || namespace_of((*account)->state) != foreign->space) {
    co_return std::unexpected(missing());
  }
  co_return Place{.account = (*account)->id,
                  .name = std::move(foreign->name),
                  .prefix = prefix_of(**account),
                  .quota = (*account)->quota};
}

net::Task<base::Result<Rights>> rights_by(Session& session, Acl acl) {
  if (acl.empty()) co_return Rights{0};
  const auto visitor = co_await visitor_of(session);
  if (!visitor) co_return std::unexpected(visitor.error());
  co_return mailstore::rights_of(acl, *visitor);
}

net::Task<base::Result<Found>> find_place(Session& session, Place place, Rights need) {
  auto mailbox = co_await session.services.mail.mailbox(place.account, place.name, session.account());
  if (!mailbox) {
    if (place.own() || mailbox.error().code != base::Code::not_found) co_return std::unexpected(mailbox.error());
    co_return std::unexpected(missing());
  }
  Found found{.place = std::move(place), .mailbox = std::move(*mailbox)};
  if (found.place.own()) co_return found;
  const auto rights = co_await rights_by(session, found.mailbox.acl);
  if (!rights) co_return std::unexpected(rights.error());
  found.rights = *rights;
  found.mailbox.name = found.place.prefix + found.mailbox.name;
  if (need != 0 ? (found.rights & need) == need : (found.rights & kTelling) != 0) co_return found;
  // RFC 4314 §6: who may not know of it is told the same as of one that is not there.
  if (!(found.rights & mailstore::kLookup)) co_return std::unexpected(missing());
  co_return base::fail(base::Code::denied,
                       "this wants the rights " + mailstore::print(need) + ", and of them you have " +
                           (found.rights & need ? mailstore::print(found.rights & need) : std::string("none")));
}

net::Task<base::Result<Found>> find_mailbox(Session& session, std::string wire, Rights need) {
  auto place = co_await locate(session, std::move(wire));
  if (!place) co_return std::unexpected(std::move(place).error());
  co_return co_await find_place(session, std::move(*place), need);
}

net::Task<base::Result<void>> check_creation(Session& session, Place place) {
  if (place.own()) {
    const std::string top = place.name.substr(0, place.name.find(kHierarchySeparator));
    if (top != kOtherUsers && top != kShared) co_return base::Result<void>();
    co_return base::fail(base::Code::invalid, "below \"" + top + "\" stand the mailboxes of others");
  }
  while (true) {
    const std::size_t at = place.name.rfind(kHierarchySeparator);
    place.name = at == std::string::npos ? "INBOX" : place.name.substr(0, at);
    const auto above = co_await find_place(session, place, mailstore::kCreateBelow);
    if (above) co_return base::Result<void>();
    if (above.error().code != base::Code::not_found) co_return std::unexpected(above.error());
    // Not there, or not to be seen: what stands above it may still be.
    if (at == std::string::npos) co_return base::fail(base::Code::denied, "you may not make mailboxes there");
  }
}

const Found* Visible::other(std::string_view name) const {
  const auto found = std::ranges::lower_bound(others, name, {},
                                              [](const Found& each) -> std::string_view { return each.mailbox.name; });
  return found != others.end() && found->mailbox.name == name ? &*found : nullptr;
}

net::Task<base::Result<Visible>> visible_mailboxes(Session& session, bool others) {
  auto own = co_await session.services.mail.mailboxes(session.account());
  if (!own) co_return std::unexpected(std::move(own).error());
  Visible visible{.list = std::move(*own), .others = {}};
  if (!others) co_return visible;
  const auto visitor = co_await visitor_of(session);
  if (!visitor) co_return std::unexpected(visitor.error());
  const auto grants = co_await session.services.mail.grants(*visitor);
  if (!grants) co_return std::unexpected(grants.error());
  for (mailstore::AccountId last; const Grant& grant : *grants) {
    if (grant.owner == last || grant.owner == session.account()) continue;
    last = grant.owner;
    auto done = co_await add_others(session, grant.owner, *visitor, visible.others);
    if (!done) co_return std::unexpected(std::move(done).error());
  }
  std::ranges::sort(visible.others, {}, [](const Found& found) -> std::string_view { return found.mailbox.name; });
  add_to_list(visible.others, visible.list.mailboxes);
  co_return visible;
}

bool may_name_others(std::string_view pattern) {
  const std::string_view fixed = pattern.substr(0, pattern.find_first_of("*%"));
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{kOtherUsers, kShared},
      [&](std::string_view space) { return fixed.starts_with(space) || space.starts_with(fixed); });
}

}  // namespace imap
