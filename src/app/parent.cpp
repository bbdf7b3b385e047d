#include "app/parent.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "app/key_files.h"
#include "app/pipe_process.h"
#include "base/text.h"
#include "net/listener.h"

namespace app {

namespace {

constexpr std::chrono::seconds kLookPause{1};
constexpr std::size_t kMaxCommands = 1000;

base::Error refusal(const ParentRequest& request) {
  if (request.kind == ParentRequest::Kind::run)
    return {base::Code::denied, "the configuration file names no such command with run_as"};
  const std::string shown = base::printable(request.text, 200);
  const bool listen = request.kind == ParentRequest::Kind::listen;
  return {base::Code::denied,
          listen ? "the configuration file names no listener on " + shown + " port " + std::to_string(request.port)
                 : "the configuration file does not name the file " + shown};
}

/// The reply with the descriptor, if there is one.
bool send_reply(int socket, const std::string& message, int fd) {
  iovec piece{const_cast<char*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

}  // namespace

ParentRights ParentRights::of(const Loaded& loaded) {
  const Config& config = loaded.config;
  ParentRights rights;
  rights.files.insert(loaded.inputs.files.begin(), loaded.inputs.files.end());
  for (const Listener& listener : config.listeners) {
    if (!listener.path.empty()) continue;  // a Unix socket is the server's own to bind
    for (const std::string& address : listener.addresses) rights.listeners.emplace(address, listener.port);
    if (!listener.client_ca.empty()) rights.files.insert(listener.client_ca);
  }
  std::vector<TlsFiles> all{config.tls};
  for (const NamedCertificate& certificate : config.certificates) all.push_back(certificate.files);
  for (const TlsFiles& files : all) {
    if (files.certificate.empty()) continue;
    for (TlsFiles& candidate : candidates(files)) {
      rights.files.insert(std::move(candidate.certificate));
      rights.files.insert(std::move(candidate.key));
    }
  }
  for (const queue::Route& route : config.delivery.queue.routes) {
    if (!route.pipe.user.empty()) rights.commands.emplace(fingerprint(route.pipe), route.pipe);
  }
  return rights;
}

void ParentRights::add(ParentRights more) {
  listeners.merge(more.listeners);
  files.merge(more.files);
  commands.merge(more.commands);
}

bool ParentRights::cover(const ParentRequest& request) const {
  if (request.kind == ParentRequest::Kind::listen) return listeners.contains({request.text, request.port});
  if (request.kind == ParentRequest::Kind::run) return commands.contains(lines_of(request)[0]);
  return files.contains(request.text);
}

Parent::Parent(ParentRights rights, Outsider outsider, Load load, base::Log log)
    : rights_(std::move(rights)), outsider_(std::move(outsider)), load_(std::move(load)), log_(std::move(log)) {}

void Parent::look_again() {
  // Who asks for what it may not have waits for it, and costs no more than this.
  if (looked_) std::this_thread::sleep_until(*looked_ + kLookPause);
  looked_ = std::chrono::steady_clock::now();
  if (auto more = load_()) {
    rights_.add(*std::move(more));
  } else {
    log_.warning("app.parent.config", {{"why", more.error().text}});
  }
}

base::Result<int> Parent::answer(const ParentRequest& request) {
  if (!rights_.cover(request)) look_again();
  if (!rights_.cover(request)) {
    const base::Error error = refusal(request);
    log_.warning("app.parent.refused", {{"why", error.text}});
    return std::unexpected(error);
  }
  if (request.kind == ParentRequest::Kind::run) return run(request);
  if (request.kind == ParentRequest::Kind::open) return open_guarded(request.text, outsider_);
  return net::bind_tcp(request.text, request.port);
}

base::Result<int> Parent::run(const ParentRequest& request) {
  if (commands_.size() >= kMaxCommands) return base::fail(base::Code::unavailable, "too many commands run at once");
  const auto lines = lines_of(request);
  const outbound::Pipe& pipe = rights_.commands.at(lines[0]);
  // A program that the server's user could exchange would run as somebody else.
  TRY_ASSIGN(const int program, open_guarded(pipe.command[0], outsider_));
  ::close(program);
  TRY_ASSIGN(const auto started, start_watching(pipe, {.sender = lines[1], .recipient = lines[2], .id = lines[3]}));
  commands_.insert(started.pid);
  return started.socket;
}

bool Parent::serve_one(int socket) {
  std::array<char, kMaxMessage + 1> buffer;
  // Without room for control data: descriptors that are sent to us are closed by the kernel.
  const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  if (size == 0) return false;
  const auto request = parse_request(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
  if (!request) {
    log_.error("app.parent.refused", {{"why", "the server sent what is no request"}});
    return false;
  }
  const auto fd = answer(*request);
  const bool sent = send_reply(socket, encode(fd ? std::nullopt : std::optional(fd.error())), fd.value_or(-1));
  if (fd) ::close(*fd);
  return sent;
}

}  // namespace app
