#include "outbound/fetch.h"

#include <curl/curl.h>

#include <algorithm>

#include "net/handover.h"

namespace outbound {

namespace {

struct EasyFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;
using List = std::unique_ptr<curl_slist, ListFree>;

struct Body {
  std::string bytes;
  std::size_t most = 0;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* user) {
  Body& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  if (bytes > body.most - std::min(body.most, body.bytes.size())) return 0;
  body.bytes.append(data, bytes);
  return bytes;
}

int watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

List list_of(const std::string& text) { return List(curl_slist_append(nullptr, text.c_str())); }

std::string resolve_entry(const FetchRequest& request) {
  std::string entry = request.host + ":" + std::to_string(request.port) + ":";
  for (std::size_t i = 0; i < request.addresses.size(); ++i) {
    const bool six = request.addresses[i].find(':') != std::string::npos;
    entry += (i > 0 ? "," : "") + (six ? "[" + request.addresses[i] + "]" : request.addresses[i]);
  }
  return entry;
}

bool is_tls(CURLcode code) {
  return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

}  // namespace

FetchReply Fetcher::perform(const FetchRequest& request) const {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Easy easy(ready == CURLE_OK ? curl_easy_init() : nullptr);
  if (!easy) return {.failure = FetchReply::Failure::other, .why = "libcurl cannot be set up"};
  CURL* const curl = easy.get();
  const std::string url = "https://" + request.host + ":" + std::to_string(request.port) + request.path;
  const List resolve = list_of(resolve_entry(request));
  const List headers = list_of("Content-Type: " + request.content_type);
  Body body{.bytes = {}, .most = request.max_bytes};
  char words[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve.get());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "postrider");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&stopping_));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  if (!trusted_.empty()) {
    curl_blob blob{.data = const_cast<char*>(trusted_.data()), .len = trusted_.size(), .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  if (!request.post.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.post.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.post.data());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  FetchReply reply;
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    reply.failure = is_tls(code) ? FetchReply::Failure::tls : FetchReply::Failure::other;
    reply.why = words[0] != '\0' ? words : curl_easy_strerror(code);
    return reply;
  }
  const char* type = nullptr;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) reply.content_type = type;
  reply.body = std::move(body.bytes);
  return reply;
}

net::Task<FetchReply> Fetcher::fetch(FetchRequest request) {
  auto done = std::make_shared<net::Handover<FetchReply>>();
  pool_.submit([this, done, request = std::move(request)] {
    done->set(stopping_ ? FetchReply{.failure = FetchReply::Failure::other, .why = "the server is stopping"}
                        : perform(request));
  });
  co_return co_await net::Handover<FetchReply>::wait(done);
}

}  // namespace outbound
