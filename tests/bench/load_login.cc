// Logins at an IMAP server: --sessions N threads, each of which connects over TLS with a full handshake, authenticates
// with --mechanism and logs out, until --milliseconds have passed. What a real client would keep (the SaltedPassword of
// SCRAM, RFC 5802 §5.1) is kept. With --expect NO the password is wrong: a connection for each attempt.

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "load.h"

namespace load {
namespace {

constexpr int kDigest = 32;
constexpr std::string_view kExporter = "EXPORTER-Channel-Binding";

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string hmac(std::string_view key, std::string_view data) {
  std::string out(kDigest, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(), bytes_of(out), nullptr);
  return out;
}

std::string sha256(std::string_view data) {
  std::string out(kDigest, '\0');
  EVP_Digest(data.data(), data.size(), bytes_of(out), nullptr, EVP_sha256(), nullptr);
  return out;
}

std::string base64(std::string_view data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(bytes_of(out), bytes_of(data), static_cast<int>(data.size()))));
  return out;
}

std::string unbase64(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(bytes_of(out), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0) throw std::runtime_error("not base64: " + std::string(text));
  out.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) {
    text.remove_suffix(1);
    out.pop_back();
  }
  return out;
}

/// A TLS connection that speaks in lines.
class Session {
 public:
  Session(const Options& options, SSL_CTX* context)
      : connection_(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2993))),
        ssl_(SSL_new(context), SSL_free) {
    SSL_set_fd(ssl_.get(), connection_.fd());
    if (SSL_connect(ssl_.get()) != 1) throw std::runtime_error("the TLS handshake failed");
  }
  void send(const std::string& text) {
    if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) <= 0) {
      throw std::runtime_error("cannot write over TLS");
    }
  }
  /// The next line that begins with one of the two.
  std::string line(std::string_view one, std::string_view other) {
    for (;;) {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        char piece[4096];
        const int n = SSL_read(ssl_.get(), piece, sizeof piece);
        if (n <= 0) throw std::runtime_error("the server closed the connection");
        buffer_.append(piece, static_cast<std::size_t>(n));
      }
      std::string text = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      if (text.starts_with(one) || text.starts_with(other)) return text;
    }
  }
  std::string exporter() {
    std::string out(kDigest, '\0');
    SSL_export_keying_material(ssl_.get(), bytes_of(out), out.size(), kExporter.data(), kExporter.size(), bytes_of(""),
                               0, 1);
    return out;
  }

 private:
  Connection connection_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  std::string buffer_;
};

struct User {
  std::string name;
  std::string password;
  std::string salt;  // of the SaltedPassword that is kept
  std::string salted;
};

const std::string& salted_password(User& user, const std::string& salt, int iterations) {
  if (user.salt != salt) {
    user.salt = salt;
    user.salted.assign(kDigest, '\0');
    PKCS5_PBKDF2_HMAC(user.password.data(), static_cast<int>(user.password.size()), bytes_of(salt),
                      static_cast<int>(salt.size()), iterations, EVP_sha256(), kDigest, bytes_of(user.salted));
  }
  return user.salted;
}

/// Everything behind "+ ".
std::string challenge(Session& session) { return unbase64(session.line("+ ", "+ ").substr(2)); }

std::string scram(Session& session, User& user, bool plus) {
  const std::string header = plus ? "p=tls-exporter,," : "n,,";
  const std::string bare = "n=" + user.name + ",r=bench";
  session.send("a AUTHENTICATE SCRAM-SHA-256" + std::string(plus ? "-PLUS " : " ") + base64(header + bare) + "\r\n");
  const std::string first = challenge(session);
  const auto salt_at = first.find(",s=") + 3;
  const auto count_at = first.find(",i=", salt_at) + 3;
  const std::string salt = unbase64(first.substr(salt_at, count_at - 3 - salt_at));
  const std::string without_proof =
      "c=" + base64(header + (plus ? session.exporter() : std::string())) + "," + first.substr(0, salt_at - 3);
  std::string proof = hmac(salted_password(user, salt, std::stoi(first.substr(count_at))), "Client Key");
  const std::string signature = hmac(sha256(proof), bare + "," + first + "," + without_proof);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  session.send(base64(without_proof + ",p=" + base64(proof)) + "\r\n");
  const std::string answer = session.line("a ", "+ ");
  if (answer.starts_with("a ")) return answer;
  session.send("\r\n");
  return session.line("a ", "a ");
}

std::string authenticate(Session& session, const std::string& mechanism, User& user) {
  if (mechanism.starts_with("SCRAM")) return scram(session, user, mechanism.ends_with("-PLUS"));
  if (mechanism == "LOGIN") {
    session.send("a AUTHENTICATE LOGIN " + base64(user.name) + "\r\n");
    (void)challenge(session);
    session.send(base64(user.password) + "\r\n");
  } else {
    session.send("a AUTHENTICATE PLAIN " + base64('\0' + user.name + '\0' + user.password) + "\r\n");
  }
  return session.line("a ", "a ");
}

}  // namespace

int login(const Options& options) {
  const std::string mechanism = options.text("mechanism", "PLAIN");
  const std::string expected = "a " + options.text("expect", "OK");
  const auto users = options.number("users", 10);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(options.number("milliseconds", 10'000));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  std::atomic<std::int64_t> done{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < options.number("sessions", 4); ++i) {
    threads.emplace_back([&, i] {
      User user{.name = fmt::format("u{}@{}", i % users + 1, options.text("domain", "example.test")),
                .password = options.text("password", "test"),
                .salt = {},
                .salted = {}};
      try {
        while (Clock::now() < end) {
          Session session(options, context.get());
          session.line("* OK", "* OK");
          const std::string answer = authenticate(session, mechanism, user);
          if (!answer.starts_with(expected)) throw std::runtime_error("unexpected: " + answer);
          session.send("b LOGOUT\r\n");
          session.line("b OK", "b OK");
          ++done;
        }
      } catch (const std::exception& error) {
        fmt::print(stderr, "login: {}\n", error.what());
        failed = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  fmt::print(R"({{"logins": {}, "seconds": {:.3f}}})"
             "\n",
             done.load(), seconds_since(start));
  return failed ? 1 : 0;
}

}  // namespace load
