#include "sendmail/taker.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "net/loop.h"

namespace sendmail {
namespace {

using base::Code;

constexpr std::chrono::seconds kPause{5};          // between two looks
constexpr std::chrono::seconds kLeftToProgram{5};  // a younger file is asked for by whoever wrote it
constexpr std::chrono::hours kForget{1};
constexpr std::chrono::hours kRemembered{24};
constexpr std::chrono::seconds kPeerTimeout{30};
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kMaxReasons = 10;
constexpr std::size_t kMostKept = 20;

/// The name of the user; the system's answer may take its time.
std::string user_name(std::uint32_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> texts;
  ::getpwuid_r(uid, &entry, texts.data(), texts.size(), &found);
  return found != nullptr ? found->pw_name : "uid" + std::to_string(uid);
}

/// Whether the same message cannot be taken later either.
bool for_good(Code code) {
  switch (code) {
    case Code::over_quota:
    case Code::suspended:
    case Code::no_space:
    case Code::unavailable:
    case Code::busy:
    case Code::corrupt:
      return false;
    default:
      return true;
  }
}

int status_of(Code code) {
  switch (code) {
    case Code::not_found:
      return EX_NOUSER;
    case Code::denied:
      return EX_NOPERM;
    case Code::unsupported:
      return EX_UNAVAILABLE;
    default:
      return EX_DATAERR;
  }
}

Answer later(std::string text) { return {Answer::Is::later, 0, std::move(text)}; }

smtp::Peer peer_of(std::uint32_t uid, std::string user) {
  smtp::Peer peer;
  peer.trusted = true;
  peer.relays = true;
  peer.local = smtp::LocalUser{.uid = uid, .name = std::move(user), .any_sender = uid == 0 || uid == ::geteuid()};
  return peer;
}

}  // namespace

class Taker::Claim {
 public:
  Claim(Taker& taker, std::string id) : taker_(taker), id_(std::move(id)) {
    const std::lock_guard lock(taker_.mutex_);
    mine_ = taker_.claimed_.insert(id_).second;
  }
  ~Claim() {
    if (!mine_) return;
    const std::lock_guard lock(taker_.mutex_);
    taker_.claimed_.erase(id_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  bool mine() const { return mine_; }

 private:
  Taker& taker_;
  const std::string id_;
  bool mine_ = false;
};

Taker::Taker(Spool spool, delivery::Delivery& delivery, net::Pool& pool, const base::Clock& clock, base::Log log)
    : spool_(std::move(spool)), delivery_(delivery), pool_(pool), clock_(clock), log_(std::move(log)) {
  const auto counter = [this](std::string_view result) {
    return log_.metrics().counter("postrider_sendmail_messages_total",
                                  "Messages of programs on this machine, by what became of them.",
                                  {{"result", result}});
  };
  taken_ = counter("taken");
  refused_ = counter("refused");
  set_aside_ = counter("set_aside");
  forget_at_ = clock_.steady();
}

class Taker::Work {
 public:
  explicit Work(Taker& taker) : taker_(taker) {
    const std::lock_guard lock(taker_.mutex_);
    begun_ = !taker_.stopping_;
    taker_.working_ = begun_;
  }
  ~Work() {
    if (!begun_) return;
    const std::lock_guard lock(taker_.mutex_);
    taker_.working_ = false;
    taker_.idle_.notify_all();
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  bool begun() const { return begun_; }

 private:
  Taker& taker_;
  bool begun_ = false;
};

void Taker::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return !working_; });
}

net::Task<void> Taker::run() {
  for (;;) {
    co_await look();
    if (clock_.steady() >= forget_at_) {
      co_await forget();
      forget_at_ = clock_.steady() + kForget;
    }
    co_await net::sleep_for(kPause);
  }
}

net::Task<void> Taker::look() {
  base::Result<std::vector<std::string>> ids;
  {
    const Work work(*this);
    if (!work.begun()) co_return;
    ids = co_await pool_.run([spool = spool_] { return list(spool, kLeftToProgram); });
  }
  if (!ids) {
    log_.warning("sendmail.spool.unreadable", {{"why", ids.error().text}});
    co_return;
  }
  std::size_t kept = 0;
  for (const std::string& id : *ids) {
    const Work work(*this);
    // What keeps so many back, a full disk for example, keeps back the others as well.
    if (kept == kMostKept || !work.begun()) co_return;
    const Claim claim(*this, id);
    if (!claim.mine()) continue;
    // A bug that one message meets must not keep back the others.
    try {
      const Answer answer = co_await take(id, false);
      kept += answer.is == Answer::Is::later;
    } catch (const std::exception& error) {
      log_.error("sendmail.failed", {{"id", id}, {"why", error.what()}});
    }
  }
}

/// Ids that no file has any more. Before they go, the removal of the files is made durable.
net::Task<void> Taker::forget() {
  const Work work(*this);
  if (!work.begun()) co_return;
  const auto ids = co_await pool_.run([spool = spool_]() -> base::Result<std::vector<std::string>> {
    TRY_ASSIGN(auto all, list(spool, std::chrono::seconds(0)));
    TRY(sync(spool));
    return all;
  });
  if (ids) {
    const auto done = co_await delivery_.forget_taken(*ids, clock_.now() - kRemembered);
    if (!done) log_.warning("sendmail.forget.failed", {{"why", done.error().text}});
  }
}

net::Task<Answer> Taker::take(std::string id, bool waits) {
  auto opened = co_await pool_.run([spool = spool_, id] { return SpoolReader::open(spool, id); });
  if (!opened) co_return co_await unreadable(std::move(id), std::move(opened).error());
  const auto reader = std::make_shared<const SpoolReader>(*std::move(opened));
  std::string user = co_await pool_.run([uid = reader->owner()] { return user_name(uid); });
  Answer answer = co_await hand_over(reader, std::move(user), waits);
  if (answer.is != Answer::Is::taken) co_return answer;
  const auto removed = co_await pool_.run([spool = spool_, id] { return remove(spool, id); });
  // It is taken all the same: when its file is found again it is known.
  if (!removed) log_.error("sendmail.spool.not_removed", {{"id", id}, {"why", removed.error().text}});
  taken_.add();
  co_return answer;
}

net::Task<Answer> Taker::unreadable(std::string id, base::Error error) {
  if (error.code == Code::not_found) {
    // It was taken up a moment before it was asked for.
    const auto taken = co_await delivery_.taken(id);
    if (taken && *taken) co_return Answer{Answer::Is::taken, 0, std::to_string((*taken)->value)};
    co_return later("there is no such message in the spool");
  }
  if (error.code == Code::unavailable || error.code == Code::no_space) co_return later(error.text);
  co_return co_await refused(std::move(id), false, EX_DATAERR, std::move(error.text));
}

/// Who waits is told, and takes the file away; where nobody waits it is set aside.
net::Task<Answer> Taker::refused(std::string id, bool waits, int status, std::string why) {
  if (waits) {
    refused_.add();
    log_.info("sendmail.refused", {{"id", id}, {"why", base::printable(why)}});
    co_return Answer{Answer::Is::refused, status, std::move(why)};
  }
  set_aside_.add();
  const auto moved = co_await pool_.run([spool = spool_, id, why] { return set_aside(spool, id, why); });
  log_.error("sendmail.set_aside",
             {{"id", id}, {"directory", spool_.bad()}, {"why", base::printable(moved ? why : moved.error().text)}});
  co_return moved ? Answer{Answer::Is::refused, status, std::move(why)} : later(moved.error().text);
}

/// What is wrong with the envelope for good. For now nothing is: whoever is full or away is seen to by the queue.
net::Task<std::optional<Answer>> Taker::check(const smtp::Envelope& envelope, const smtp::Peer& peer) {
  Answer found{Answer::Is::refused, 0, {}};
  std::size_t reasons = 0;
  for (const smtp::Recipient& recipient : envelope.recipients) {
    const auto allowed = co_await delivery_.check_recipient(nullptr, envelope.sender, recipient.address, peer);
    if (allowed || !for_good(allowed.error().code)) continue;
    if (found.status == 0) found.status = status_of(allowed.error().code);
    if (++reasons > kMaxReasons) continue;
    if (!found.text.empty()) found.text += "; ";
    found.text += recipient.address + ": " + allowed.error().text;
  }
  if (found.status == 0) co_return std::nullopt;
  if (reasons > kMaxReasons) found.text += "; and " + std::to_string(reasons - kMaxReasons) + " more";
  co_return found;
}

net::Task<Answer> Taker::hand_over(std::shared_ptr<const SpoolReader> reader, std::string user, bool waits) {
  const std::string& id = reader->file().id;
  const base::Log log = log_.with({{"id", id}, {"user", user}});
  const smtp::Peer peer = peer_of(reader->owner(), std::move(user));
  smtp::Envelope envelope = reader->file().envelope;
  envelope.once = id;
  envelope.accepted = !waits;
  const auto sender = co_await delivery_.check_sender(nullptr, envelope.sender, peer);
  if (!sender) {
    if (!for_good(sender.error().code)) co_return later(sender.error().text);
    co_return co_await refused(id, waits, EX_NOPERM, sender.error().text);
  }
  if (waits) {
    if (const auto wrong = co_await check(envelope, peer)) {
      co_return co_await refused(id, true, wrong->status, wrong->text);
    }
  }
  auto sink = co_await delivery_.begin(std::move(envelope), std::nullopt, peer, log);
  base::Result<void> written;
  if (!sink) written = std::unexpected(sink.error());
  for (std::uint64_t at = 0; written && at < reader->file().size; at += kBlock) {
    const auto block = co_await pool_.run([reader, at] { return reader->read(at, kBlock); });
    written = block ? co_await (*sink)->write(*block) : std::unexpected(block.error());
  }
  base::Result<smtp::Sink::Accepted> accepted;
  if (written) {
    accepted = co_await (*sink)->accept();
  } else {
    accepted = std::unexpected(written.error());
  }
  if (accepted) {
    log.info("sendmail.taken", {{"queue", accepted->id}, {"size", reader->file().size}});
    co_return Answer{Answer::Is::taken, 0, accepted->id};
  }
  if (!for_good(accepted.error().code)) co_return later(accepted.error().text);
  co_return co_await refused(id, waits, status_of(accepted.error().code), accepted.error().text);
}

net::Task<Answer> Taker::answer(Request request, std::uint32_t uid) {
  const bool operator_asks = uid == 0 || uid == ::geteuid();
  if (!request.waits && !operator_asks) co_return later("only root and the server's user may ask for that");
  // Anybody may know an id by chance; the answer tells of the message and is its owner's.
  const std::string path = spool_.incoming() + "/" + request.id;
  const auto owner = co_await pool_.run([path]() -> std::optional<std::uint32_t> {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
    return info.st_uid;
  });
  if (!operator_asks && (!owner || *owner != uid)) co_return later("there is no such message of yours in the spool");
  co_return co_await take(std::move(request.id), request.waits);
}

net::Task<void> Taker::serve(std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
  stream->set_deadline(clock_.steady() + kPeerTimeout);
  std::string line;
  std::array<char, kMaxRequest> block;
  while (!line.contains('\n')) {
    if (line.size() >= kMaxRequest || stopping.requested()) co_return;
    if (co_await stream->wait() == net::Ready::woken) continue;
    const std::size_t count = co_await stream->read(block);
    if (count == 0) co_return;
    line.append(block.data(), count);
  }
  const auto request = parse_request(line.substr(0, line.find('\n')));
  if (!request || !stream->endpoints().peer_uid) {
    log.info("sendmail.request.malformed");
    co_return;
  }
  const Claim claim(*this, request->id);
  Answer said = later("it is being taken up already");
  if (claim.mine()) said = co_await answer(*request, *stream->endpoints().peer_uid);
  stream->set_deadline(clock_.steady() + kPeerTimeout);
  const std::string text = format_answer(said);
  co_await stream->write(text);
  // Until it has taken its file away, nobody else may take it up.
  while (said.is == Answer::Is::refused && request->waits && !stopping.requested()) {
    if (co_await stream->wait() == net::Ready::woken) continue;
    if (co_await stream->read(block) == 0) break;
  }
}

}  // namespace sendmail
