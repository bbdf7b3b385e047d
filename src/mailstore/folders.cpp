// Mailboxes: list, make, remove, rename, subscribe. RFC 9051 §6.3.4 to §6.3.8.

#include "mailstore/impl.h"
#include "mailstore/names.h"

namespace mailstore {
namespace {

/// A name as CREATE and RENAME may give it. RFC 9051 §6.3.4: one separator at its end is only a declaration.
base::Result<std::string> new_path(std::string_view name) {
  if (name.size() > 1 && name.back() == kHierarchySeparator) name.remove_suffix(1);
  return normalise_path(name);
}

base::Result<bool> has_children(Edit& edit, MailboxId id) {
  const auto cursor = edit.tx().scan(kNames, edit.account_id(), id);
  if (cursor.error()) return std::unexpected(*cursor.error());
  return cursor.valid();
}

base::Result<std::string> path_of(Edit& edit, MailboxId id) {
  std::string path;
  for (std::size_t depth = 0; id != kTop && depth < kMaxDepth; ++depth) {
    TRY_ASSIGN(const Edit::Box* const box, edit.mailbox(id, false));
    path = path.empty() ? box->record.name() : box->record.name() + kHierarchySeparator + path;
    id = MailboxId{box->record.parent()};
  }
  return path;
}

void leave_name(Edit& edit, const std::string& path, const schema::MailboxRecord& record) {
  if (record.place_only()) return;
  schema::NameHistory history;
  history.set_uid_validity(record.uid_validity());
  edit.tx().put(kNameHistory, {edit.account_id(), stable_hash(path)}, history);
}

/// RFC 9051 §2.3.1.1: name, UIDVALIDITY and UID mean one message forever, and UIDVALIDITY only grows. Both hold without
/// a change unless another mailbox has had the name.
base::Result<void> take_name(Edit& edit, const std::string& path, Edit::Box& box) {
  if (box.record.place_only()) return {};
  auto history = edit.tx().get(kNameHistory, {edit.account_id(), stable_hash(path)});
  if (!history && history.error().code != base::Code::corrupt) return std::unexpected(std::move(history).error());
  const bool same = history && (!*history || (*history)->uid_validity() == box.record.uid_validity());
  if (same) return {};
  box.record.set_uid_validity(edit.next_uid_validity());
  box.record.set_highest_modseq(edit.modseq());
  box.change.set_properties(true);
  box.dirty = true;
  return {};
}

/// RFC 6154 leaves room for several mailboxes of one use, RFC 8621 §2 does not.
base::Result<void> check_role(Edit& edit, Role role) {
  if (role == Role::none) return {};
  auto cursor = edit.tx().scan(kMailboxes, edit.account_id());
  for (; cursor.valid(); cursor.next()) {
    const auto record = cursor.value();
    if (record && record->role() == static_cast<schema::MailboxRole>(role)) {
      return base::fail(base::Code::exists, "another mailbox has that special use");
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

/// The mailbox that a new name hangs below; those that are missing are made. conflict when it is `moving` or below.
base::Result<MailboxId> make_parents(Edit& edit, const std::vector<std::string>& parts, MailboxId moving) {
  MailboxId parent = kTop;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    TRY_ASSIGN(const auto found, edit.child(parent, parts[i]));
    if (found) {
      if (*found == moving) return base::fail(base::Code::conflict, "a mailbox cannot be moved into itself");
      parent = *found;
    } else {
      TRY_ASSIGN(const Edit::Box* const made, edit.add_mailbox(parent, parts[i], Role::none));
      parent = made->id;
    }
  }
  return parent;
}

base::Result<Mailbox> create(Edit& edit, const std::string& path, Role role) {
  const auto parts = path_parts(path);
  TRY(check_role(edit, role));
  TRY_ASSIGN(const MailboxId parent, make_parents(edit, parts, kTop));
  TRY_ASSIGN(const auto found, edit.child(parent, parts.back()));
  if (!found) {
    TRY_ASSIGN(const Edit::Box* const made, edit.add_mailbox(parent, parts.back(), role));
    return to_mailbox(made->id, path, made->record, false);
  }
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(*found, false));
  if (!box->record.place_only()) return base::fail(base::Code::exists, "a mailbox of that name exists");
  // A place that was left for its children becomes a mailbox again, which is another one than before.
  box->record.set_place_only(false);
  box->record.set_role(static_cast<schema::MailboxRole>(role));
  box->record.set_uid_validity(edit.next_uid_validity());
  box->record.set_uid_next(1);
  box->record.set_highest_modseq(edit.modseq());
  box->change.set_properties(true);
  box->dirty = true;
  TRY_ASSIGN(const bool children, has_children(edit, box->id));
  return to_mailbox(box->id, path, box->record, children);
}

base::Error too_many_below() {
  return {base::Code::too_large, "there are more than " + std::to_string(kMaxMovedMailboxes) +
                                     " mailboxes below it, which can only be renamed or removed in smaller parts"};
}

/// RFC 9051 §6.3.5: its children stay, below a place that takes over the name.
base::Result<void> remove(Edit& edit, MailboxId mailbox) {
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(mailbox, false));
  if (mailbox == edit.inbox()) return base::fail(base::Code::denied, "INBOX cannot be removed");
  std::vector<std::pair<MailboxId, std::string>> children;
  auto cursor = edit.tx().scan(kNames, edit.account_id(), mailbox);
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(const auto child, cursor.value());
    if (children.size() == kMaxMovedMailboxes) return std::unexpected(too_many_below());
    children.emplace_back(MailboxId{child.mailbox()}, std::get<std::string>(cursor.key()));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (!children.empty() && box->record.place_only()) {
    return base::fail(base::Code::conflict, "the mailbox has others below it");
  }
  TRY_ASSIGN(const std::string path, path_of(edit, mailbox));
  leave_name(edit, path, box->record);
  edit.remove_mailbox(*box);
  if (children.empty()) return {};
  TRY_ASSIGN(Edit::Box* const place, edit.add_mailbox(MailboxId{box->record.parent()}, box->record.name(), Role::none));
  place->record.set_place_only(true);
  for (const auto& [id, name] : children) {
    TRY_ASSIGN(Edit::Box* const child, edit.mailbox(id, false));
    edit.rename(*child, place->id, name);
  }
  return {};
}

struct Node {
  MailboxId id;
  std::string below;  // path below the mailbox that is moved, with a leading separator; empty for itself
};

/// A mailbox and all below it, parents first. too_large.
base::Result<std::vector<Node>> subtree(Edit& edit, MailboxId root) {
  std::vector<Node> nodes{{root, ""}};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto cursor = edit.tx().scan(kNames, edit.account_id(), nodes[i].id);
    for (; cursor.valid(); cursor.next()) {
      const auto child = cursor.value();
      if (!child) continue;
      if (nodes.size() > kMaxMovedMailboxes) return std::unexpected(too_many_below());
      nodes.push_back(
          {MailboxId{child->mailbox()}, nodes[i].below + kHierarchySeparator + std::get<std::string>(cursor.key())});
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
  }
  return nodes;
}

base::Result<void> check_room(const std::vector<Node>& nodes, const std::string& path) {
  for (const Node& node : nodes) {
    const std::string moved = path + node.below;
    if (moved.size() > kMaxNameBytes || path_parts(moved).size() > kMaxDepth) {
      return base::fail(base::Code::too_large, "the name of a mailbox below would become too long");
    }
  }
  return {};
}

base::Result<void> rename(Edit& edit, MailboxId mailbox, const std::string& path) {
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(mailbox, false));
  TRY_ASSIGN(const std::string old_path, path_of(edit, mailbox));
  const auto parts = path_parts(path);
  TRY_ASSIGN(const MailboxId parent, make_parents(edit, parts, mailbox));
  TRY_ASSIGN(const auto taken, edit.child(parent, parts.back()));
  if (taken) return base::fail(base::Code::exists, "a mailbox of that name exists");
  TRY_ASSIGN(const auto nodes, subtree(edit, mailbox));
  TRY(check_room(nodes, path));
  for (const Node& node : nodes) {
    const auto member = edit.mailbox(node.id, false);
    if (!member) {
      if (member.error().code == base::Code::corrupt) continue;  // its name moves with its parent all the same
      return std::unexpected(member.error());
    }
    leave_name(edit, old_path + node.below, (*member)->record);
    TRY(take_name(edit, path + node.below, **member));
  }
  edit.rename(*box, parent, parts.back());
  return {};
}

}  // namespace

net::Task<base::Result<MailboxList>> Impl::mailboxes(AccountId account, AccountId reader) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    CO_TRY_ASSIGN(auto list,
                  co_await context_.store.read([account, reader, log = context_.log](const store::Reader& from) {
                    return read_list(from, account, reader, log);
                  }));
    if (list) co_return std::move(*list);
    CO_TRY(co_await ensure_account(account));
  }
  co_return base::fail(base::Code::unavailable, "the account was removed while its mailboxes were listed");
}

net::Task<base::Result<Mailbox>> Impl::mailbox(AccountId account, std::string name, AccountId reader) {
  const auto path = normalise_path(name);
  // No mailbox has a name that could not have been given.
  if (!path) co_return base::fail(base::Code::not_found, "there is no mailbox of that name: " + path.error().text);
  if (reader == account) reader = {};
  if (auto known = known_.find(account, *path, reader, context_.live.assigned(account))) co_return *std::move(known);
  for (int attempt = 0; attempt < 2; ++attempt) {
    ModSeq synced = 0;
    CO_TRY_ASSIGN(auto found,
                  co_await context_.store.read([&synced, account, reader, &path](const store::Reader& from) {
                    return read_mailbox(from, account, *path, reader, synced);
                  }));
    if (found.id) {
      known_.put(account, *path, reader, found, synced);
      co_return std::move(found);
    }
    CO_TRY(co_await ensure_account(account));
  }
  co_return base::fail(base::Code::unavailable, "the account was removed while its mailbox was looked up");
}

net::Task<base::Result<Mailbox>> Impl::create_mailbox(AccountId account, std::string name, Role role, bool by_guest) {
  CO_TRY_ASSIGN(const std::string path, new_path(name));
  Mailbox made;
  CO_TRY(co_await edit(account, [&](Edit& step) -> base::Result<void> {
    if (by_guest) step.inherit_at_top(step.inbox());
    TRY_ASSIGN(made, create(step, path, role));
    return {};
  }));
  co_return made;
}

net::Task<base::Result<void>> Impl::remove_mailbox(AccountId account, MailboxId mailbox) {
  CO_TRY(co_await edit(account, [mailbox](Edit& step) { return remove(step, mailbox); }, store::Kind::frees_space));
  context_.live.forget_recent(account, mailbox);
  // The mailbox is gone; what is left is to give its space back.
  if (const auto drained = co_await drain(account, mailbox); !drained) {
    context_.log.warning("mailstore.removal.interrupted",
                         {{"account", account.value}, {"mailbox", mailbox.value}, {"why", drained.error().text}});
    finish_later({.account = account, .mailbox = mailbox});
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::rename_mailbox(AccountId account, MailboxId mailbox, std::string new_name) {
  CO_TRY_ASSIGN(const std::string path, new_path(new_name));
  MailboxId emptied_into;
  CO_TRY(co_await edit(account, [&](Edit& step) -> base::Result<void> {
    emptied_into = {};
    if (mailbox != step.inbox()) return rename(step, mailbox, path);
    // RFC 9051 §6.3.6: INBOX gives its messages to a new mailbox; itself and what is below it stay.
    TRY_ASSIGN(const Mailbox made, create(step, path, Role::none));
    emptied_into = made.id;
    return copy_annotations(step, mailbox, made.id);
  }));
  if (emptied_into) co_return co_await move_all(account, mailbox, emptied_into);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::set_role(AccountId account, MailboxId mailbox, Role role) {
  return edit(account, [mailbox, role](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(Edit::Box* const box, step.mailbox(mailbox));
    if (mailbox == step.inbox()) return base::fail(base::Code::denied, "INBOX has a use of its own");
    const auto wanted = static_cast<schema::MailboxRole>(role);
    if (box->record.role() == wanted) return {};
    TRY(check_role(step, role));
    box->record.set_role(wanted);
    step.modseq();
    box->change.set_properties(true);
    box->dirty = true;
    return {};
  });
}

net::Task<base::Result<void>> Impl::subscribe(AccountId account, std::string name) {
  CO_TRY_ASSIGN(const std::string path, normalise_path(name));
  co_return co_await edit(account, [&path](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(const auto known, step.tx().get(kSubscriptions, {step.account_id(), path}));
    if (known) return {};
    if (step.account().subscriptions() >= kMaxMailboxes) {
      return base::fail(base::Code::too_large, "the account has too many subscriptions");
    }
    step.mutable_account().set_subscriptions(step.account().subscriptions() + 1);
    step.tx().put(kSubscriptions, {step.account_id(), path}, store::Nothing{});
    step.change().add_subscriptions(path);
    return {};
  });
}

net::Task<base::Result<void>> Impl::unsubscribe(AccountId account, std::string name) {
  CO_TRY_ASSIGN(const std::string path, normalise_path(name));
  co_return co_await edit(account, [&path](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(const auto known, step.tx().get(kSubscriptions, {step.account_id(), path}));
    if (!known) return {};
    schema::MailAccount& record = step.mutable_account();
    record.set_subscriptions(record.subscriptions() - std::min(record.subscriptions(), 1u));
    step.tx().erase(kSubscriptions, {step.account_id(), path});
    step.change().add_subscriptions(path);
    return {};
  });
}

}  // namespace mailstore
