#pragma once
// The client's side of an SMTP or LMTP connection (RFC 5321, 2033): one command and its answer at a time, and the
// groups that PIPELINING allows. What to say, and what to think of an answer, is for who uses it; so are routes, TLS
// policy and retries. On the stream's loop. Every call throws net::Closed when the connection is lost, the time for the
// answer is over (RFC 5321 §4.5.3.2, and the limit that was set), or the host sends what is no reply; the client can
// only be dropped then. A caller keeps client and arguments until the call has ended.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/pool.h"
#include "net/stream.h"
#include "net/task.h"
#include "smtp/answer.h"
#include "smtp/extensions.h"

namespace smtp {

/// RFC 5321 §4.5.3.2. Each is for a whole answer, however slowly its bytes come.
struct ClientTimeouts {
  std::chrono::seconds greeting{300};
  std::chrono::seconds hello{300};
  std::chrono::seconds command{300};  // MAIL, RCPT, AUTH, STARTTLS
  std::chrono::seconds data{120};
  std::chrono::seconds block{180};
  std::chrono::seconds final{600};
  std::chrono::seconds reset{20};
  std::chrono::seconds quit{5};
};

/// The commands that begin a transaction, and what became of them. Without an answer: it did not come to that.
struct Transaction {
  std::string mail;  // without line ends
  std::vector<std::string> rcpt;
  std::optional<Answer> mail_answer;
  std::vector<std::optional<Answer>> rcpt_answers;  // as many as `rcpt`

  std::size_t accepted() const;
};

/// The message's bytes from an offset on, "" at the end.
using ContentSource = std::function<net::Task<base::Result<std::string>>(std::uint64_t offset)>;

struct MessageContent {
  ContentSource read;
  bool chunked = false;              // BDAT (RFC 3030), else DATA
  std::function<bool()> may_commit;  // asked right before the end is sent
  std::size_t recipients = 1;        // accepted ones; LMTP answers for each
};

struct ContentResult {
  enum class Kind {
    answered,    // one answer, over LMTP as many as recipients (the same for all when the host refused at once)
    withdrawn,   // may_commit said no; the connection is closed
    unreadable,  // the content could not be read; the connection is closed
  };
  Kind kind = Kind::answered;
  std::vector<Answer> answers;
  bool whole = true;    // false: LMTP whose connection was lost among its answers; those that came are here
  base::Error error{};  // unreadable
};

class Client {
 public:
  Client(std::unique_ptr<net::Stream> stream, bool lmtp, ClientTimeouts timeouts = {})
      : stream_(std::move(stream)), lmtp_(lmtp), timeouts_(timeouts) {}

  /// No call goes on beyond it.
  void set_limit(base::SteadyTime limit) { limit_ = limit; }

  net::Task<Answer> greeting();
  /// EHLO, and HELO when the host does not know it (RFC 5321 §3.2); LHLO. A positive answer sets extensions().
  net::Task<Answer> hello(std::string name);
  /// STARTTLS. After a positive answer the stream is exchanged by `take_stream` and `put_stream`, and hello() is said
  /// anew. Throws when the host sent more than its answer: it could be somebody else's (RFC 3207 §6).
  net::Task<Answer> start_tls();
  std::unique_ptr<net::Stream> take_stream() { return std::move(stream_); }
  void put_stream(std::unique_ptr<net::Stream> stream) { stream_ = std::move(stream); }
  /// AUTH with the strongest mechanism that both have; the password itself is sent over private channels only. denied,
  /// and no answer from the host: there is no such mechanism, or it could not prove who it is.
  net::Task<base::Result<Answer>> authenticate(std::string user, std::string password, net::Pool& pool);

  /// MAIL and RCPTs; `transaction` holds what is known also when it throws. Stops at a refused MAIL and at 421.
  net::Task<void> begin(Transaction& transaction);
  /// After at least one recipient was accepted.
  net::Task<ContentResult> content(MessageContent content);
  net::Task<Answer> reset();
  /// QUIT, without waiting for long, and the end of the connection. Throws nothing.
  net::Task<void> quit();

  const Extensions& extensions() const { return extensions_; }
  const std::string& host_name() const { return host_name_; }
  /// The end of the content has been sent: until it is answered, nobody knows who has the message.
  bool committed() const { return committed_; }
  bool lmtp() const { return lmtp_; }
  net::Stream& stream() { return *stream_; }

 private:
  net::Task<void> send(std::string_view bytes, std::chrono::seconds time);
  net::Task<Answer> receive(std::chrono::seconds time);
  net::Task<Answer> command(std::string line, std::chrono::seconds time);
  net::Task<void> begin_in_turn(Transaction& transaction);
  net::Task<ContentResult> data(MessageContent content);
  net::Task<ContentResult> chunks(MessageContent content);
  net::Task<std::optional<Answer>> push(std::string_view bytes);
  net::Task<void> final_answers(std::size_t count, ContentResult& result);
  void expect_silence() const;
  void expire_in(std::chrono::seconds time);

  std::unique_ptr<net::Stream> stream_;
  bool lmtp_;
  const ClientTimeouts timeouts_;
  base::SteadyTime limit_ = base::SteadyTime::max();
  AnswerParser parser_;
  std::string input_;  // received and not yet parsed
  Extensions extensions_;
  std::string host_name_;
  bool committed_ = false;
};

}  // namespace smtp
