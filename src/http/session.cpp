#include "http/session.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace http {

namespace {

constexpr std::size_t kReadBytes = 8 * 1024;
/// RFC 9112 §9.6: what a peer still sends to a connection that we end is read for a while, or it might lose our answer.
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kLingerBytes = 256 * 1024;

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, const Config& config, const std::vector<Route>& routes,
          const base::Clock& clock, base::Log log, net::Stopping stopping)
      : stream_(std::move(stream)),
        config_(config),
        routes_(routes),
        clock_(clock),
        log_(std::move(log)),
        stopping_(std::move(stopping)) {}

  net::Task<void> run();

 private:
  net::Task<std::optional<Request>> next_request();
  net::Task<bool> wait_for_more(bool begun);
  net::Task<Response> answer(Request request);
  net::Task<void> write(Response response, Framing framing);
  net::Task<void> refuse(unsigned status);
  net::Task<void> end();
  void arm(std::chrono::seconds timeout) { stream_->set_deadline(clock_.steady() + timeout); }

  std::unique_ptr<net::Stream> stream_;
  const Config& config_;
  const std::vector<Route>& routes_;
  const base::Clock& clock_;
  base::Log log_;
  net::Stopping stopping_;
  std::string in_;  // read and not taken yet
};

/// False when the connection is to end: the peer has ended it, or the server stops between two requests.
net::Task<bool> Session::wait_for_more(bool begun) {
  if (!begun) arm(config_.idle_timeout);
  if (co_await stream_->wait() == net::Ready::woken) {
    if (stopping_.requested() && !begun) co_return false;
    co_return true;
  }
  if (!begun) arm(config_.request_timeout);
  const std::size_t before = in_.size();
  in_.resize(before + kReadBytes);
  const std::size_t count = co_await stream_->read(std::span(in_).subspan(before));
  in_.resize(before + count);
  co_return count > 0;
}

net::Task<std::optional<Request>> Session::next_request() {
  RequestParser parser(config_.limits);
  bool begun = !in_.empty();
  if (begun) arm(config_.request_timeout);
  while (true) {
    const auto step = parser.next(in_);
    in_.erase(0, step.taken);
    if (step.event == RequestParser::Event::request) co_return parser.take();
    if (step.event == RequestParser::Event::refused) {
      co_await refuse(parser.status());
      co_return std::nullopt;
    }
    if (step.event == RequestParser::Event::go_ahead) {
      co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
      continue;
    }
    begun = begun || step.taken > 0 || !in_.empty();
    if (in_.empty() && !begun) std::string().swap(in_);  // no memory while idle
    if (!co_await wait_for_more(begun)) co_return std::nullopt;
  }
}

net::Task<Response> Session::answer(Request request) {
  std::string allow;
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    const bool head = request.method == "HEAD" && route.method == "GET";
    if (head || route.method == request.method) co_return co_await route.handler(std::move(request));
    allow += (allow.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
  }
  if (allow.empty()) co_return Response::plain(404);
  // RFC 9110 §15.5.6: which methods there are is told.
  Response response = Response::plain(405);
  response.fields.emplace_back("Allow", allow);
  co_return response;
}

net::Task<void> Session::write(Response response, Framing framing) {
  arm(config_.write_timeout);
  const std::string bytes = wire(response, framing, clock_.now());
  co_await stream_->write(bytes);
}

net::Task<void> Session::refuse(unsigned status) {
  log_.noise("http.request.refused", {{"status", status}});
  co_await write(Response::plain(status), {.close = true});
  co_await end();
}

net::Task<void> Session::end() {
  co_await stream_->shutdown();
  arm(kLingerTime);
  std::string rest(kReadBytes, '\0');
  for (std::size_t bytes = 0; bytes < kLingerBytes;) {
    const std::size_t count = co_await stream_->read(rest);
    if (count == 0) co_return;
    bytes += count;
  }
}

net::Task<void> Session::run() {
  if (config_.allowed && !config_.allowed(stream_->endpoints().peer_address)) {
    co_await refuse(403);
    co_return;
  }
  for (std::size_t count = 1;; ++count) {
    std::optional<Request> request = co_await next_request();
    if (!request) co_return;
    log_.debug("http.request",
               {{"method", base::printable(request->method, 20)}, {"path", base::printable(request->path)}});
    const Framing framing{.head = request->method == "HEAD",
                          .close = !request->keep_alive || count >= config_.max_requests || stopping_.requested()};
    co_await write(co_await answer(*std::move(request)), framing);
    if (!framing.close) continue;
    co_await end();
    co_return;
  }
}

}  // namespace

net::Task<void> serve(std::unique_ptr<net::Stream> stream, const Config& config, const std::vector<Route>& routes,
                      const base::Clock& clock, base::Log log, net::Stopping stopping) {
  Session session(std::move(stream), config, routes, clock, std::move(log), std::move(stopping));
  co_await session.run();
}

std::string too_many_connections() {
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

}  // namespace http
