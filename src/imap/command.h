#pragma once
// What a client can ask, as plain values, and the parser that makes them from the text of one command (RFC 9051 §9,
// RFC 3501 §9 and the extensions named below). The parser is total: every text gives a command or an error in words.
// It does not recurse on its input; nesting and the number of search keys are bounded.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "imap/mailbox_set.h"
#include "imap/sequence.h"
#include "mailstore/types.h"
#include "mime/date.h"

namespace imap {

// --- Arguments. Names are as the client wrote them: see names.h.
// -------------------------------------------------------
struct Nothing {};
struct Login {
  std::string user;
  std::string password;
};
struct Authenticate {
  std::string mechanism;
  std::optional<std::string> initial;  // base64, or "=" (RFC 4959)
};
struct Enable {
  std::vector<std::string> extensions;
};
struct MailboxName {
  std::string name;
};

/// RFC 7162 §3.2.5: what the client knew when it left.
struct Resync {
  std::uint32_t uid_validity = 0;
  mailstore::ModSeq modseq = 0;
  std::optional<SequenceSet> known;  // UIDs
  SequenceSet sequence;              // sequence match data: the Nth number of the one has the Nth UID of the other
  SequenceSet uids;
};
/// SELECT and EXAMINE.
struct Select {
  std::string name;
  bool condstore = false;
  std::optional<Resync> resync;
};
struct QuotaRoot {
  std::string name;
};
/// RFC 4314 §3: SETACL, and without rights DELETEACL and LISTRIGHTS.
struct AclOf {
  std::string name;
  std::string identifier;
  std::string rights;  // with "+" or "-" before them, or without
};
struct Create {
  std::string name;
  std::vector<std::string> uses;  // RFC 6154 §3: "\Sent"
};
struct Rename {
  std::string from;
  std::string to;
};

enum StatusItem : std::uint16_t {
  kMessages = 1,
  kRecent = 2,
  kUidNext = 4,
  kUidValidity = 8,
  kUnseen = 16,
  kDeletedCount = 32,
  kSize = 64,
  kHighestModSeq = 128,
  kMailboxId = 256,
  kAppendLimit = 512,
  kDeletedStorage = 1024,
};
struct Status {
  std::string name;
  std::uint16_t items = 0;
};

/// RFC 9051 §6.3.9, RFC 5258; LSUB is kept apart (RFC 3501 §6.3.9).
struct List {
  enum Option : std::uint8_t {
    kSubscribed = 1,
    kRemote = 2,
    kRecursiveMatch = 4,
    kSpecialUse = 8,
    kChildren = 16,
    kMyRights = 32,  // RFC 8440
  };
  bool extended = false;
  std::uint8_t select = 0;
  std::uint8_t give = 0;
  std::uint16_t status = 0;
  std::vector<std::string> metadata;  // entries (RFC 9590)
  std::string reference;
  std::vector<std::string> patterns;
};

/// What stands before the literal of a message.
struct MessageHead {
  mailstore::Flags flags;
  std::optional<mime::DateTime> date;
};
/// What APPEND and REPLACE say between two of their literals, in its order (RFC 3502, RFC 4469 §5).
struct AppendPiece {
  struct Step {
    enum class Kind : std::uint8_t { catenate, url, finish };
    Kind kind = Kind::catenate;
    MessageHead head;  // catenate: a message begins that is put together
    std::string url;
  };
  enum class Then : std::uint8_t {
    end,      // of the command
    message,  // a literal that is a whole message, with `head`
    text,     // a literal that is a part of the one that is put together
    url,      // a literal that is a URL
  };
  std::vector<Step> steps;
  MessageHead head;
  Then then = Then::end;
  bool utf8 = false;  // message, text: it stands in "UTF8 (…)" and has to be a literal8 (RFC 6855 §4)
};
/// Up to the first literal of a message. What comes behind it: parse_append_piece().
struct Append {
  std::string name;
  AppendPiece piece;
};
/// RFC 8508; the same.
struct Replace {
  SequenceSet message;  // one number or UID
  std::string name;
  AppendPiece piece;
};

/// RFC 9394 §4: "1:500", or from the end "-1:-500". first <= last.
struct PartialRange {
  bool from_end = false;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// A section of a message: "1.2.HEADER.FIELDS (DATE FROM)".
struct Section {
  enum class Text : std::uint8_t { none, header, fields, fields_not, text, mime };
  std::vector<std::uint32_t> part;
  Text text = Text::none;
  std::vector<std::string> fields;
};
struct BodyItem {
  enum class Kind : std::uint8_t { body, binary, binary_size, rfc822, rfc822_header, rfc822_text };
  Kind kind = Kind::body;
  bool peek = false;
  Section section;
  struct Partial {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::optional<Partial> partial;
};
enum FetchItem : std::uint16_t {
  kFetchUid = 1,
  kFetchFlags = 2,
  kFetchDate = 4,
  kFetchSize = 8,
  kFetchEnvelope = 16,
  kFetchBody = 32,
  kFetchBodyStructure = 64,
  kFetchModSeq = 128,
  kFetchEmailId = 256,
  kFetchThreadId = 512,
  kFetchSaveDate = 1024,
  kFetchPreview = 2048,
  kFetchLazyPreview = 4096,
};
/// The places [begin, end), from 0, that a range means among `count` results.
std::pair<std::size_t, std::size_t> partial_bounds(const PartialRange& range, std::size_t count);
struct Fetch {
  SequenceSet set;
  std::uint16_t items = 0;
  std::vector<BodyItem> bodies;
  std::optional<mailstore::ModSeq> changed_since;
  bool vanished = false;
  std::optional<PartialRange> partial;
};

struct Store {
  SequenceSet set;
  std::optional<mailstore::ModSeq> unchanged_since;
  mailstore::FlagChange change = mailstore::FlagChange::set;
  bool silent = false;
  mailstore::Flags flags;
};
struct Copy {
  SequenceSet set;
  std::string name;
};
struct Uids {
  SequenceSet set;
};

/// One step of a search program in postfix order: a key puts its verdict on a stack, not/and/or take theirs from it.
struct SearchStep {
  enum class Op : std::uint8_t {
    all,
    flag,     // bits: has all of them
    keyword,  // text
    recent,
    smaller,
    larger,  // number
    modseq,  // number: not below it
    email_id,
    thread_id,  // number: the id, 0 for what is none (RFC 8474 §6)
    older,
    younger,   // number: seconds before now (RFC 5032)
    sequence,  // set
    uid,       // set
    before,
    on,
    since,  // day of INTERNALDATE
    sent_before,
    sent_on,
    sent_since,  // day of the Date field
    saved_before,
    saved_on,
    saved_since,  // day of the save date (RFC 8514)
    header,       // field, text
    filter,       // text: the name of one, in whose place its keys are put before the search (RFC 5466)
    body,
    text,
    op_not,
    op_or,
    op_and,  // count
  };
  Op op = Op::all;
  bool fuzzy = false;  // RFC 6203; only strings are not matched strictly
  std::uint8_t bits = 0;
  std::uint32_t count = 0;
  std::int64_t day = 0;
  std::uint64_t number = 0;
  std::string field;
  std::string text;
  SequenceSet set;
};
struct Search {
  enum Return : std::uint16_t {
    kMin = 1,
    kMax = 2,
    kAll = 4,
    kCount = 8,
    kSave = 16,
    kPartial = 32,
    kUpdate = 64,     // RFC 5267 §4.3
    kContext = 128,   // RFC 5267 §4.2: a hint
    kRelevancy = 256  // RFC 6203 §4
  };
  bool extended = false;  // RETURN (…) was given
  std::uint16_t give = 0;
  PartialRange partial;  // with kPartial
  bool modseq = false;   // a key asks for mod-sequences
  bool numbers = false;  // a key has sequence numbers
  bool fuzzy = false;    // a key is not matched strictly
  bool filters = false;  // a key names a filter, whose keys are not here yet
  std::string charset;
  std::vector<SearchStep> program;
  std::shared_ptr<const Fetch> items;  // with kUpdate: of messages that come to the results (RFC 5465 §7)

  /// RFC 5182 §2.1: who only saves is not shown what was found, nor is who only wants to hear of changes.
  bool shows_results() const { return (give & ~(kSave | kUpdate | kContext)) != 0; }
};
/// RFC 7377 §2: ESEARCH.
struct MultiSearch {
  std::vector<MailboxFilter> in;
  Search search;
};
/// RFC 5267 §4.3.5: CANCELUPDATE.
struct Tags {
  std::vector<std::string> tags;
};
/// RFC 5256, RFC 5957, RFC 6203 §6.
struct Sort {
  enum class Key : std::uint8_t { arrival, cc, date, from, size, subject, to, display_from, display_to, relevancy };
  struct Criterion {
    Key key = Key::arrival;
    bool reverse = false;
  };
  std::vector<Criterion> criteria;
  Search search;

  bool by_relevancy() const {
    return std::ranges::any_of(criteria, [](const auto& criterion) { return criterion.key == Key::relevancy; });
  }
};
struct Thread {
  bool references = false;  // or ORDEREDSUBJECT
  Search search;
};
inline constexpr std::size_t kMaxSearchSteps = 1000;
inline constexpr std::size_t kMaxSearchDepth = 100;

struct Id {
  std::vector<std::pair<std::string, std::optional<std::string>>> fields;
};

/// RFC 5464 §4.2, §4.3: GETMETADATA and SETMETADATA; without a name, of the server.
struct GetMetadata {
  enum class Depth : std::uint8_t { zero, one, infinity };
  std::string name;
  std::optional<std::uint32_t> max_size;
  Depth depth = Depth::zero;
  std::vector<std::string> entries;
};
struct SetMetadata {
  std::string name;
  std::vector<mailstore::AnnotationChange> changes;
};

/// RFC 5465 §8: NOTIFY; without groups NONE.
enum NotifyEvent : std::uint8_t {
  kMessageNew = 1,
  kMessageExpunge = 2,
  kFlagChange = 4,
  kMailboxName = 8,
  kSubscriptionChange = 16,
  kMailboxMetadataChange = 32,
  kServerMetadataChange = 64,
};
inline constexpr std::uint8_t kMessageEvents = kMessageNew | kMessageExpunge | kFlagChange;
struct EventGroup {
  MailboxFilter filter;
  std::uint8_t events = 0;
  bool annotations = false;  // AnnotationChange was asked for, which is not had
};
struct Notify {
  bool status = false;
  std::vector<EventGroup> groups;
  std::optional<Fetch> items;  // of new messages in the selected mailbox
  bool bad_event = false;      // one that is not had
};

/// RFC 4467 §9: GENURLAUTH, RESETKEY, URLFETCH.
struct GenUrlAuth {
  struct Wanted {
    std::string url;
    std::string mechanism;
  };
  std::vector<Wanted> urls;
};
struct ResetKey {
  std::optional<std::string> name;  // nothing: all mailboxes
  std::vector<std::string> mechanisms;
};
struct UrlFetch {
  std::vector<std::string> urls;
};

using Arguments = std::variant<Nothing, Login, Authenticate, Enable, MailboxName, Select, Create, Rename, Status, List,
                               Append, Replace, Fetch, Store, Copy, Uids, Search, Sort, Thread, Id, QuotaRoot, Tags,
                               MultiSearch, GenUrlAuth, ResetKey, UrlFetch, AclOf, GetMetadata, SetMetadata, Notify>;

struct Verb;  // table.h

struct Command {
  std::string tag;
  const Verb* verb = nullptr;
  Arguments arguments;
};

struct Parsed {
  std::string tag = "*";  // as far as it could be read
  base::Result<Command> command;
};
Parsed parse_command(std::string_view text);

// --- The parsers of the verbs' arguments, for the table: from behind the verb to the end
// ------------------------------
using ParseArguments = base::Result<Arguments> (*)(Cursor& in);
base::Result<Arguments> parse_nothing(Cursor& in);
base::Result<Arguments> parse_login(Cursor& in);
base::Result<Arguments> parse_authenticate(Cursor& in);
base::Result<Arguments> parse_enable(Cursor& in);
base::Result<Arguments> parse_mailbox(Cursor& in);
base::Result<Arguments> parse_select(Cursor& in);
base::Result<Arguments> parse_create(Cursor& in);
base::Result<Arguments> parse_rename(Cursor& in);
base::Result<Arguments> parse_status(Cursor& in);
base::Result<Arguments> parse_list(Cursor& in);
base::Result<Arguments> parse_lsub(Cursor& in);
base::Result<Arguments> parse_append(Cursor& in);
base::Result<Arguments> parse_replace(Cursor& in);
base::Result<Arguments> parse_fetch(Cursor& in);
base::Result<Arguments> parse_store(Cursor& in);
base::Result<Arguments> parse_copy(Cursor& in);
base::Result<Arguments> parse_uids(Cursor& in);
base::Result<Arguments> parse_search(Cursor& in);
base::Result<Arguments> parse_esearch(Cursor& in);
base::Result<Arguments> parse_cancelupdate(Cursor& in);
base::Result<Arguments> parse_sort(Cursor& in);
base::Result<Arguments> parse_thread(Cursor& in);
base::Result<Arguments> parse_id(Cursor& in);
base::Result<Arguments> parse_quota_root(Cursor& in);
base::Result<Arguments> parse_genurlauth(Cursor& in);
base::Result<Arguments> parse_resetkey(Cursor& in);
base::Result<Arguments> parse_urlfetch(Cursor& in);
base::Result<Arguments> parse_compress(Cursor& in);
base::Result<Arguments> parse_setacl(Cursor& in);
base::Result<Arguments> parse_identifier(Cursor& in);
base::Result<Arguments> parse_getmetadata(Cursor& in);
base::Result<Arguments> parse_setmetadata(Cursor& in);
base::Result<Arguments> parse_notify(Cursor& in);

// --- Shared by them
// ----------------------------------------------------------------------------------------------------
inline std::unexpected<base::Error> syntax(std::string text) {
  return base::fail(base::Code::invalid, std::move(text));
}
/// A space and a mailbox name.
base::Result<std::string> take_mailbox(Cursor& in);
/// A space and a mod-sequence-value, or with `zero` a mod-sequence-valzer (RFC 7162 §7).
base::Result<mailstore::ModSeq> take_modseq(Cursor& in, bool zero);
/// What follows a literal of an APPEND. `catenating`: which was a part of a message; `utf8`: which stood in "UTF8 (…)".
struct BehindLiteral {
  bool catenating = false;
  bool utf8 = false;
};
base::Result<AppendPiece> parse_append_piece(std::string_view text, BehindLiteral behind);
/// A section without its brackets: "1.2.HEADER".
base::Result<Section> parse_section(std::string_view text);
/// A list of data items in parentheses, of messages that nobody has asked to see: none of them marks one as seen.
base::Result<void> take_fetch_items(Cursor& in, Fetch& out);
/// Behind RETURN: " (…) ".
base::Result<void> take_search_returns(Cursor& in, Search& out);
/// The keys of a search to the end.
base::Result<void> take_search_keys(Cursor& in, Search& out);
/// What the program's keys are, anew.
void note_keys(Search& out);
/// A space and a partial-range.
base::Result<PartialRange> take_partial_range(Cursor& in);
/// "(MESSAGES UNSEEN)"
base::Result<std::uint16_t> parse_status_items(Cursor& in);
/// entries of METADATA, as one may ask for them: one, or a list in parentheses.
base::Result<std::vector<std::string>> take_entries(Cursor& in);
/// flag-list, or without parentheses where `bare` allows it. "\Recent" is left out: it cannot be set.
base::Result<mailstore::Flags> parse_flags(Cursor& in, bool bare);

}  // namespace imap
