#include "mailstore/views.h"

#include <algorithm>
#include <limits>

namespace mailstore {
namespace {

/// What an entry costs besides its rows, in rows.
constexpr std::size_t kEntryRows = 32;

base::Error no_mailbox(MailboxId mailbox) {
  return {base::Code::not_found, "there is no mailbox " + std::to_string(mailbox.value)};
}

base::Counter counter(const base::Log& log, std::string_view how) {
  return log.metrics().counter("postrider_mailstore_views_total",
                               "Views of mailboxes that were asked for, by what it took.", {{"how", how}});
}

}  // namespace

Views::Views(Context& context, Save save, std::size_t cached_rows, std::size_t saved_rows)
    : context_(context),
      save_(std::move(save)),
      cached_rows_(cached_rows),
      saved_rows_(saved_rows),
      kept_(counter(context.log, "kept")),
      advanced_(counter(context.log, "advanced")),
      restored_(counter(context.log, "restored")),
      read_(counter(context.log, "read")),
      cached_gauge_(context.log.metrics().gauge("postrider_mailstore_view_rows",
                                                "Messages in the views of mailboxes that are kept in memory.")) {}

net::Task<Views::Result> Views::get(AccountId account, MailboxId mailbox) {
  const Id id{account, mailbox};
  const Waiter waiter = std::make_shared<net::Completion<Result>>();
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[id];
    const std::shared_ptr<const Rows> rows = entry.strong ? entry.strong : entry.weak.lock();
    if (rows && entry.synced >= context_.live.assigned(account)) {
      if (entry.strong) recency_.splice(recency_.begin(), recency_, entry.recency);
      kept_.add();
      co_return rows;
    }
    entry.waiting.push_back(waiter);
    if (!entry.working) {
      entry.working = true;
      context_.store.pool().submit([self = shared_from_this(), id] { self->work(id); });
    }
  }
  co_return co_await waiter->wait();
}

void Views::work(Id id) {
  while (true) {
    std::vector<Waiter> waiting;
    Loaded base;
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[id];
      waiting.swap(entry.waiting);
      if (waiting.empty()) {
        entry.working = false;
        if (!entry.strong && entry.weak.expired()) entries_.erase(id);
        return;
      }
      base = {{entry.strong ? entry.strong : entry.weak.lock(), entry.synced}, entry.saved};
      entry.dropped = false;
    }
    // Whoever waits now asked before this snapshot is taken; who comes later waits for the next round.
    base::Result<Loaded> loaded = base::fail(base::Code::unavailable, "the mailbox could not be read");
    try {
      loaded = load(id, base);
    } catch (const std::exception& e) {
      context_.log.error("mailstore.view.failed",
                         {{"account", id.first.value}, {"mailbox", id.second.value}, {"why", e.what()}});
    }
    Garbage garbage;
    bool save = false;
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[id];
      if (loaded && !entry.dropped) {
        save = worth_saving(*loaded);
        if (save) loaded->saved = {loaded->synced, loaded->rows->highest_modseq(), 0};
        keep(id, entry, *loaded, garbage);
      }
      if (!loaded && loaded.error().code == base::Code::not_found) release(entry, garbage);
      sweep();
      cached_gauge_.set(static_cast<double>(rows_));
    }
    for (const Waiter& waiter : waiting) {
      waiter->set(loaded ? Result(loaded->rows) : Result(std::unexpected(loaded.error())));
    }
    if (save) save_(id.first, *loaded);
  }
}

void Views::keep(Id id, Entry& entry, const Loaded& loaded, Garbage& garbage) {
  const std::size_t cost = loaded.rows->size() + kEntryRows;
  if (entry.strong) {
    rows_ -= entry.cost;
    garbage.push_back(std::move(entry.strong));
    recency_.splice(recency_.begin(), recency_, entry.recency);
  } else {
    recency_.push_front(id);
    entry.recency = recency_.begin();
  }
  entry.strong = loaded.rows;
  entry.weak = loaded.rows;
  entry.synced = loaded.synced;
  entry.saved = loaded.saved;
  entry.cost = cost;
  rows_ += cost;
  // The one at hand stays even when it alone is above the limit: somebody is about to use it.
  while (rows_ > cached_rows_ && recency_.back() != id) {
    Entry& oldest = entries_[recency_.back()];
    rows_ -= oldest.cost;
    garbage.push_back(std::move(oldest.strong));
    recency_.pop_back();
  }
}

void Views::release(Entry& entry, Garbage& garbage) {
  if (entry.strong) {
    rows_ -= entry.cost;
    recency_.erase(entry.recency);
    garbage.push_back(std::move(entry.strong));
  }
  entry.weak.reset();
  entry.synced = 0;
}

void Views::sweep() {
  if (entries_.size() < sweep_at_) return;
  std::erase_if(entries_, [](const auto& item) {
    const Entry& entry = item.second;
    return !entry.strong && !entry.working && entry.weak.expired();
  });
  sweep_at_ = std::max<std::size_t>(1024, 2 * entries_.size());
}

void Views::drop(AccountId account) {
  Garbage garbage;
  const std::lock_guard lock(mutex_);
  for (auto it = entries_.lower_bound({account, MailboxId{}}); it != entries_.end() && it->first.first == account;) {
    release(it->second, garbage);
    if (it->second.working) {
      it->second.dropped = true;
      ++it;
    } else {
      it = entries_.erase(it);
    }
  }
}

/// What was saved, or no rows.
Views::Loaded Views::read_saved(const store::Reader& reader, Id id, const schema::MailboxRecord& record) const {
  if (record.messages() < saved_rows_) return {};
  auto saved = read_saved_view(reader, id.first, id.second, record);
  if (!saved) {
    context_.log.warning("mailstore.view.unread", {{"account", id.first.value},
                                                   {"mailbox", id.second.value},
                                                   {"why", saved.error().text},
                                                   {"then", "the placements are read"}});
  }
  if (!saved || !*saved) return {};
  restored_.add();
  return {**saved, {(*saved)->synced, (*saved)->rows->highest_modseq(), 0}};
}

/// Whether the mailbox has changed so much since it was saved that catching up would take milliseconds, or the account
/// so often that with as many changes again it would no longer be possible. For each change about 32 rows are written,
/// up to 125 in a mailbox of a million.
bool Views::worth_saving(const Loaded& loaded) const {
  const std::size_t size = loaded.rows->size();
  const Saved& saved = loaded.saved;
  if (size < saved_rows_ || loaded.rows->highest_modseq() == saved.highest) return false;
  if (saved.synced == 0 || saved.behind >= std::max<std::size_t>(1000, size / 32)) return true;
  return loaded.synced - saved.synced >= std::clamp<ModSeq>(size / 32, kKeptChanges / 10, kKeptChanges * 8 / 10);
}

base::Result<Views::Loaded> Views::load(Id id, Loaded base) const {
  TRY_ASSIGN(const auto reader, context_.store.reader());
  TRY_ASSIGN(const auto account, reader->get(kAccounts, {id.first}));
  if (!account || account->removing()) return std::unexpected(no_mailbox(id.second));
  TRY_ASSIGN(const auto record, reader->get(kMailboxes, {id.first, id.second}));
  if (!record || record->place_only()) return std::unexpected(no_mailbox(id.second));

  const ModSeq now = account->modseq();
  if (!base.rows) base = read_saved(*reader, id, *record);
  const bool same = base.rows && base.rows->uid_validity() == record->uid_validity() && base.synced <= now;
  if (same && base.rows->highest_modseq() == record->highest_modseq() &&
      base.rows->access_key_modseq() == record->access_key_modseq()) {
    kept_.add();
    return Loaded{{base.rows, now}, base.saved};
  }
  if (same && base.synced >= account->change_floor()) {
    TRY_ASSIGN(auto rows, advance(*reader, id, *record, base, now));
    if (rows) {
      advanced_.add();
      return Loaded{{std::move(rows), now}, base.saved};
    }
  }
  TRY_ASSIGN(auto rows, read_all(*reader, id, *record));
  read_.add();
  return Loaded{{std::move(rows), now}, {}};
}

base::Result<std::shared_ptr<const Rows>> Views::read_all(const store::Reader& reader, Id id,
                                                          const schema::MailboxRecord& record) const {
  RowsBuilder builder(id.second, record, nullptr);
  schema::PlacementRecord placement;  // reused: parsing is the cost of a SELECT
  auto cursor = reader.scan(kPlacements, id.first, id.second);
  for (; cursor.valid(); cursor.next()) {
    const std::string_view bytes = cursor.raw_value();
    const Uid uid = std::get<Uid>(cursor.key());
    if (!placement.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      context_.log.error("mailstore.placement.broken",
                         {{"account", id.first.value}, {"mailbox", id.second.value}, {"uid", uid}});
      continue;
    }
    builder.append(builder.row(uid, placement));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (builder.overflowed()) {
    context_.log.warning("mailstore.keywords.overflow", {{"account", id.first.value}, {"mailbox", id.second.value}});
  }
  return builder.build();
}

/// The base moved forward by the change records, or nothing when reading everything is the better way.
base::Result<std::shared_ptr<const Rows>> Views::advance(const store::Reader& reader, Id id,
                                                         const schema::MailboxRecord& record, Loaded& base,
                                                         ModSeq until) const {
  const std::size_t limit = 1000 + base.rows->size() / 4;
  std::vector<Uid> touched;
  auto cursor = reader.scan_range(kChanges, {id.first, ModSeq{base.synced + 1}}, {id.first, ModSeq{until + 1}});
  for (ModSeq expected = base.synced + 1; expected <= until; ++expected, cursor.next()) {
    if (!cursor.valid() || std::get<ModSeq>(cursor.key()) != expected) return nullptr;
    const auto change = cursor.value();
    if (!change) return nullptr;
    for (const schema::MailboxChange& part : change->mailboxes()) {
      if (part.mailbox() != id.second.value) continue;
      touched.insert(touched.end(), part.updated().begin(), part.updated().end());
      touched.insert(touched.end(), part.destroyed().begin(), part.destroyed().end());
      if (part.created_count() > limit) return nullptr;
      for (std::uint32_t i = 0; i < part.created_count(); ++i) touched.push_back(part.created_first() + i);
    }
    if (touched.size() > limit) return nullptr;
  }
  std::ranges::sort(touched);
  touched.erase(std::ranges::unique(touched).begin(), touched.end());
  base.saved.behind += touched.size();

  RowsBuilder builder(id.second, record, base.rows.get());
  std::vector<Row> rows;
  rows.reserve(touched.size());
  for (const Uid uid : touched) {
    auto placement = reader.get(kPlacements, {id.first, id.second, uid});
    if (!placement && placement.error().code != base::Code::corrupt) return std::unexpected(placement.error());
    if (!placement) {
      context_.log.error("mailstore.placement.broken",
                         {{"account", id.first.value}, {"mailbox", id.second.value}, {"uid", uid}});
    }
    rows.push_back(placement && *placement ? builder.row(uid, **placement) : Row{.uid = uid});
  }
  builder.amend(rows);
  // Numbers of keyword sets are never given back within a line of views: a new line has room again.
  if (builder.overflowed()) return nullptr;
  return builder.build();
}

}  // namespace mailstore
