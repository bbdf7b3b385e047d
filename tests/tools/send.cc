// Sends the message on standard input to one host, by the room that sends for the server, and prints what became of
// each recipient: for tests against hosts of others. send HOST[:PORT]|PATH smtp|lmtp FROM TO… [--eight-bit] [--utf8]
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/text.h"
#include "dns/fake.h"
#include "outbound/open.h"

namespace {

struct Given {
  outbound::Destination destination{.domain = "remote.test", .tls = outbound::TlsPolicy::opportunistic};
  outbound::Message message;
  std::vector<smtp::Recipient> recipients;
  std::string content;
};

net::Task<base::Result<std::string>> read(const std::string* content, std::uint64_t offset) {
  constexpr std::size_t kPiece = 64 * 1024;
  co_return content->substr(std::min<std::size_t>(offset, content->size()), kPiece);
}

bool parse(std::span<char*> arguments, Given& given) {
  if (arguments.size() < 5) return false;
  const std::string host = arguments[1];
  const std::size_t colon = host.rfind(':');
  if (host.starts_with('/')) {
    given.destination.hosts = {{.name = {}, .port = 0, .path = host}};
  } else {
    const auto port = base::parse_u32(std::string_view(host).substr(std::min(colon + 1, host.size())));
    if (colon == std::string::npos || !port) return false;
    given.destination.hosts = {{.name = host.substr(0, colon), .port = static_cast<std::uint16_t>(*port)}};
  }
  given.destination.lmtp = std::string_view(arguments[2]) == "lmtp";
  given.message.envelope.sender = arguments[3];
  for (const std::string_view argument : arguments.subspan(4)) {
    if (argument == "--eight-bit") {
      given.message.envelope.body = smtp::BodyType::eight_bit_mime;
    } else if (argument == "--utf8") {
      given.message.envelope.smtputf8 = given.message.eight_bit_header = true;
    } else {
      given.recipients.push_back({.address = std::string(argument), .notify = {.failure = true}});
    }
  }
  return !given.recipients.empty();
}

const char* word(outbound::Verdict verdict) {
  return verdict == outbound::Verdict::delivered  ? "delivered"
         : verdict == outbound::Verdict::deferred ? "deferred"
                                                  : "failed";
}

}  // namespace

int main(int count, char** arguments) {
  Given given;
  if (!parse({arguments, static_cast<std::size_t>(count)}, given)) {
    std::fprintf(stderr, "send HOST:PORT|PATH smtp|lmtp FROM TO... [--eight-bit] [--utf8] < MESSAGE\n");
    return 64;
  }
  given.content.assign(std::istreambuf_iterator<char>(std::cin), {});
  given.message.size = given.content.size();
  given.message.read = [&given](std::uint64_t offset) { return read(&given.content, offset); };
  net::Pool pool(1);
  const auto store = store::open_memory(pool, base::system_clock(), {});
  dns::test::FakeResolver resolver;
  auto opened = outbound::open({.resolver = resolver, .store = *store, .clock = base::system_clock()},
                               {.hostname = "client.test", .idle_timeout = std::chrono::seconds(0)}, {});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().text.c_str());
    return 1;
  }
  const auto outcomes =
      net::run((*opened)->send(given.destination, given.message, given.recipients, [] { return true; },
                               std::chrono::steady_clock::now() + std::chrono::seconds(60), {}));
  for (const outbound::Outcome& outcome : outcomes) {
    std::printf("%s %s %s | %s | %s\n", word(outcome.verdict), outcome.status.c_str(), outcome.reports ? "dsn" : "-",
                outcome.tls.c_str(),
                outcome.verdict == outbound::Verdict::delivered ? outcome.diagnostic.c_str() : outcome.text.c_str());
  }
  return 0;
}
