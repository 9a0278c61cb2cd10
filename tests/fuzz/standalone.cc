// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target without libFuzzer: every file of a corpus, then changed copies of them from a
// seeded generator.    NAME_fuzz CORPUS_FOLDER EXECUTIONS [SEED]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

void Change(Bytes& bytes, const Bytes& other, std::mt19937_64& random) {
  const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random() % 6) {
    case 0:
      if (!bytes.empty()) *place = static_cast<std::uint8_t>(random());
      break;
    case 1:
      if (!bytes.empty()) *place ^= static_cast<std::uint8_t>(1u << random() % 8);
      break;
    case 2:
      bytes.insert(place, static_cast<std::uint8_t>(random()));
      break;
    case 3:
      if (!bytes.empty()) bytes.erase(place);
      break;
    case 4:
      bytes.resize(at);
      break;
    default:
      if (!other.empty()) {
        const std::size_t from = random() % other.size();
        const std::size_t size = std::min<std::size_t>(random() % 64, other.size() - from);
        const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
        bytes.insert(place, begin, begin + static_cast<std::ptrdiff_t>(size));
      }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER EXECUTIONS [SEED]\n", arguments[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(corpus.back().data(), corpus.back().size());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "the corpus %s is empty\n", arguments[1]);
    return 2;
  }
  const std::uint64_t executions = std::strtoull(arguments[2], nullptr, 10);
  const std::uint64_t seed = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < executions; ++i) {
    Bytes bytes = corpus[random() % corpus.size()];
    for (std::uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      Change(bytes, corpus[random() % corpus.size()], random);
    }
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%zu files and %llu changed ones\n", corpus.size(),
              static_cast<unsigned long long>(executions));
  return 0;
}
