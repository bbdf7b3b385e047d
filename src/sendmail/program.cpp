#include "sendmail/program.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <vector>

#include "base/text.h"
#include "crypto/random.h"
#include "sendmail/input.h"

namespace sendmail {
namespace {

using base::Code;

constexpr std::chrono::seconds kAnswerPatience{60};

int refuse(std::string_view text, int status) {
  std::fprintf(stderr, "sendmail: %.*s\n", static_cast<int>(text.size()), text.data());
  return status;
}

/// Of what went wrong before the message was durable.
int status_of(const base::Error& error) {
  switch (error.code) {
    case Code::invalid:
    case Code::too_large:
      return EX_DATAERR;
    default:  // no disk space, no spool yet, no rights: the same message may be taken later
      return EX_TEMPFAIL;
  }
}

struct Caller {
  std::string name;
  std::string full_name;
};

Caller caller() {
  Caller out{.name = "uid" + std::to_string(::getuid()), .full_name = {}};
  if (const passwd* entry = ::getpwuid(::getuid())) {
    out.name = entry->pw_name;
    // The first of the comma-separated parts is the name of the person.
    const std::string_view gecos = entry->pw_gecos != nullptr ? entry->pw_gecos : "";
    out.full_name = gecos.substr(0, gecos.find(','));
  }
  if (const char* name = std::getenv("NAME"); name != nullptr && *name != '\0') out.full_name = name;
  return out;
}

/// An operand or -f as one address; "" stays the null sender.
base::Result<std::string> one_address(const std::string& text, std::string_view hostname) {
  if (text.empty()) return std::string();
  TRY_ASSIGN(auto found, addresses_in(text, hostname));
  if (found.size() != 1) return base::fail(Code::invalid, base::printable(text) + " is not one address");
  return std::move(found.front());
}

base::Result<void> read_all(Input& input, const std::function<base::Result<void>(std::string_view)>& take) {
  std::vector<char> block(64 * 1024);
  std::string out;
  while (!input.done()) {
    const ssize_t count = ::read(STDIN_FILENO, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return base::fail(Code::unavailable, std::string("cannot read the message: ") + std::strerror(errno));
    if (count == 0) break;
    TRY(input.feed(std::string_view(block.data(), static_cast<std::size_t>(count)), out));
    TRY(take(out));
    out.clear();
  }
  TRY(input.finish(out));
  return take(out);
}

base::Result<SpoolFile> envelope_of(const Arguments& arguments, const Caller& who, const std::string& hostname) {
  SpoolFile file;
  TRY_ASSIGN(file.envelope.sender, one_address(arguments.sender.value_or(who.name), hostname));
  file.envelope.ret = arguments.ret;
  file.envelope.envid = arguments.envid;
  for (const std::string& operand : arguments.recipients) {
    TRY_ASSIGN(auto found, addresses_in(operand, hostname));
    if (found.empty()) return base::fail(Code::invalid, base::printable(operand) + " is not an address");
    for (std::string& address : found) {
      file.envelope.recipients.push_back({.address = std::move(address), .notify = arguments.notify, .orcpt = {}});
    }
  }
  return file;
}

/// The message from standard input, in the spool.
base::Result<SpoolWriter> spool_message(const Arguments& arguments, const Spool& spool, SpoolFile file,
                                        const Caller& who, const std::string& hostname) {
  Input input({.dot_ends = arguments.dot_ends,
               .from_header = arguments.from_header,
               .from = file.envelope.sender.empty() ? who.name + "@" + hostname : file.envelope.sender,
               .full_name = arguments.full_name.empty() ? who.full_name : arguments.full_name,
               .hostname = hostname,
               .unique = base::hex(crypto::random_bytes(16)),
               .now = base::system_clock().now()});
  std::optional<SpoolWriter> writer;
  TRY(read_all(input, [&](std::string_view bytes) -> base::Result<void> {
    if (!input.header_done()) return {};  // then nothing has come out either
    if (!writer) {
      for (const std::string& address : input.recipients()) {
        file.envelope.recipients.push_back({.address = address, .notify = arguments.notify, .orcpt = {}});
      }
      if (file.envelope.recipients.empty()) return base::fail(Code::invalid, "no recipients");
      // RFC 6531 §3.2: what such addresses need.
      for (const smtp::Recipient& recipient : file.envelope.recipients) {
        for (const char c : recipient.address + file.envelope.sender) file.envelope.smtputf8 |= (c & 0x80) != 0;
      }
      TRY_ASSIGN(auto created, SpoolWriter::create(spool, file));
      writer.emplace(std::move(created));
    }
    return writer->write(bytes);
  }));
  TRY(writer->commit());
  return *std::move(writer);
}

std::optional<std::string> read_line(int fd, std::chrono::steady_clock::time_point until) {
  std::string line;
  std::array<char, 512> block;
  while (line.size() < kMaxAnswer) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const int polled = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return std::nullopt;
    const ssize_t count = ::recv(fd, block.data(), block.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    line.append(block.data(), static_cast<std::size_t>(count));
    if (const std::size_t end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
  }
  return std::nullopt;
}

/// A connection to the server.
class Connection {
 public:
  explicit Connection(const Spool& spool) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = spool.socket();
    std::string name = path;
    // The name of a socket has at most 107 bytes. The directory as a descriptor has a short one.
    if (path.size() >= sizeof address.sun_path) {
      directory_ = ::open(spool.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      name = "/proc/self/fd/" + std::to_string(directory_) + "/socket";
    }
    std::memcpy(address.sun_path, name.data(), name.size());
    connected_ = fd_ >= 0 && ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
    if (directory_ >= 0) ::close(directory_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Answer ask(const Request& wanted) const {
    if (!connected_) return {Answer::Is::later, 0, "no server answers"};
    const std::string request = format_request(wanted);
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return {};
    const auto line = read_line(fd_, std::chrono::steady_clock::now() + kAnswerPatience);
    if (!line) return {};
    return parse_answer(*line).value_or(Answer{});
  }

 private:
  int fd_;
  int directory_ = -1;
  bool connected_ = false;
};

}  // namespace

base::Result<Answer> hand_over(const Spool& spool, SpoolWriter writer) {
  const Connection connection(spool);
  Answer answer = connection.ask({.id = writer.id(), .waits = true});
  if (answer.is == Answer::Is::taken) return answer;
  if (answer.is == Answer::Is::later) {
    if (const auto synced = writer.sync_name(); !synced) {
      (void)remove(spool, writer.id());  // the error that the caller is told counts
      return std::unexpected(synced.error());
    }
    return answer;
  }
  // While the connection is there the server leaves the file alone; behind it, it would take it for accepted.
  if (const auto removed = remove(spool, writer.id()); !removed)
    return Answer{Answer::Is::later, 0, removed.error().text};
  return answer;
}

int send(const Arguments& arguments, const Spool& spool) {
  const std::string hostname = hostname_of(spool);
  const Caller who = caller();
  auto file = envelope_of(arguments, who, hostname);
  if (!file) return refuse(file.error().text, EX_USAGE);
  if (file->envelope.recipients.empty() && !arguments.from_header) return refuse("no recipients", EX_USAGE);
  auto writer = spool_message(arguments, spool, *std::move(file), who, hostname);
  if (!writer) return refuse(writer.error().text, status_of(writer.error()));
  const auto answer = hand_over(spool, *std::move(writer));
  if (!answer) return refuse(answer.error().text, status_of(answer.error()));
  return answer->is == Answer::Is::refused ? refuse(answer->text, answer->status) : EX_OK;
}

int run_queue(const Spool& spool) {
  const auto waiting = list(spool, std::chrono::seconds(0));
  if (!waiting) return refuse(waiting.error().text, waiting.error().code == Code::denied ? EX_NOPERM : EX_UNAVAILABLE);
  std::size_t taken = 0;
  std::string why;
  for (const std::string& id : *waiting) {
    const Answer answer = Connection(spool).ask({.id = id, .waits = false});
    taken += answer.is == Answer::Is::taken;
    if (answer.is != Answer::Is::taken) why = answer.text;
  }
  std::printf("%zu of %zu messages of the spool were taken up\n", taken, waiting->size());
  return taken == waiting->size() ? EX_OK : refuse(why.empty() ? "the server does not say why" : why, EX_TEMPFAIL);
}

}  // namespace sendmail
