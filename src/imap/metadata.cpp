// GETMETADATA and SETMETADATA (RFC 5464 §4), and the special use of a mailbox as an entry (RFC 6154 §4).
#include "imap/metadata.h"

#include <algorithm>

#include "base/text.h"
#include "imap/mailbox_lines.h"
#include "imap/names.h"
#include "imap/notify.h"
#include "imap/server_entries.h"

namespace imap {

namespace {

using mailstore::Annotation;
using mailstore::AnnotationChange;
using mailstore::Rights;
using mailstore::Role;
using Depth = GetMetadata::Depth;

constexpr std::string_view kSpecialUse = "/private/specialuse";
static_assert(mailstore::kMaxAnnotationBytes == 16384);  // as says::kEntryTooLong has it

bool is_shared(std::string_view name) { return base::istarts_with(name, "/shared/"); }

// Whether an entry is what was asked for, or so far below it.
bool answers(std::string_view entry, std::string_view wanted, Depth depth) {
  if (!base::istarts_with(entry, wanted)) return false;
  const std::string_view below = entry.substr(wanted.size());
  if (below.empty()) return true;
  return below.starts_with('/') &&
         (depth == Depth::infinity || (depth == Depth::one && !below.substr(1).contains('/')));
}

// value = nstring / literal8
void append_value(std::string& out, std::string_view value) {
  if (!value.contains('\0')) return append_string(out, value);
  out += "~{";
  append_number(out, value.size());
  out += "}\r\n";
  out += value;
}

Reply refused_metadata(const base::Error& error) {
  if (error.code != base::Code::too_large) return refused(error);
  return no("[METADATA TOOMANY] " + error.text);
}

// RFC 6154 §4: it changes what CREATE would have given, and is checked in the same way. A commit of its own.
net::Task<Reply> set_special_use(Session& session, const Found& found, const SetMetadata& arguments) {
  if (arguments.changes.size() > 1) co_return no(says::kSpecialUseAlone);
  if (!found.place.own()) co_return no(says::kSpecialUseOwners);
  const auto& value = arguments.changes[0].value;
  const auto role = value && !value->empty() ? role_of(*value) : std::optional(Role::none);
  if (!role) co_return no(says::kUnknownUse);
  const auto done = co_await session.services.mail.set_role(found.place.account, found.mailbox.id, *role);
  if (!done) co_return refused(done.error());
  co_return completed("SETMETADATA");
}

void note_caused(Session& session, mailstore::AccountId owner, mailstore::MailboxId mailbox,
                 const SetMetadata& arguments) {
  if (!session.notifying) return;
  for (const auto& change : arguments.changes) session.notifying->caused(owner, mailbox, change.name);
}

net::Task<Reply> set_of_server(Session& session, SetMetadata& arguments) {
  for (const AnnotationChange& change : arguments.changes) {
    if (is_shared(change.name)) co_return no(says::kSharedIsOperators);
    const std::string_view filter = filter_of(change.name);
    if (filter.empty() || !change.value) continue;
    if (!std::ranges::all_of(filter, [](char c) { return is_atom_char(c) && c != '/'; }))
      co_return no(says::kFilterName);
    if (const auto keys = parse_filter(*change.value); !keys) {
      co_return no("[CANNOT] The filter holds no search keys: " + base::printable(keys.error().text, 200));
    }
  }
  const auto done =
      co_await session.services.mail.annotate(session.account(), {}, session.account(), arguments.changes);
  if (!done) co_return refused_metadata(done.error());
  note_caused(session, session.account(), {}, arguments);
  co_return completed("SETMETADATA");
}

net::Task<Reply> set_of_mailbox(Session& session, SetMetadata& arguments) {
  const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kLookup);
  if (!found) co_return refused(found.error());
  // RFC 5464 §3.3; what everybody sees is changed by who may also change the flags that everybody sees.
  const bool shared = std::ranges::any_of(arguments.changes, [](const auto& change) { return is_shared(change.name); });
  if (!may_annotate(found->rights) || (shared && !(found->rights & mailstore::kWrite))) {
    co_return no(says::kNoEntryRights);
  }
  const bool special = std::ranges::any_of(arguments.changes,
                                           [](const auto& change) { return base::iequals(change.name, kSpecialUse); });
  if (special) co_return co_await set_special_use(session, *found, arguments);
  const auto done = co_await session.services.mail.annotate(found->place.account, found->mailbox.id, session.account(),
                                                            arguments.changes);
  if (!done) co_return refused_metadata(done.error());
  note_caused(session, found->place.account, found->mailbox.id, arguments);
  co_return completed("SETMETADATA");
}

}  // namespace

bool may_annotate(Rights rights) {
  constexpr Rights kAny =
      mailstore::kRead | mailstore::kKeepSeen | mailstore::kWrite | mailstore::kInsert | mailstore::kPost;
  return (rights & mailstore::kLookup) && (rights & kAny);
}

net::Task<base::Result<std::vector<Annotation>>> entries_of(Session& session, const Found& found) {
  auto all = co_await session.services.mail.annotations(found.place.account, found.mailbox.id, session.account());
  if (!all) co_return std::unexpected(std::move(all).error());
  if (const auto use = special_use(found.mailbox.role); !use.empty() && found.place.own()) {
    all->push_back({std::string(kSpecialUse), std::string(use)});
  }
  co_return all;
}

net::Task<base::Result<std::vector<Annotation>>> server_entries(Session& session) {
  auto all = co_await session.services.mail.annotations(session.account(), {}, session.account());
  if (!all) co_return std::unexpected(std::move(all).error());
  all->insert(all->end(), session.config->server_entries.begin(), session.config->server_entries.end());
  co_return all;
}

std::uint64_t append_metadata(std::string& out, std::string_view name, bool utf8, const GetMetadata& wanted,
                              const std::vector<Annotation>& entries) {
  std::string list;
  const auto begin = [&](std::string_view entry) {
    list += list.empty() ? '(' : ' ';
    append_astring(list, entry);
    list += ' ';
  };
  std::uint64_t longest = 0;
  std::vector<bool> told(entries.size());
  for (const std::string& each : wanted.entries) {
    bool found = false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& [entry, value] = entries[i];
      if (!answers(entry, each, wanted.depth)) continue;
      found = true;
      if (told[i]) continue;
      told[i] = true;
      if (wanted.max_size && value.size() > *wanted.max_size) {
        longest = std::max<std::uint64_t>(longest, value.size());
        continue;
      }
      begin(entry);
      append_value(list, value);
    }
    if (!found && mailstore::valid_annotation(each)) {
      begin(each);
      list += "NIL";
    }
  }
  if (!list.empty()) {
    out += "* METADATA ";
    append_name(out, name, utf8);
    out += ' ';
    out += list;
    out += ")\r\n";
  }
  return longest;
}

net::Task<Reply> do_getmetadata(Session& session, Command& command) {
  auto& arguments = std::get<GetMetadata>(command.arguments);
  std::string name;
  base::Result<std::vector<Annotation>> entries;
  if (arguments.name.empty()) {
    entries = co_await server_entries(session);
  } else {
    const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kLookup);
    if (!found) co_return refused(found.error());
    if (!may_annotate(found->rights)) co_return no(says::kNoEntryRights);
    name = found->mailbox.name;
    entries = co_await entries_of(session, *found);
  }
  if (!entries) co_return refused(entries.error());
  const std::uint64_t longest = append_metadata(session.out, name, session.utf8_names(), arguments, *entries);
  if (longest > 0) co_return completed("GETMETADATA", "METADATA LONGENTRIES " + std::to_string(longest));
  co_return completed("GETMETADATA");
}

net::Task<Reply> do_setmetadata(Session& session, Command& command) {
  auto& arguments = std::get<SetMetadata>(command.arguments);
  const auto too_long = [](const AnnotationChange& change) {
    return change.value && change.value->size() > mailstore::kMaxAnnotationBytes;
  };
  if (std::ranges::any_of(arguments.changes, too_long)) co_return no(says::kEntryTooLong);
  if (arguments.name.empty()) co_return co_await set_of_server(session, arguments);
  co_return co_await set_of_mailbox(session, arguments);
}

}  // namespace imap
