#pragma once
// Everything that the server says in words: tagged and untagged status responses with their codes (RFC 9051 §7.1,
// RFC 5530), and how an error of the rooms below becomes one. A Reply is what follows the tag.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace imap {

struct Reply {
  enum class Kind { ok, no, bad };
  Kind kind = Kind::ok;
  std::string text;  // with its response code
};

inline Reply ok(std::string text) { return {Reply::Kind::ok, std::move(text)}; }
inline Reply no(std::string_view text) { return {Reply::Kind::no, std::string(text)}; }
inline Reply bad(std::string_view text) { return {Reply::Kind::bad, std::string(text)}; }

/// "FETCH completed"
Reply completed(std::string_view verb);
/// "[CODE …] FETCH completed"
Reply completed(std::string_view verb, const std::string& code);
/// An error that a room below gave, with the code of RFC 5530 that says the same.
Reply refused(const base::Error& error);
/// As refused(), but a mailbox that is missing is one that the client may create (RFC 9051 §6.3.12).
Reply refused_target(const base::Error& error);

/// "TAG OK text\r\n"
void append_reply(std::string& out, std::string_view tag, const Reply& reply);
void append_line(std::string& out, std::string_view line);
/// "* OK [UIDNEXT 7] text\r\n"
void append_code(std::string& out, std::string_view code, std::uint64_t number, std::string_view text);

namespace says {
// Whole lines, without their ends.
inline constexpr std::string_view kGoAhead = "+ go ahead";
inline constexpr std::string_view kIdling = "+ idling";
inline constexpr std::string_view kClosed = "* OK [CLOSED] The mailbox that was selected is closed";
inline constexpr std::string_view kUrlMech = "* OK [URLMECH INTERNAL] URLs of its messages can be authorised";
inline constexpr std::string_view kOverflow = "* OK [NOTIFICATIONOVERFLOW] More has changed than can be told";
inline constexpr std::string_view kByeLogout = "* BYE Until next time";
inline constexpr std::string_view kByeStopping = "* BYE The server is stopping, please come back in a moment";
inline constexpr std::string_view kByeEnded = "* BYE The administrator has ended this session";
inline constexpr std::string_view kByeTimeout = "* BYE Nothing was heard for too long";
inline constexpr std::string_view kByeErrors = "* BYE There were too many bad commands";
inline constexpr std::string_view kByeLogins = "* BYE There were too many failed logins";
inline constexpr std::string_view kByeConnections = "* BYE Too many connections, come back later";
inline constexpr std::string_view kByeOften = "* BYE Too many connections from you within a minute, come back later";
inline constexpr std::string_view kByeErrorsFrom = "* BYE Too many errors from you within a minute, come back later";
inline constexpr std::string_view kByeBanned = "* BYE Your address is banned for now, come back later";
inline constexpr std::string_view kByeBannedForGood = "* BYE No connections are taken from your address";
inline constexpr std::string_view kByeTooLong = "* BYE The command is too large to be skipped";
inline constexpr std::string_view kByeDenied = "* BYE [AUTHORIZATIONFAILED] The account or its password has changed";
inline constexpr std::string_view kByeMailboxGone = "* BYE The selected mailbox was deleted or replaced";
inline constexpr std::string_view kByeNoRights = "* BYE You may no longer read the selected mailbox";
inline constexpr std::string_view kByeUnavailable = "* BYE [UNAVAILABLE] The mail store cannot answer now";

// Texts of replies.
inline constexpr std::string_view kStillSearching = "Still searching";
inline constexpr std::string_view kStillCopying = "Still copying";
inline constexpr std::string_view kStillMoving = "Still moving";
inline constexpr std::string_view kStillStoring = "Still changing flags";
inline constexpr std::string_view kHighestModSeq = "Changes are told up to here";
inline constexpr std::string_view kModified = "Some of the messages were changed meanwhile";
inline constexpr std::string_view kModifiedExpunged = "Some of the messages were changed meanwhile, others expunged";
inline constexpr std::string_view kManyResults = "[LIMIT] At most 250000 messages are sorted at once";
inline constexpr std::string_view kUidsAlone = "There are no sequence numbers any more";
inline constexpr std::string_view kUidRequired = "[UIDREQUIRED] Messages are named by their UIDs alone";
inline constexpr std::string_view kLimited = "There are more messages, with lower UIDs";
inline constexpr std::string_view kOverLimit = "These are more messages than one command may work on";
inline constexpr std::string_view kTagReuse = "The results of an earlier command with this tag are followed still";
inline constexpr std::string_view kNoSuchContext = "There are no results that are followed under this tag";
inline constexpr std::string_view kManyContexts = "Too many results are followed already";
inline constexpr std::string_view kRelevancyWantsFuzzy = "RELEVANCY wants a FUZZY key";
inline constexpr std::string_view kManyKeys = "[LIMIT] With its filters the search has more than 1000 keys";
inline constexpr std::string_view kNotFollowed = "What these keys find may change without any message changing";
inline constexpr std::string_view kNotSearched = "Only the selected mailbox is followed, which was not searched";
inline constexpr std::string_view kNothingSelected = "There is no selected mailbox to search";
inline constexpr std::string_view kRelevancyMoves = "An order by relevancy is not followed";
inline constexpr std::string_view kNoQuotaRoot = "[NONEXISTENT] The only quota root is \"\"";
inline constexpr std::string_view kNoQresync = "This needs ENABLE QRESYNC first";
inline constexpr std::string_view kPartialAlone = "PARTIAL is for UID FETCH";
inline constexpr std::string_view kVanishedAlone = "VANISHED is for UID FETCH, together with CHANGEDSINCE";
inline constexpr std::string_view kTooLong = "The command is too long";
inline constexpr std::string_view kNotNow = "This command is not possible in this state";
inline constexpr std::string_view kPrivacyRequired = "[PRIVACYREQUIRED] Encrypt the connection first (STARTTLS)";
inline constexpr std::string_view kLoginFailed = "[AUTHENTICATIONFAILED] The name or the password is wrong";
inline constexpr std::string_view kLoginBusy = "[UNAVAILABLE] Too many logins are being checked, try again";
inline constexpr std::string_view kLoginOften = "[LIMIT] Too many logins of this account within a minute, try again";
inline constexpr std::string_view kLoginOther = "[AUTHORIZATIONFAILED] Acting for another account is not possible";
inline constexpr std::string_view kNoMechanism = "[CANNOT] This mechanism is not offered";
inline constexpr std::string_view kServerFirst = "This mechanism begins with a challenge and takes no initial response";
inline constexpr std::string_view kCancelled = "Authentication was cancelled";
inline constexpr std::string_view kNotBase64 = "The response is not base64";
inline constexpr std::string_view kTlsAlready = "TLS is active already";
inline constexpr std::string_view kCompressedAlready = "DEFLATE is active already";
inline constexpr std::string_view kCompressTooEarly = "Nothing may follow COMPRESS before its answer";
inline constexpr std::string_view kTlsUnavailable = "[UNAVAILABLE] There is no certificate";
inline constexpr std::string_view kTlsBegin = "Begin TLS negotiation now";
inline constexpr std::string_view kReadOnly = "[READ-ONLY] The mailbox was opened read-only";
inline constexpr std::string_view kNotSelectable = "[NONEXISTENT] This name holds other mailboxes and no messages";
inline constexpr std::string_view kExpunged = "[EXPUNGEISSUED] Some of the messages have been expunged";
inline constexpr std::string_view kCorrupt = "[CORRUPTION] Some of the messages cannot be read";
inline constexpr std::string_view kUnknownCte = "[UNKNOWN-CTE] A part has an unknown transfer encoding";
inline constexpr std::string_view kNotLeaf = "[CANNOT] BINARY is for parts that hold no other parts";
inline constexpr std::string_view kBadSequence = "A sequence number is greater than the number of messages";
inline constexpr std::string_view kNothingCopied = "There is no such message, so nothing was copied";
inline constexpr std::string_view kBadUrl = "This URL names nothing that could be taken";
inline constexpr std::string_view kLongUrl = "The URL is longer than 8192 bytes";
inline constexpr std::string_view kManyParts = "[LIMIT] At most 1000 parts are put together";
inline constexpr std::string_view kNoUrlMechanism = "[CANNOT] The only mechanism is INTERNAL";
inline constexpr std::string_view kUrlWithoutOwner = "The URL does not say whose mailbox it is";
inline constexpr std::string_view kUrlNotYours = "The URL is of somebody else's mailbox";
inline constexpr std::string_view kUrlWithoutAccess = "The URL does not say for whom it is to be (;URLAUTH=)";
inline constexpr std::string_view kUrlAuthorised = "The URL is authorised already";
inline constexpr std::string_view kUrlNoAddress = "The URL is for a user whose name is no mail address";
inline constexpr std::string_view kUrlNoMailbox = "The URL names no mailbox that is there";
inline constexpr std::string_view kNoLiteral = "The message has to be a literal";
inline constexpr std::string_view kNoLiteral8 = "UTF8 wants a literal8 in parentheses";
inline constexpr std::string_view kNoUtf8 = "[CANNOT] Header fields that are not ASCII need ENABLE UTF8=ACCEPT first";
inline constexpr std::string_view kCharsetTwice = "After ENABLE UTF8=ACCEPT the charset is UTF-8 and is not named";
inline constexpr std::string_view kNoMessage = "A message is missing, which has to be a literal";
inline constexpr std::string_view kOneMessage = "REPLACE takes one message";
inline constexpr std::string_view kBehindMessage = "Something stands behind the message";
inline constexpr std::string_view kManyMessages = "[LIMIT] APPEND takes at most 1000 messages";
inline constexpr std::string_view kBinaryNul = "[UNKNOWN-CTE] Messages with NUL bytes are not kept here";
inline constexpr std::string_view kNul = "[CANNOT] A message may not contain NUL bytes";
inline constexpr std::string_view kEmptyMessage = "[CANNOT] A message may not be empty";
inline constexpr std::string_view kMessageTooBig = "[TOOBIG] The message is larger than this server takes";
inline constexpr std::string_view kBadCharset = "[BADCHARSET (UTF-8 US-ASCII)] This charset is not known";
inline constexpr std::string_view kUnknownUse = "[USEATTR] This special use is not offered";
inline constexpr std::string_view kInboxExists = "[ALREADYEXISTS] INBOX exists always";
inline constexpr std::string_view kNoRights = "[NOPERM] You do not have the rights for that to the selected mailbox";
inline constexpr std::string_view kNoSuchRight = "Rights are letters out of lrswipkxtea, or c and d";
inline constexpr std::string_view kOwnersRights = "[CANNOT] The owner of a mailbox has all rights to it";
inline constexpr std::string_view kAcrossAccounts = "[CANNOT] A mailbox keeps its owner";
inline constexpr std::string_view kNoEntryRights = "[NOPERM] You do not have the rights for entries of this mailbox";
inline constexpr std::string_view kSharedIsOperators = "[NOPERM] Shared entries of the server are the operator's";
inline constexpr std::string_view kFilterName = "[CANNOT] The name of a filter is an atom without /";
inline constexpr std::string_view kEntryTooLong = "[METADATA MAXSIZE 16384] The value of an entry is too long";
inline constexpr std::string_view kSpecialUseAlone = "[CANNOT] /private/specialuse is set by a command of its own";
inline constexpr std::string_view kSpecialUseOwners = "[NOPERM] The special use of a mailbox is its owner's";
inline constexpr std::string_view kBadEvent =
    "[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "
    "ServerMetadataChange)] These are the events that there are";
inline constexpr std::string_view kNotifyTooMuch = "[NOTIFICATIONOVERFLOW] These are mailboxes of more than 100 people";
inline constexpr std::string_view kInboxStays = "[CANNOT] INBOX cannot be deleted";
inline constexpr std::string_view kHasChildren =
    "[HASCHILDREN] The name has no messages, only other mailboxes below it";
inline constexpr std::string_view kIdleEnd = "DONE was expected";
inline constexpr std::string_view kBug = "* BYE [SERVERBUG] The server made a mistake; it has been noted";
}  // namespace says

}  // namespace imap
