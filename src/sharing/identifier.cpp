#include "sharing/identifier.h"

#include "base/text.h"

namespace sharing {

namespace {

using mailstore::AclEntry;
using mailstore::Grantee;

constexpr std::string_view kAnyone = "anyone";

std::string domain_of(std::string_view address) { return std::string(address.substr(address.rfind('@') + 1)); }

/// Nothing: there is nobody of that name.
net::Task<base::Result<std::optional<Identifier>>> find_somebody(directory::Directory& directory, std::string domain,
                                                                 std::string address) {
  auto account = co_await directory.account(address);
  if (!account) co_return std::unexpected(std::move(account).error());
  if (*account) {
    co_return Identifier{.grantee = {.kind = Grantee::Kind::account, .account = (*account)->id},
                         .other_domain = domain_of((*account)->address) != domain};
  }
  auto group = co_await directory.alias(std::move(address), directory::AliasKind::group);
  if (group) {
    co_return Identifier{.grantee = {.kind = Grantee::Kind::group, .name = group->address},
                         .other_domain = domain_of(group->address) != domain};
  }
  if (group.error().code == base::Code::not_found) co_return std::optional<Identifier>();
  co_return std::unexpected(std::move(group).error());
}

/// "": gone.
net::Task<base::Result<std::string>> name_of(directory::Directory& directory, Grantee grantee) {
  if (grantee.kind == Grantee::Kind::everybody) co_return std::string(kAnyone);
  if (grantee.kind == Grantee::Kind::account) {
    auto account = co_await directory.account(grantee.account);
    if (!account) co_return std::unexpected(std::move(account).error());
    co_return *account ? std::move((*account)->address) : std::string();
  }
  const auto group = co_await directory.alias(grantee.name, directory::AliasKind::group);
  if (group) co_return std::move(grantee.name);
  if (group.error().code == base::Code::not_found) co_return std::string();
  co_return std::unexpected(group.error());
}

}  // namespace

base::Error no_such_identifier(std::string_view text) {
  return {base::Code::not_found, "there is no account and no group " + base::printable(text, 100)};
}

net::Task<base::Result<Identifier>> find_identifier(directory::Directory& directory, std::string owner,
                                                    std::string text) {
  const bool withheld = text.starts_with('-');
  if (withheld) text.erase(0, 1);
  if (base::iequals(text, kAnyone)) {
    co_return Identifier{.grantee = {.kind = Grantee::Kind::everybody, .name = domain_of(owner)}, .withheld = withheld};
  }
  const base::Error nobody = no_such_identifier(text);
  auto found = co_await find_somebody(directory, domain_of(owner), std::move(text));
  if (!found) co_return std::unexpected(std::move(found).error());
  if (!*found) co_return std::unexpected(nobody);
  (*found)->withheld = withheld;
  co_return std::move(**found);
}

net::Task<base::Result<std::vector<NamedRights>>> name_rights(directory::Directory& directory, mailstore::Acl acl) {
  std::vector<NamedRights> out;
  for (const AclEntry& entry : acl) {
    auto name = co_await name_of(directory, entry.grantee);
    if (!name) co_return std::unexpected(std::move(name).error());
    if (name->empty()) continue;
    if (entry.granted != 0) out.push_back({*name, entry.granted});
    if (entry.withheld != 0) out.push_back({"-" + *name, entry.withheld});
  }
  co_return out;
}

}  // namespace sharing
