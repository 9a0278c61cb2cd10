// SPDX-License-Identifier: Apache-2.0
#include "tools/bisect_side.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "pools/ensure.h"
#include "tools/child.h"
#include "tools/state_replay.h"

namespace tandem::tools {
namespace {

constexpr std::size_t kMessageMax = 60'000;  ///< of the pair of sockets
constexpr char kLook = 'L';
constexpr char kGo = 'G';
constexpr char kImage = 'I';

// A message is a letter and a text. 'A': Looked; 'E': a digit for the exit code, and a sentence.
void Send(int socket, const std::string& message) {
  const std::string cut = message.substr(0, kMessageMax);
  while (::send(socket, cut.data(), cut.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}
std::optional<std::string> Receive(int socket) {
  std::string message(kMessageMax, '\0');
  ssize_t got = 0;
  do {
    got = ::recv(socket, message.data(), message.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return std::nullopt;
  message.resize(static_cast<std::size_t>(got));
  return message;
}

std::string Packed(const Error& error) {
  return std::string("E") + static_cast<char>('0' + static_cast<int>(error.code)) + error.text;
}
std::string Packed(const BisectSide::Looked& looked) {
  return "A" + std::string(reinterpret_cast<const char*>(&looked), sizeof looked);
}

Result<std::uint64_t> FieldsHash(const StateReplay& replay) {
  const auto walk = replay.Walk();
  if (!walk) return walk.error();
  XXH3_state_t* const hash = XXH3_createState();
  XXH3_64bits_reset(hash);
  const auto add = [hash](const std::string& text) {
    XXH3_64bits_update(hash, text.data(), text.size());
  };
  add(state::RecordOf(walk->RootValues()));
  for (const state::StatePool& pool : walk->pools()) {
    if (pool.element == nullptr) continue;
    add("\n" + pool.name);
    for (std::uint64_t i = 0; i < pool.count; ++i) {
      if (pool.IsLive(i)) add("\n" + std::to_string(i) + state::RecordOf(walk->ValuesOf(pool, i)));
    }
  }
  const std::uint64_t digest = XXH3_64bits_digest(hash);
  XXH3_freeState(hash);
  return digest;
}

Result<BisectSide::Looked> LookAt(StateReplay& replay) {
  const auto bytes = replay.Hash();
  if (!bytes) return bytes.error();
  const auto fields = FieldsHash(replay);
  if (!fields) return fields.error();
  const replay::StatePlace place = replay.application().state_place();
  return BisectSide::Looked{.number = replay.position().number,
                            .bytes_hash = *bytes,
                            .fields_hash = *fields,
                            .address = place.zone_address,
                            .layout = place.layout};
}

std::string AnswerTo(StateReplay& replay, char what, std::uint64_t number,
                     const std::string& path) {
  if (Status status = replay.StepTo(number); !status) return Packed(status.error());
  if (what == kImage) {
    const auto written = replay::WriteImage(replay.application(), replay.session(), path);
    if (!written) return Packed(written.error());
  }
  const auto looked = LookAt(replay);
  return looked ? Packed(*looked) : Packed(looked.error());
}

[[noreturn]] void Serve(int socket, const ApplicationOptions& application, const std::string& input,
                        const std::string& start) {
  std::signal(SIGINT, SIG_IGN);  // who asks decides
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Result<std::unique_ptr<StateReplay>> made = Error::Failure("");
  if (start.empty()) {
    made = StateReplay::FromNothing(application, input);
  } else {
    const auto image = replay::StateImage::Open(start);
    made = image ? StateReplay::FromImage(application, input, *image)
                 : Result<std::unique_ptr<StateReplay>>(image.error());
  }
  if (made) {
    if (Status status = (*made)->ReadAhead(); !status) made = status.error();
  }
  if (!made) {
    Send(socket, Packed(made.error()));
    ::_exit(0);
  }
  StateReplay& replay = **made;
  const auto begun = LookAt(replay);
  Send(socket, begun ? Packed(*begun) : Packed(begun.error()));
  while (const auto question = Receive(socket)) {
    const char what = (*question)[0];
    std::uint64_t number = 0;
    std::memcpy(&number, question->data() + 1, sizeof number);
    const std::string path = question->substr(1 + sizeof number);
    const auto work = [&] { return AnswerTo(replay, what, number, path); };
    if (what == kGo) {
      Send(socket, work());
    } else {
      const auto answer = RunInChild(work);
      Send(socket, answer ? *answer
                          : Packed(Error::Failure("the application crashes, or takes longer than "
                                                  "10 minutes, on its way to input " +
                                                  std::to_string(number))));
    }
  }
  ::_exit(0);
}

}  // namespace

Result<BisectSide> BisectSide::Begin(const ApplicationOptions& application,
                                     const std::string& input, const std::string& start) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return Error::Failure(std::string("no sockets: ") + std::strerror(errno));
  }
  const pid_t process = ::fork();
  if (process < 0) return Error::Failure(std::string("no process: ") + std::strerror(errno));
  if (process == 0) {
    ::close(sockets[0]);
    Serve(sockets[1], application, input, start);
  }
  ::close(sockets[1]);
  BisectSide side(process, sockets[0]);
  const auto begun = side.Answer();
  if (!begun) return begun.error();
  return side;
}

BisectSide::BisectSide(BisectSide&& other) noexcept
    : process_(std::exchange(other.process_, -1)), socket_(std::exchange(other.socket_, -1)) {}

BisectSide::~BisectSide() {
  if (socket_ >= 0) ::close(socket_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

void BisectSide::Ask(char what, std::uint64_t number, const std::string& path) {
  std::string question(1, what);
  question.append(reinterpret_cast<const char*>(&number), sizeof number);
  Send(socket_, question + path);
}
void BisectSide::Look(std::uint64_t number) { Ask(kLook, number); }
void BisectSide::GoTo(std::uint64_t number) { Ask(kGo, number); }
void BisectSide::WriteImage(std::uint64_t number, const std::string& path) {
  Ask(kImage, number, path);
}

Result<BisectSide::Looked> BisectSide::Answer() {
  const auto answer = Receive(socket_);
  if (!answer || answer->size() < 2) {
    return Error::Failure("a replay ended early; what it said stands above");
  }
  if ((*answer)[0] == 'E') {
    return Error{static_cast<ExitCode>((*answer)[1] - '0'), answer->substr(2)};
  }
  Looked looked;
  ENSURE(answer->size() == 1 + sizeof looked, "an answer of %zu bytes", answer->size());
  std::memcpy(&looked, answer->data() + 1, sizeof looked);
  return looked;
}

}  // namespace tandem::tools
