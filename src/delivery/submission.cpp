#include "delivery/submission.h"

#include <algorithm>

#include "base/text.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/repair.h"

namespace delivery {
namespace {

using base::Code;

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kMaxOriginators = 100;

/// As the directory compares them; what it cannot read is compared as it stands.
std::string comparable(std::string_view address) {
  auto normalized = directory::normalize_address(address);
  return normalized ? *std::move(normalized) : base::lower(address);
}

std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

base::Result<void> take_addresses(const mime::Field& field, std::vector<std::string>& out) {
  std::size_t found = 0;
  for (const mime::Address& address : mime::addresses(field.body, kMaxOriginators + 1)) {
    if (address.group_start || address.group_end) continue;
    if (address.domain.empty()) return base::fail(Code::invalid, std::string(field.name) + " has no domain");
    std::string text = mime::format({.local = address.local, .domain = address.domain});
    if (std::ranges::find(out, text) == out.end()) out.push_back(std::move(text));
    ++found;
  }
  if (found == 0) return base::fail(Code::invalid, std::string(field.name) + " names no address");
  if (out.size() > kMaxOriginators) return base::fail(Code::invalid, "it says to be from more than 100 addresses");
  return {};
}

}  // namespace

bool may_send_locally(const Config& config, const smtp::LocalUser& user, std::string_view address) {
  if (user.any_sender) return true;
  const std::string wanted = comparable(address);
  if (wanted == comparable(user.name + "@" + config.hostname)) return true;
  return std::ranges::any_of(config.local_senders, [&](const std::string& rule) {
    const std::size_t equals = rule.find('=');
    if (equals == std::string::npos || std::string_view(rule).substr(0, equals) != user.name) return false;
    const std::string_view allowed = std::string_view(rule).substr(equals + 1);
    if (allowed == "*") return true;
    if (allowed.starts_with('@'))
      return comparable("x" + std::string(allowed)).substr(1) == "@" + std::string(domain_of(wanted));
    return comparable(allowed) == wanted;
  });
}

base::Result<std::vector<std::string>> originators(std::string_view header) {
  const auto fields = mime::fields(header, mailstore::kParseLimits.fields);
  if (fields.size() == mailstore::kParseLimits.fields)
    return base::fail(Code::invalid, "the header has too many fields");
  std::vector<std::string> out;
  std::size_t from = 0;
  std::size_t sender = 0;
  for (const mime::Field& field : fields) {
    const bool is_from = base::iequals(field.name, "From");
    const bool is_sender = base::iequals(field.name, "Sender");
    const bool resent = base::iequals(field.name, "Resent-From") || base::iequals(field.name, "Resent-Sender");
    if (!is_from && !is_sender && !resent) continue;
    from += is_from;
    sender += is_sender;
    // Which of them would be shown is for each program to choose.
    if (from > 1 || sender > 1)
      return base::fail(Code::invalid, std::string(field.name) + " stands twice in the header");
    TRY(take_addresses(field, out));
  }
  return out;
}

net::Task<base::Result<std::string>> read_begin(store::Store& store, store::Body body, std::uint64_t length) {
  auto read = [body, length]() -> base::Result<std::string> {
    std::string out;
    TRY(body.read(0, length, out));
    return out;
  };
  if (body.size() <= store::kChunkBytes) co_return read();
  co_return co_await store.pool().run(std::move(read));
}

net::Task<base::Result<std::optional<Mended>>> mend(store::Store& store, store::Body body,
                                                    std::shared_ptr<const mime::Message> parsed, bool keep_utf8) {
  const auto repair = std::make_shared<mime::Repair>(
      *parsed, mime::Repair::Options{.keep_utf8 = keep_utf8, .limits = mailstore::kParseLimits});
  for (std::uint64_t at = 0; at < body.size(); at += kBlock) {
    CO_TRY(co_await store.pool().run([repair, parsed, body, at]() -> base::Result<void> {
      std::string block;
      TRY(body.read(at, kBlock, block));
      repair->look(block);
      return {};
    }));
  }
  if (!repair->needed()) co_return std::optional<Mended>();
  const auto writer = store.new_body();
  mime::Parser parser(mailstore::kParseLimits);
  for (std::uint64_t at = 0; at < body.size(); at += kBlock) {
    CO_TRY_ASSIGN(const std::string out,
                  co_await store.pool().run([repair, parsed, body, at]() -> base::Result<std::string> {
                    std::string block;
                    std::string mended;
                    TRY(body.read(at, kBlock, block));
                    repair->feed(block, mended);
                    if (at + kBlock >= body.size()) repair->finish(mended);
                    return mended;
                  }));
    parser.feed(out);
    CO_TRY(co_await writer->append(out));
  }
  co_return Mended{writer->finish(), std::make_shared<const mime::Message>(parser.finish())};
}

net::Task<base::Result<Mended>> with_header(store::Store& store, store::Body body, std::uint64_t header_bytes,
                                            std::string header) {
  const auto writer = store.new_body();
  mime::Parser parser(mailstore::kParseLimits);
  parser.feed(header);
  CO_TRY(co_await writer->append(header));
  for (std::uint64_t at = header_bytes; at < body.size(); at += kBlock) {
    CO_TRY_ASSIGN(const std::string block, co_await store.pool().run([body, at]() -> base::Result<std::string> {
      std::string out;
      TRY(body.read(at, kBlock, out));
      return out;
    }));
    parser.feed(block);
    CO_TRY(co_await writer->append(block));
  }
  co_return Mended{writer->finish(), std::make_shared<const mime::Message>(parser.finish())};
}

}  // namespace delivery
