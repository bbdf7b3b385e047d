#include "directory/changes.h"

#include <algorithm>

#include "base/text.h"
#include "directory/normalize.h"

namespace directory {

using base::Code;

namespace {

constexpr std::size_t kMaxNameBytes = 200;

}  // namespace

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

base::Result<void> check_name(std::string_view name, const char* what) {
  const bool control =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!control && name.size() <= kMaxNameBytes && base::valid_utf8(name)) return {};
  return base::fail(Code::invalid,
                    std::string(what) + " must be UTF-8 text without control characters, at most 200 bytes");
}

base::Result<void> check_protocols(const std::vector<std::string>& protocols) {
  for (const std::string& protocol : protocols) {
    if (std::ranges::find(kProtocols, protocol) == std::end(kProtocols)) {
      return base::fail(Code::invalid,
                        "a credential is for smtp or imap, not for \"" + base::printable(protocol, 40) + "\"");
    }
  }
  return {};
}

base::Result<std::string> normalize_pattern(std::string_view pattern) {
  if (!pattern.starts_with('@')) return normalize_address(pattern);
  TRY_ASSIGN(const std::string domain, normalize_domain(pattern.substr(1)));
  return "@" + domain;
}

void put_in(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& each : more) {
    if (std::ranges::find(list, each) == list.end()) list.push_back(each);
  }
}

base::Result<void> take_out(std::vector<std::string>& list, const std::vector<std::string>& less) {
  for (const std::string& each : less) {
    if (std::erase(list, each) == 0) return base::fail(Code::not_found, each + " is not in the list");
  }
  return {};
}

base::Result<schema::DirectoryDomain> require_domain(const store::Reader& reader, const std::string& domain) {
  TRY_ASSIGN(auto record, find_domain(reader, domain));
  if (!record) return base::fail(Code::not_found, domain + " is no domain of this server: add it first");
  if (!record->alias_of().empty()) {
    return base::fail(Code::invalid, domain + " is an alias of " + record->alias_of() +
                                         " and has no addresses of its own: use " + record->alias_of());
  }
  return *std::move(record);
}

base::Result<void> require_free(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY(require_domain(reader, address.domain));
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (!record) return {};
  const std::string is = alias_of(*record) ? std::string(" is an alias already") : " exists already";
  return base::fail(Code::exists, mime::format(address) + (record->has_group() ? " is a group already" : is));
}

base::Result<base::AccountId> require_account(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (record && alias_of(*record)) {
    const char* is = record->has_group() ? " is a group" : " is an alias";
    return base::fail(Code::not_found, mime::format(address) + is + ", not an account");
  }
  if (!record) return base::fail(Code::not_found, "there is no account " + mime::format(address));
  return base::AccountId{record->account()};
}

base::Result<void> leave_groups(store::Txn& txn, const mime::AddrSpec& member) {
  std::vector<std::string> groups;
  auto cursor = txn.scan(kMemberOf, member.domain, member.local);
  for (; cursor.valid(); cursor.next()) groups.push_back(std::get<2>(cursor.key()));
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  const std::string name = mime::format(member);
  for (const std::string& group : groups) {
    txn.erase(kMemberOf, std::tuple(member.domain, member.local, group));
    TRY_ASSIGN(const mime::AddrSpec parts, split_address(group));
    TRY_ASSIGN(auto record, find_address(txn, parts));
    if (!record || !record->has_group()) continue;  // `store check` tells
    auto* targets = record->mutable_group()->mutable_targets();
    targets->erase(std::remove(targets->begin(), targets->end(), name), targets->end());
    txn.put(kAddresses, std::tuple(parts.domain, parts.local), *record);
  }
  return {};
}

}  // namespace directory
