#include "http/session.h"

#include <doctest/doctest.h>

#include "net/loop.h"
#include "net/memory_stream.h"

namespace {

using namespace std::chrono_literals;

struct Site {
  http::Config config;
  std::vector<http::Route> routes;

  Site() {
    const auto echo = [](http::Request request) -> http::Response {
      return {.body = request.method + " " + request.query + " " + request.body};
    };
    routes = {{"GET", "/thing", [echo](http::Request request) { return said(echo(std::move(request))); }},
              {"POST", "/thing", [echo](http::Request request) { return said(echo(std::move(request))); }}};
  }
  static net::Task<http::Response> said(http::Response response) { co_return response; }

  /// All that the server says to `input`, which comes in pieces of at most `piece` bytes.
  std::string talk(std::string input, std::size_t piece = SIZE_MAX) {
    std::string output;
    net::run(serve(net::scripted_stream({.input = std::move(input), .piece = piece}, output)));
    // The date is the only thing that changes.
    for (std::size_t at = 0; (at = output.find("Date: ", at)) != std::string::npos;) {
      output.erase(at, output.find("\r\n", at) + 2 - at);
    }
    return output;
  }

 private:
  net::Task<void> serve(std::unique_ptr<net::Stream> stream) {
    try {
      co_await http::serve(std::move(stream), config, routes, base::system_clock(), {}, {});
    } catch (const net::Closed&) {
    }
  }
};

std::string text(std::string_view status, std::string_view body, std::string_view more = {}) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nContent-Type: text/plain; charset=utf-8\r\n" + std::string(more) + "\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("requests of one connection are answered in order, in whatever pieces they come") {
  Site site;
  const std::string input =
      "GET /thing?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /thing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      "POST http://x/thing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
      "GET /thing HTTP/1.0\r\n\r\n";
  const std::string expected = text("200 OK", "GET a=1 ") + text("200 OK", "POST  hello") +
                               text("200 OK", "POST  abcde") + text("200 OK", "GET  ", "Connection: close\r\n");
  for (const std::size_t piece : {1u, 2u, 7u, 64u, 10'000u}) CHECK(site.talk(input, piece) == expected);
}

TEST_CASE("HEAD is GET without the body, and what is not there is told") {
  Site site;
  std::string head = text("200 OK", "HEAD  ");
  head.resize(head.size() - std::string_view("HEAD  ").size());
  CHECK(site.talk("HEAD /thing HTTP/1.1\r\nHost: x\r\n\r\n") == head);
  CHECK(site.talk("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n") == text("404 Not Found", "Not Found\n"));
  // RFC 9110 §15.5.6
  CHECK(site.talk("PUT /thing HTTP/1.1\r\nHost: x\r\n\r\n") ==
        text("405 Method Not Allowed", "Method Not Allowed\n", "Allow: GET, HEAD, POST\r\n"));
}

TEST_CASE("what is wrong is refused and ends the connection") {
  Site site;
  const auto status = [&site](const std::string& input) {
    const std::string output = site.talk(input);
    CHECK(output.find("Connection: close\r\n") != std::string::npos);
    return output.substr(9, 3);
  };
  CHECK(status("nonsense\r\n\r\n") == "400");
  CHECK(status("GET /thing HTTP/1.1\r\n\r\n") == "400");  // RFC 9112 §3.2: no Host
  CHECK(status("GET /thing HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == "400");
  CHECK(status("GET /thing HTTP/2.0\r\nHost: a\r\n\r\n") == "505");
  CHECK(status("POST /thing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n") == "400");
  CHECK(status("POST /thing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n") == "501");
  CHECK(status("POST /thing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") == "411");
  CHECK(status("POST /thing HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n") == "413");
  CHECK(status("GET /thing HTTP/1.1\r\nHost: a\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n") == "431");
  CHECK(status("GET /" + std::string(10'000, 'x')) == "431");
  site.config.allowed = [](std::string_view address) { return address == "127.0.0.1"; };
  CHECK(status("GET /thing HTTP/1.1\r\nHost: a\r\n\r\n") == "403");
}

TEST_CASE("a client that asks first is told to go ahead with its body") {
  Site site;
  const std::string head =
      "POST /thing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  CHECK(site.talk(head + "ok", head.size()) ==
        "HTTP/1.1 100 Continue\r\n\r\n" + text("200 OK", "POST  ok", "Connection: close\r\n"));
  // RFC 9110 §10.1.1: who has sent the body already does not wait for it.
  CHECK(site.talk(head + "ok") == text("200 OK", "POST  ok", "Connection: close\r\n"));
}

TEST_CASE("a connection takes so many requests and no more") {
  Site site;
  site.config.max_requests = 2;
  const std::string one = "GET /thing HTTP/1.1\r\nHost: x\r\n\r\n";
  CHECK(site.talk(one + one + one) == text("200 OK", "GET  ") + text("200 OK", "GET  ", "Connection: close\r\n"));
}

namespace {

/// A client that sends a byte now and then; how the session ended.
net::Task<net::Closed::Why> slow_client(Site& site) {
  auto [client, server] = net::memory_pair();
  net::Loop* loop = net::Loop::current();
  struct Outcome {
    std::optional<net::Closed::Why> why;
    static net::Task<void> run(Outcome& outcome, Site& site, std::unique_ptr<net::Stream> stream) {
      try {
        co_await http::serve(std::move(stream), site.config, site.routes, base::system_clock(), {}, {});
      } catch (const net::Closed& closed) {
        outcome.why = closed.why;
      }
    }
  } outcome;
  loop->spawn(Outcome::run(outcome, site, std::move(server)));
  for (int i = 0; i < 200 && !outcome.why; ++i) {
    co_await client->write("G");
    co_await net::sleep_for(20ms);
  }
  co_return outcome.why.value_or(net::Closed::Why::peer);
}

}  // namespace

TEST_CASE("a request has one deadline as a whole, however its bytes trickle") {
  Site site;
  site.config.request_timeout = 1s;
  CHECK(net::run(slow_client(site)) == net::Closed::Why::timeout);
}

TEST_CASE("dates are those of RFC 9110 §5.6.7") {
  CHECK(http::http_date(base::WallTime(std::chrono::seconds(784111777))) == "Sun, 06 Nov 1994 08:49:37 GMT");
}
