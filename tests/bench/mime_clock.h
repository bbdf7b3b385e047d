#pragma once
// What the MIME benchmarks share: mime_bench.cc and gmime_bench.cc parse the file FILE over and over for MILLISECONDS
// and print one JSON object, with the parts that they found and the most memory that they ever had.

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

/// The most memory that this program ever had; getrusage() would tell that of what started it.
inline long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

/// `parse` is called with the message and returns the number of its parts.
template <class Parse>
int run_mime_bench(int argc, char** argv, Parse parse) {
  if (argc != 3) return fmt::print(stderr, "usage: {} FILE MILLISECONDS\n", argv[0]), 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::string message{std::istreambuf_iterator<char>(file), {}};
  if (message.empty()) return fmt::print(stderr, "{} cannot be read\n", argv[1]), 1;
  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds wanted(std::atol(argv[2]));
  std::size_t parts = parse(message);  // once before, so that the first touch of memory is not measured
  std::uint64_t rounds = 0;
  const auto began = Clock::now();
  auto now = began;
  for (; now - began < wanted; now = Clock::now()) {
    parts = parse(message);
    ++rounds;
  }
  fmt::print("{{\"messages\": {}, \"bytes\": {}, \"seconds\": {:.6f}, \"parts\": {}, \"rss_kib\": {}}}\n", rounds,
             rounds * message.size(), std::chrono::duration<double>(now - began).count(), parts, peak_kib());
  return 0;
}
