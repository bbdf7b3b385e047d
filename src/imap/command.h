#pragma once
// What a client can ask, as plain values, and the parser that makes them from the text of one command (RFC 9051 §9,
// RFC 3501 §9 and the extensions named below). The parser is total: every text gives a command or an error in words.
// It does not recurse on its input; nesting and the number of search keys are bounded.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
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
};
struct Status {
  std::string name;
  std::uint16_t items = 0;
};

/// RFC 9051 §6.3.9, RFC 5258; LSUB is kept apart (RFC 3501 §6.3.9).
struct List {
  enum Option : std::uint8_t { kSubscribed = 1, kRemote = 2, kRecursiveMatch = 4, kSpecialUse = 8, kChildren = 16 };
  bool extended = false;
  std::uint8_t select = 0;
  std::uint8_t give = 0;
  std::uint16_t status = 0;
  std::string reference;
  std::vector<std::string> patterns;
};

/// Up to the message literal.
struct Append {
  std::string name;
  mailstore::Flags flags;
  std::optional<mime::DateTime> date;
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
};
struct Fetch {
  SequenceSet set;
  std::uint16_t items = 0;
  std::vector<BodyItem> bodies;
};

struct Store {
  SequenceSet set;
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
    larger,    // number
    sequence,  // set
    uid,       // set
    before,
    on,
    since,  // day of INTERNALDATE
    sent_before,
    sent_on,
    sent_since,  // day of the Date field
    header,      // field, text
    body,
    text,
    op_not,
    op_or,
    op_and,  // count
  };
  Op op = Op::all;
  std::uint8_t bits = 0;
  std::uint32_t count = 0;
  std::int64_t day = 0;
  std::uint64_t number = 0;
  std::string field;
  std::string text;
  SequenceSet set;
};
struct Search {
  enum Return : std::uint8_t { kMin = 1, kMax = 2, kAll = 4, kCount = 8, kSave = 16 };
  bool extended = false;  // RETURN (…) was given
  std::uint8_t give = 0;
  std::string charset;
  std::vector<SearchStep> program;
};
inline constexpr std::size_t kMaxSearchSteps = 1000;
inline constexpr std::size_t kMaxSearchDepth = 100;

struct Id {
  std::vector<std::pair<std::string, std::optional<std::string>>> fields;
};

using Arguments = std::variant<Nothing, Login, Authenticate, Enable, MailboxName, Create, Rename, Status, List, Append,
                               Fetch, Store, Copy, Uids, Search, Id>;

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
base::Result<Arguments> parse_create(Cursor& in);
base::Result<Arguments> parse_rename(Cursor& in);
base::Result<Arguments> parse_status(Cursor& in);
base::Result<Arguments> parse_list(Cursor& in);
base::Result<Arguments> parse_lsub(Cursor& in);
base::Result<Arguments> parse_append(Cursor& in);
base::Result<Arguments> parse_fetch(Cursor& in);
base::Result<Arguments> parse_store(Cursor& in);
base::Result<Arguments> parse_copy(Cursor& in);
base::Result<Arguments> parse_uids(Cursor& in);
base::Result<Arguments> parse_search(Cursor& in);
base::Result<Arguments> parse_id(Cursor& in);

// --- Shared by them
// ----------------------------------------------------------------------------------------------------
inline std::unexpected<base::Error> syntax(std::string text) {
  return base::fail(base::Code::invalid, std::move(text));
}
/// "(MESSAGES UNSEEN)"
base::Result<std::uint16_t> parse_status_items(Cursor& in);
/// flag-list, or without parentheses where `bare` allows it. "\Recent" is left out: it cannot be set.
base::Result<mailstore::Flags> parse_flags(Cursor& in, bool bare);

}  // namespace imap
