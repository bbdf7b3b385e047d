#include "queue/notice.h"

#include "base/text.h"
#include "crypto/random.h"
#include "queue/entry.h"
#include "queue/history.h"
#include "queue/records.h"
#include "queue/route.h"

namespace queue {
namespace {

constexpr std::size_t kBlock = 64 * 1024;

/// What of the message the report returns. A body that cannot be read is left out: the report matters more.
net::Task<std::string> returned(const Shared& shared, schema::QueuedMessage message, bool whole) {
  const std::uint64_t length = whole ? message.size() : std::min(message.size(), kMaxReturnedHeader);
  auto bytes = co_await shared.store.read(
      [message, length](const store::Reader& reader) { return read_message(reader, message, 0, length); });
  co_return bytes ? *std::move(bytes) : message.prefix();
}

/// A report is never reported of (RFC 3461 §6.1).
schema::QueuedRecipient quiet(schema::QueuedRecipient recipient) {
  recipient.set_notify_never(true);
  return recipient;
}

bool concerns_one(base::Code code) {
  return code == base::Code::over_quota || code == base::Code::not_found || code == base::Code::corrupt ||
         code == base::Code::too_large;
}

}  // namespace

net::Task<base::Result<Notice>> Notice::prepare(const Shared& shared, base::QueueId of, schema::QueuedMessage message,
                                                std::vector<Reported> recipients) {
  Notice notice;
  if (recipients.empty()) co_return notice;
  notice.any_ = true;
  notice.of_ = of;
  notice.id_ = base::QueueId{shared.store.next_id()};
  notice.now_ = shared.clock.now();
  notice.sender_ = message.sender();
  const bool whole = returns_whole(message, recipients);
  const std::string content = co_await returned(shared, message, whole);
  const ReportFrom from{.hostname = shared.config()->hostname,
                        .id = std::to_string(notice.id_.value),
                        .unique = base::hex(crypto::random_bytes(8)),
                        .now = notice.now_};
  notice.report_ = write_report(from, message, recipients, content, whole && content.size() == message.size());
  notice.recipients_ = std::move(recipients);
  const auto body = shared.store.new_body();
  mime::Parser parser{mailstore::kParseLimits};
  for (std::size_t at = 0; at < notice.report_.bytes.size(); at += kBlock) {
    const auto block = std::string_view(notice.report_.bytes).substr(at, kBlock);
    parser.feed(block);
    CO_TRY(co_await body->append(block));
  }
  notice.incoming_ = mailstore::make_incoming(body->finish(), std::make_shared<const mime::Message>(parser.finish()));

  const smtp::Recipient to{.address = notice.sender_, .orcpt = {}};
  auto route = co_await shared.directory.route(of_machine(*shared.config(), notice.sender_));
  if (route) {
    for (directory::Account& account : route->accounts) {
      if (account.state == directory::State::suspended) {
        notice.elsewhere_.push_back(
            quiet(waiting(to, account.id, {base::Code::suspended, account.address + " is suspended"})));
      } else {
        notice.accounts_.push_back(std::move(account));
      }
    }
    for (const auto& remote : route->remotes) notice.elsewhere_.push_back(quiet(to_send(to, remote.address)));
  } else if (route.error().code == base::Code::denied) {
    notice.elsewhere_.push_back(quiet(to_send(to, notice.sender_)));
  } else if (route.error().code == base::Code::not_found || route.error().code == base::Code::invalid) {
    shared.log.warning("queue.report.nowhere", {{"to", base::printable(notice.sender_)}, {"why", route.error().text}});
  } else {
    notice.elsewhere_.push_back(quiet(waiting(to, {}, route.error())));
  }
  co_return notice;
}

std::vector<store::Owner> Notice::owners() const {
  std::vector<store::Owner> all;
  if (any_) all.push_back(store::Owner::of(id_));
  for (const directory::Account& account : accounts_) all.push_back(store::Owner::of(account.id));
  return all;
}

base::Result<void> Notice::commit(store::Txn& tx, const Shared& shared) {
  filed_.clear();
  queued_.clear();
  if (!any_) return {};
  queued_ = elsewhere_;
  for (const directory::Account& account : accounts_) {
    const mailstore::FileOptions options{
        .prefix = "Return-Path: <>\r\nDelivered-To: " + account.address + "\r\n",
        .received = {.unix_seconds = base::unix_seconds(now_), .zone_minutes = base::local_offset_minutes(now_)},
        .flags = {},
        .quota = account.quota};
    const auto filed = shared.mail.file(tx, account.id, std::nullopt, *incoming_, options);
    if (filed) {
      filed_.push_back(account.id);
    } else if (concerns_one(filed.error().code)) {
      const smtp::Recipient to{.address = sender_, .orcpt = {}};
      queued_.push_back(quiet(waiting(to, account.id, filed.error())));
    } else {
      return std::unexpected(filed.error());
    }
  }
  note(tx, shared.config()->trace_keep, id_, now_,
       {noted("report", sender_, "a report of message " + std::to_string(of_.value), {sender_})});
  if (queued_.empty()) return {};
  return queue_it(tx, filed_.empty());
}

base::Result<void> Notice::queue_it(store::Txn& tx, bool put_body) {
  if (put_body) tx.put_body(incoming_->body);
  entry_ = {};
  entry_.set_blob(incoming_->body.id().value);
  entry_.set_size(incoming_->body.size());
  entry_.set_created_us(micros(now_));
  entry_.set_eight_bit(report_.eight_bit);
  entry_.set_smtputf8(report_.smtputf8);
  return put_entry(tx, id_, entry_, queued_);
}

void Notice::committed(Shared& shared) const {
  if (!any_) return;
  for (const base::AccountId account : filed_) shared.mail.changed(account);
  if (!queued_.empty()) {
    shared.totals.add({});
    shared.gaps.fill_entry(id_, entry_, queued_);
  }
  for (const Reported& one : recipients_) {
    shared.metrics.count_report(one.action);
    shared.log.info("queue.report", {{"report", id_.value},
                                     {"id", of_.value},
                                     {"to", base::printable(sender_)},
                                     {"rcpt", base::printable(one.recipient.address())},
                                     {"status", one.status},
                                     {"filed", filed_.size()},
                                     {"queued", queued_.empty() ? "no" : "yes"}});
  }
}

}  // namespace queue
