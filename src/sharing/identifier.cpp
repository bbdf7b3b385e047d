#include "sharing/identifier.h"

#include "base/text.h"

namespace sharing {

namespace {

using mailstore::AclEntry;
using mailstore::Grantee;

constexpr std::string_view kAnyone = "anyone";

/// Nothing: there is nobody of that name.
net::Task<base::Result<std::optional<Grantee>>> find_grantee(directory::Directory& directory, std::string address) {
  auto account = co_await directory.account(address);
  if (!account) co_return std::unexpected(std::move(account).error());
  if (*account) co_return Grantee{.kind = Grantee::Kind::account, .account = (*account)->id};
  auto group = co_await directory.alias(std::move(address), directory::AliasKind::group);
  if (group) co_return Grantee{.kind = Grantee::Kind::group, .name = std::move(group->address)};
  if (group.error().code == base::Code::not_found) co_return std::optional<Grantee>();
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

net::Task<base::Result<Identifier>> find_identifier(directory::Directory& directory, std::string owner,
                                                    std::string text) {
  Identifier out;
  if (text.starts_with('-')) {
    out.withheld = true;
    text.erase(0, 1);
  }
  if (base::iequals(text, kAnyone)) {
    out.grantee = {.kind = Grantee::Kind::everybody, .name = owner.substr(owner.rfind('@') + 1)};
    co_return out;
  }
  const std::string shown = base::printable(text, 100);
  auto grantee = co_await find_grantee(directory, std::move(text));
  if (!grantee) co_return std::unexpected(std::move(grantee).error());
  if (!*grantee) co_return base::fail(base::Code::not_found, "there is no account and no group " + shown);
  out.grantee = std::move(**grantee);
  co_return out;
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
