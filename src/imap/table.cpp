#include "imap/table.h"

#include "base/text.h"

namespace imap {

namespace {

constexpr std::uint8_t kAny = kNotAuthenticated | kAuthenticated | kSelected;
constexpr std::uint8_t kAuth = kAuthenticated | kSelected;
constexpr std::uint8_t kOnMessages = Verb::kOnMessages;
constexpr std::uint8_t kNumbers = Verb::kNumbers | Verb::kOnMessages;
constexpr std::uint8_t kUid = Verb::kUid | Verb::kOnMessages;
constexpr std::uint8_t kNoExpunge = Verb::kNoExpunge;
constexpr std::uint8_t kReadWrite = Verb::kReadWrite;
constexpr std::uint8_t kQuiet = Verb::kQuiet;

constexpr Verb kVerbs[] = {
    {"CAPABILITY", kAny, 0, parse_nothing, do_capability, "RFC 9051 §6.1.1"},
    {"NOOP", kAny, 0, parse_nothing, do_noop, "RFC 9051 §6.1.2"},
    {"LOGOUT", kAny, kQuiet, parse_nothing, do_logout, "RFC 9051 §6.1.3"},
    {"ID", kAny, 0, parse_id, do_id, "RFC 2971 §3.1"},
    {"STARTTLS", kNotAuthenticated, kQuiet, parse_nothing, do_starttls, "RFC 9051 §6.2.1"},
    {"AUTHENTICATE", kNotAuthenticated, kQuiet, parse_authenticate, do_authenticate, "RFC 9051 §6.2.2"},
    {"LOGIN", kNotAuthenticated, kQuiet, parse_login, do_login, "RFC 9051 §6.2.3"},
    {"ENABLE", kAuth, 0, parse_enable, do_enable, "RFC 9051 §6.3.1"},
    {"SELECT", kAuth, kQuiet, parse_select, do_select, "RFC 9051 §6.3.2"},
    {"EXAMINE", kAuth, kQuiet, parse_select, do_examine, "RFC 9051 §6.3.3"},
    {"CREATE", kAuth, 0, parse_create, do_create, "RFC 9051 §6.3.4"},
    {"DELETE", kAuth, 0, parse_mailbox, do_delete, "RFC 9051 §6.3.5"},
    {"RENAME", kAuth, 0, parse_rename, do_rename, "RFC 9051 §6.3.6"},
    {"SUBSCRIBE", kAuth, 0, parse_mailbox, do_subscribe, "RFC 9051 §6.3.7"},
    {"UNSUBSCRIBE", kAuth, 0, parse_mailbox, do_unsubscribe, "RFC 9051 §6.3.8"},
    {"LIST", kAuth, 0, parse_list, do_list, "RFC 9051 §6.3.9"},
    {"LSUB", kAuth, 0, parse_lsub, do_lsub, "RFC 3501 §6.3.9"},
    {"NAMESPACE", kAuth, 0, parse_nothing, do_namespace, "RFC 9051 §6.3.10"},
    {"STATUS", kAuth, 0, parse_status, do_status, "RFC 9051 §6.3.11"},
    {"APPEND", kAuth, 0, parse_append, do_append, "RFC 9051 §6.3.12"},
    {"IDLE", kAuth, 0, parse_nothing, do_idle, "RFC 9051 §6.3.13"},
    {"GETQUOTA", kAuth, 0, parse_quota_root, do_getquota, "RFC 9208 §4.1.1"},
    {"GETQUOTAROOT", kAuth, 0, parse_mailbox, do_getquotaroot, "RFC 9208 §4.1.2"},
    {"SETACL", kAuth, 0, parse_setacl, do_setacl, "RFC 4314 §3.1"},
    {"DELETEACL", kAuth, 0, parse_identifier, do_deleteacl, "RFC 4314 §3.2"},
    {"GETACL", kAuth, 0, parse_mailbox, do_getacl, "RFC 4314 §3.3"},
    {"LISTRIGHTS", kAuth, 0, parse_identifier, do_listrights, "RFC 4314 §3.4"},
    {"MYRIGHTS", kAuth, 0, parse_mailbox, do_myrights, "RFC 4314 §3.5"},
    {"GETMETADATA", kAuth, 0, parse_getmetadata, do_getmetadata, "RFC 5464 §4.2"},
    {"SETMETADATA", kAuth, 0, parse_setmetadata, do_setmetadata, "RFC 5464 §4.3"},
    {"NOTIFY", kAuth, kQuiet, parse_notify, do_notify, "RFC 5465 §3.1"},
    {"GENURLAUTH", kAuth, 0, parse_genurlauth, do_genurlauth, "RFC 4467 §7"},
    {"RESETKEY", kAuth, 0, parse_resetkey, do_resetkey, "RFC 4467 §7"},
    {"URLFETCH", kAuth, 0, parse_urlfetch, do_urlfetch, "RFC 4467 §7"},
    {"ESEARCH", kAuth, kOnMessages, parse_esearch, do_esearch, "RFC 7377 §2"},
    {"COMPRESS", kAuth, kQuiet, parse_compress, do_compress, "RFC 4978 §3"},
    {"UNAUTHENTICATE", kAuth, kQuiet, parse_nothing, do_unauthenticate, "RFC 8437 §3"},
    {"CHECK", kSelected, 0, parse_nothing, do_noop, "RFC 3501 §6.4.1"},
    {"CLOSE", kSelected, kQuiet, parse_nothing, do_close, "RFC 9051 §6.4.1"},
    {"UNSELECT", kSelected, kQuiet, parse_nothing, do_unselect, "RFC 9051 §6.4.2"},
    {"EXPUNGE", kSelected, kReadWrite, parse_nothing, do_expunge, "RFC 9051 §6.4.3"},
    {"SEARCH", kSelected, kNumbers | kNoExpunge, parse_search, do_search, "RFC 9051 §6.4.4"},
    {"SORT", kSelected, kNumbers | kNoExpunge, parse_sort, do_sort, "RFC 5256"},
    {"THREAD", kSelected, kNumbers | kNoExpunge, parse_thread, do_thread, "RFC 5256"},
    {"CANCELUPDATE", kSelected, 0, parse_cancelupdate, do_cancelupdate, "RFC 5267 §4.3.5"},
    {"FETCH", kSelected, kNumbers | kNoExpunge, parse_fetch, do_fetch, "RFC 9051 §6.4.5"},
    {"STORE", kSelected, kNumbers | kNoExpunge | kReadWrite, parse_store, do_store, "RFC 9051 §6.4.6"},
    {"COPY", kSelected, kNumbers, parse_copy, do_copy, "RFC 9051 §6.4.7"},
    {"MOVE", kSelected, kNumbers | kReadWrite, parse_copy, do_move, "RFC 9051 §6.4.8"},
    {"REPLACE", kSelected, kNumbers | kReadWrite, parse_replace, do_replace, "RFC 8508 §3.2"},
    {"UID REPLACE", kSelected, kUid | kReadWrite, parse_replace, do_replace, "RFC 8508 §3.3"},
    {"UID COPY", kSelected, kUid, parse_copy, do_copy, "RFC 9051 §6.4.9"},
    {"UID MOVE", kSelected, kUid | kReadWrite, parse_copy, do_move, "RFC 9051 §6.4.9"},
    {"UID FETCH", kSelected, kUid, parse_fetch, do_fetch, "RFC 9051 §6.4.9"},
    {"UID SEARCH", kSelected, kUid, parse_search, do_search, "RFC 9051 §6.4.9"},
    {"UID SORT", kSelected, kUid, parse_sort, do_sort, "RFC 5256"},
    {"UID THREAD", kSelected, kUid, parse_thread, do_thread, "RFC 5256"},
    {"UID STORE", kSelected, kUid | kReadWrite, parse_store, do_store, "RFC 9051 §6.4.9"},
    {"UID EXPUNGE", kSelected, kUid | kReadWrite, parse_uids, do_expunge, "RFC 9051 §6.4.9"},
};

using Shown = Extension::Shown;
constexpr Extension kExtensions[] = {
    {"IMAP4rev1", "RFC 3501", Shown::always},
    {"IMAP4rev2", "RFC 9051", Shown::always},
    {"STARTTLS", "RFC 9051 §6.2.1", Shown::before_tls},
    {"LOGINDISABLED", "RFC 9051 §6.2.3", Shown::no_plaintext},
    {"SASL-IR", "RFC 4959", Shown::no_login},
    {"LITERAL+", "RFC 7888", Shown::always},
    {"ENABLE", "RFC 5161", Shown::always},
    {"ID", "RFC 2971", Shown::always},
    {"IDLE", "RFC 2177", Shown::always},
    {"NAMESPACE", "RFC 2342", Shown::always},
    {"UNSELECT", "RFC 3691", Shown::always},
    {"CHILDREN", "RFC 3348", Shown::always},
    {"UIDPLUS", "RFC 4315", Shown::always},
    {"MOVE", "RFC 6851", Shown::always},
    {"ESEARCH", "RFC 4731", Shown::always},
    {"SEARCHRES", "RFC 5182", Shown::always},
    {"LIST-EXTENDED", "RFC 5258", Shown::always},
    {"LIST-STATUS", "RFC 5819", Shown::always},
    {"STATUS=SIZE", "RFC 8438", Shown::always},
    {"SPECIAL-USE", "RFC 6154", Shown::always},
    {"CREATE-SPECIAL-USE", "RFC 6154", Shown::always},
    {"CONDSTORE", "RFC 7162", Shown::always},
    {"QRESYNC", "RFC 7162", Shown::always},
    {"MULTIAPPEND", "RFC 3502", Shown::always},
    {"CATENATE", "RFC 4469", Shown::always},
    {"URLAUTH", "RFC 4467", Shown::always},
    {"BINARY", "RFC 3516", Shown::always},
    {"REPLACE", "RFC 8508", Shown::always},
    {"UTF8=ACCEPT", "RFC 6855", Shown::always},
    {"PARTIAL", "RFC 9394", Shown::always},
    {"MULTISEARCH", "RFC 7377", Shown::always},
    {"SORT", "RFC 5256", Shown::always},
    {"SORT=DISPLAY", "RFC 5957", Shown::always},
    {"THREAD=ORDEREDSUBJECT", "RFC 5256", Shown::always},
    {"THREAD=REFERENCES", "RFC 5256", Shown::always},
    {"ESORT", "RFC 5267", Shown::always},
    {"CONTEXT=SEARCH", "RFC 5267", Shown::always},
    {"CONTEXT=SORT", "RFC 5267", Shown::always},
    {"SEARCH=FUZZY", "RFC 6203", Shown::always},
    {"I18NLEVEL=1", "RFC 5255 §4.3", Shown::always},
    {"OBJECTID", "RFC 8474", Shown::always},
    {"SAVEDATE", "RFC 8514", Shown::always},
    {"PREVIEW", "RFC 8970", Shown::always},
    {"WITHIN", "RFC 5032", Shown::always},
    {"QUOTA", "RFC 9208", Shown::always},
    {"QUOTA=RES-STORAGE", "RFC 9208", Shown::always},
    {"QUOTA=RES-MESSAGE", "RFC 9208", Shown::always},
    {"QUOTA=RES-MAILBOX", "RFC 9208", Shown::always},
    {"APPENDLIMIT", "RFC 7889", Shown::with_limit},
    {"INPROGRESS", "RFC 9585", Shown::always},
    {"ACL", "RFC 4314", Shown::always},
    {"RIGHTS=kxte", "RFC 4314 §5.1.1", Shown::always},
    {"LIST-MYRIGHTS", "RFC 8440", Shown::always},
    {"METADATA", "RFC 5464", Shown::always},
    {"LIST-METADATA", "RFC 9590", Shown::always},
    {"FILTERS", "RFC 5466", Shown::always},
    {"NOTIFY", "RFC 5465", Shown::always},
    {"UIDONLY", "RFC 9586", Shown::always},
    {"MESSAGELIMIT", "RFC 9738", Shown::with_messages},
    {"UNAUTHENTICATE", "RFC 8437", Shown::login},
    {"COMPRESS=DEFLATE", "RFC 4978", Shown::login},
};

bool shown(const Extension& extension, const Situation& situation) {
  switch (extension.shown) {
    case Shown::always:
      return true;
    case Shown::before_tls:
      return situation.can_start_tls && !situation.authenticated;
    case Shown::no_plaintext:
      return !situation.may_login && !situation.authenticated;
    case Shown::no_login:
      return !situation.authenticated;
    case Shown::login:
      return situation.authenticated;
    case Shown::with_limit:
      return true;
    case Shown::with_messages:
      return situation.message_limit != 0;
  }
  return false;
}

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }
std::span<const Extension> extensions() { return kExtensions; }

const Verb* find_verb(Cursor& in) {
  for (const Verb& verb : kVerbs) {
    if (in.word(verb.name)) return &verb;
  }
  return nullptr;
}

std::string capabilities(const Situation& situation) {
  std::string out;
  for (const Extension& extension : kExtensions) {
    if (!shown(extension, situation)) continue;
    out += ' ';
    out += extension.word;
    if (extension.shown == Shown::with_limit) out += "=" + std::to_string(situation.append_limit);
    if (extension.shown == Shown::with_messages) out += "=" + std::to_string(situation.message_limit);
  }
  // RFC 9051 §11.7: mechanisms that send a password in the clear are not announced where it would be seen.
  for (const auto name : situation.mechanisms) {
    out += " AUTH=";
    out += name;
  }
  return out;
}

}  // namespace imap
