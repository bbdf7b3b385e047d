#pragma once
// Private to the room. Entries of mailboxes and of the server (RFC 5464). Those of the server are the user's own
// private ones, and shared ones that the operator gives. On the session's loop.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imap/command.h"
#include "imap/places.h"

namespace imap {

/// The right l and one of r, s, w, i and p (RFC 5464 §3.3).
bool may_annotate(mailstore::Rights rights);

/// All entries of a mailbox that the session may see.
net::Task<base::Result<std::vector<mailstore::Annotation>>> entries_of(Session& session, const Found& found);
net::Task<base::Result<std::vector<mailstore::Annotation>>> server_entries(Session& session);

/// "* METADATA name (…)" with what `wanted` asks for; what is asked for by its name and is not there is NIL. Returns
/// the size of the largest value that was left out because it is larger than `wanted.max_size`; 0: none was.
std::uint64_t append_metadata(std::string& out, std::string_view name, bool utf8, const GetMetadata& wanted,
                              const std::vector<mailstore::Annotation>& entries);

/// RFC 5466 §3.1: puts the keys of filters in the place of FILTER. Nothing: it is done.
net::Task<std::optional<Reply>> put_filters_in(Session& session, Search& request);
/// The name of a filter whose keys the entry holds; empty: it is no such entry.
std::string_view filter_of(std::string_view entry);
/// invalid: why it is no "search-criteria".
base::Result<Search> parse_filter(std::string_view keys);

}  // namespace imap
