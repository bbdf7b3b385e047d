#include "imap/command.h"

#include <algorithm>

#include "base/text.h"
#include "imap/table.h"

namespace imap {

namespace {

constexpr std::size_t kMaxWords = 1000;  // of a list whose elements have no bound of their own
constexpr std::size_t kMaxKeywordBytes = 100;

// RFC 9051 §9: tag = 1*<any ASTRING-CHAR except "+">
bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }

constexpr std::pair<std::string_view, std::uint8_t> kSystemFlags[] = {
    {"\\Seen", mailstore::kSeen},       {"\\Answered", mailstore::kAnswered}, {"\\Flagged", mailstore::kFlagged},
    {"\\Deleted", mailstore::kDeleted}, {"\\Draft", mailstore::kDraft},       {"\\Recent", std::uint8_t{0}},
};

constexpr std::pair<std::string_view, std::uint16_t> kStatusItems[] = {
    {"MESSAGES", kMessages},
    {"RECENT", kRecent},
    {"UIDNEXT", kUidNext},
    {"UIDVALIDITY", kUidValidity},
    {"UNSEEN", kUnseen},
    {"DELETED", kDeletedCount},
    {"SIZE", kSize},
    {"HIGHESTMODSEQ", kHighestModSeq},
    {"MAILBOXID", kMailboxId},
    {"APPENDLIMIT", kAppendLimit},
    {"DELETED-STORAGE", kDeletedStorage},
};

base::Result<void> take_flag(Cursor& in, mailstore::Flags& flags) {
  if (in.take('\\')) {
    const std::string name = "\\" + std::string(in.atom());
    for (const auto& [word, bit] : kSystemFlags) {
      if (base::iequals(word, name)) {
        flags.system |= bit;
        return {};
      }
    }
    return syntax("There is no system flag " + base::printable(name, 40));
  }
  const auto word = in.atom();
  if (word.empty()) return syntax("A flag is malformed");
  if (word.size() > kMaxKeywordBytes) return syntax("A keyword may have at most 100 bytes");
  if (std::ranges::none_of(flags.keywords, [&](const auto& have) { return base::iequals(have, word); })) {
    if (flags.keywords.size() == 255) return syntax("A message may have at most 255 keywords");
    flags.keywords.emplace_back(word);
  }
  return {};
}

}  // namespace

base::Result<std::string> take_mailbox(Cursor& in) {
  if (!in.space()) return syntax("A mailbox name is missing");
  auto name = in.astring();
  if (!name) return syntax("The mailbox name is malformed");
  return std::move(*name);
}

base::Result<mailstore::ModSeq> take_modseq(Cursor& in, bool zero) {
  const auto modseq = in.space() ? in.number64() : std::nullopt;
  if (!modseq || (*modseq == 0 && !zero)) return syntax("The mod-sequence is malformed");
  return *modseq;
}

Parsed parse_command(std::string_view text) {
  Cursor in(text);
  Parsed out{.command = syntax("")};
  const auto tag = in.run(is_tag_char);
  if (tag.empty() || !in.space()) {
    if (in.done() && tag.empty()) {
      out.command = syntax("The line is empty");
    } else if (tag.empty()) {
      out.command = syntax("The tag is malformed");
    } else {
      out.tag = tag;
      out.command = syntax("There is a tag and no command behind it");
    }
    return out;
  }
  out.tag = tag;
  const Verb* verb = find_verb(in);
  if (verb == nullptr) {
    out.command = syntax("There is no command " + base::printable(in.atom(), 40));
    return out;
  }
  auto arguments = verb->parse(in);
  if (!arguments) {
    out.command = std::unexpected(std::move(arguments).error());
  } else if (!in.done()) {
    out.command = syntax("Something stands behind the command: " + base::printable(in.rest(), 40));
  } else {
    out.command = Command{.tag = out.tag, .verb = verb, .arguments = std::move(*arguments)};
  }
  return out;
}

base::Result<Arguments> parse_nothing(Cursor&) { return Nothing{}; }

base::Result<Arguments> parse_login(Cursor& in) {
  Login out;
  for (std::string* part : {&out.user, &out.password}) {
    auto text = in.space() ? in.astring() : std::nullopt;
    if (!text) return syntax("LOGIN wants a user name and a password");
    *part = std::move(*text);
  }
  return out;
}

base::Result<Arguments> parse_authenticate(Cursor& in) {
  Authenticate out;
  if (in.space()) out.mechanism = in.atom();
  if (out.mechanism.empty()) return syntax("AUTHENTICATE wants the name of a mechanism");
  if (in.space()) {
    out.initial = in.run([](char c) { return c > ' ' && c < 0x7f; });
    if (out.initial->empty()) return syntax("The initial response is missing");
  }
  return out;
}

base::Result<Arguments> parse_enable(Cursor& in) {
  Enable out;
  while (in.space()) {
    const auto word = in.atom();
    if (word.empty()) return syntax("The name of an extension is malformed");
    if (out.extensions.size() == kMaxWords) return syntax("There are too many names");
    out.extensions.emplace_back(word);
  }
  if (out.extensions.empty()) return syntax("ENABLE wants names of extensions");
  return out;
}

base::Result<Arguments> parse_mailbox(Cursor& in) {
  TRY_ASSIGN(auto name, take_mailbox(in));
  return MailboxName{std::move(name)};
}

// RFC 6154 §3: CREATE mailbox (USE (\Sent)); the frame of RFC 4466 §2.1 allows further parameters, of which we have
// none.
base::Result<Arguments> parse_create(Cursor& in) {
  TRY_ASSIGN(auto name, take_mailbox(in));
  Create out{.name = std::move(name)};
  if (!in.space()) return out;
  if (!in.take('(') || !in.word("USE") || !in.space() || !in.take('(')) {
    return syntax("CREATE has the parameter USE (\\Attribute …) and no other");
  }
  if (!in.take(')')) {
    do {
      if (!in.take('\\')) return syntax("A special use is malformed");
      const auto word = in.atom();
      if (word.empty() || out.uses.size() == kMaxWords) return syntax("A special use is malformed");
      out.uses.push_back("\\" + std::string(word));
    } while (in.space());
    if (!in.take(')')) return syntax("A closing parenthesis is missing");
  }
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

base::Result<Arguments> parse_rename(Cursor& in) {
  TRY_ASSIGN(auto from, take_mailbox(in));
  TRY_ASSIGN(auto to, take_mailbox(in));
  return Rename{std::move(from), std::move(to)};
}

base::Result<std::uint16_t> parse_status_items(Cursor& in) {
  std::uint16_t items = 0;
  if (!in.take('(')) return syntax("A list of status items is missing");
  do {
    const auto item = std::ranges::find_if(kStatusItems, [&](const auto& entry) { return in.word(entry.first); });
    if (item == std::end(kStatusItems)) return syntax("There is no status item " + base::printable(in.atom(), 40));
    items |= item->second;
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return items;
}

base::Result<Arguments> parse_status(Cursor& in) {
  TRY_ASSIGN(auto name, take_mailbox(in));
  if (!in.space()) return syntax("A list of status items is missing");
  TRY_ASSIGN(const auto items, parse_status_items(in));
  return Status{std::move(name), items};
}

base::Result<mailstore::Flags> parse_flags(Cursor& in, bool bare) {
  mailstore::Flags flags;
  const bool list = in.take('(');
  if (!list && !bare) return syntax("A list of flags is missing");
  if (list && in.take(')')) return flags;
  do {
    TRY(take_flag(in, flags));
  } while (in.space());
  if (list && !in.take(')')) return syntax("A closing parenthesis is missing");
  return flags;
}

std::pair<std::size_t, std::size_t> partial_bounds(const PartialRange& range, std::size_t count) {
  const std::size_t first = std::min<std::size_t>(count, range.first - 1);
  const std::size_t last = std::min<std::size_t>(count, range.last);
  return range.from_end ? std::pair(count - last, count - first) : std::pair(first, last);
}

base::Result<PartialRange> take_partial_range(Cursor& in) {
  PartialRange out;
  const auto number = [&] { return out.from_end && !in.take('-') ? std::nullopt : in.nz_number(); };
  if (!in.space()) return syntax("PARTIAL wants a range");
  out.from_end = in.peek() == '-';
  const auto first = number();
  const auto last = first && in.take(':') ? number() : std::nullopt;
  if (!last) return syntax("PARTIAL wants a range");
  out.first = std::min(*first, *last);
  out.last = std::max(*first, *last);
  return out;
}

base::Result<Arguments> parse_store(Cursor& in) {
  Store out;
  auto set = in.space() ? take_sequence_set(in) : std::nullopt;
  if (!set || !in.space()) return syntax("The sequence set is malformed");
  out.set = std::move(*set);
  if (in.take('(')) {
    // RFC 7162 §3.1.3.
    if (!in.word("UNCHANGEDSINCE")) return syntax("STORE has the modifier UNCHANGEDSINCE and no other");
    TRY_ASSIGN(out.unchanged_since, take_modseq(in, true));
    if (!in.take(')') || !in.space()) return syntax("A closing parenthesis is missing");
  }
  if (in.take('+')) {
    out.change = mailstore::FlagChange::add;
  } else if (in.take('-')) {
    out.change = mailstore::FlagChange::remove;
  }
  out.silent = in.word("FLAGS.SILENT");
  if ((!out.silent && !in.word("FLAGS")) || !in.space())
    return syntax("STORE knows FLAGS and FLAGS.SILENT, with + or -");
  TRY_ASSIGN(out.flags, parse_flags(in, true));
  return out;
}

base::Result<Arguments> parse_copy(Cursor& in) {
  auto set = in.space() ? take_sequence_set(in) : std::nullopt;
  if (!set) return syntax("The sequence set is malformed");
  TRY_ASSIGN(auto name, take_mailbox(in));
  return Copy{std::move(*set), std::move(name)};
}

base::Result<Arguments> parse_uids(Cursor& in) {
  auto set = in.space() ? take_sequence_set(in) : std::nullopt;
  if (!set) return syntax("The sequence set is malformed");
  return Uids{std::move(*set)};
}

base::Result<Arguments> parse_quota_root(Cursor& in) {
  auto name = in.space() ? in.astring() : std::nullopt;
  if (!name) return syntax("GETQUOTA wants the name of a quota root");
  return QuotaRoot{std::move(*name)};
}

base::Result<Arguments> parse_identifier(Cursor& in) {
  AclOf out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  auto identifier = in.space() ? in.astring() : std::nullopt;
  if (!identifier || identifier->empty()) return syntax("An identifier is missing");
  out.identifier = std::move(*identifier);
  return out;
}

base::Result<Arguments> parse_setacl(Cursor& in) {
  TRY_ASSIGN(Arguments arguments, parse_identifier(in));
  auto rights = in.space() ? in.astring() : std::nullopt;
  if (!rights) return syntax("SETACL wants rights, as lrs or +w");
  std::get<AclOf>(arguments).rights = std::move(*rights);
  return arguments;
}

// RFC 2971 §3.1: at most 30 pairs, names of at most 30 bytes, values of at most 1,024.
base::Result<Arguments> parse_id(Cursor& in) {
  Id out;
  if (!in.space()) return syntax("ID wants NIL or a list");
  if (in.word("NIL")) return out;
  if (!in.take('(')) return syntax("ID wants NIL or a list");
  if (in.take(')')) return out;
  do {
    auto name = in.string();
    auto value = name && in.space() ? in.nstring() : std::nullopt;
    if (!value) return syntax("ID wants pairs of strings");
    if (out.fields.size() == 30 || name->size() > 30 || (*value && (*value)->size() > 1024)) {
      return syntax("ID is above its limits (RFC 2971 §3.1)");
    }
    out.fields.emplace_back(std::move(*name), std::move(*value));
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

}  // namespace imap
