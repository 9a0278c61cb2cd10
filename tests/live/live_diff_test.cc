// SPDX-License-Identifier: Apache-2.0
//
// tandem diff of live streams: the report of two logs, from what is served, also while it grows.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <memory>
#include <thread>

#include "engine/transport/stream_server.h"
#include "tests/live/live_test.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

/// A log that grows and is served as an engine serves its own.
class Served {
 public:
  explicit Served(const std::string& folder, const std::string& session = "TEST")
      : stream_(session) {
    auto writer = replay::LogWriter::Open(storage_, folder,
                                          {.session = proto::Session(session),
                                           .role = replay::kOutputRole,
                                           .schema = "",
                                           .segment_bytes = 16 << 10,
                                           .check_digest = true});
    ENSURE(writer.ok(), "%s", writer.error().text.c_str());
    writer_.emplace(std::move(*writer));
    server_ = std::make_unique<engine::StreamServer>(context_, served_storage_, [this] {
      pb::Status status;
      status.set_role("engine");
      status.set_name("A");
      status.set_number(published_);
      return status;
    });
    const Status listens = server_->Listen({.host = "127.0.0.1", .port = "0"});
    ENSURE(listens.ok(), "%s", listens.error().text.c_str());
    server_->Serve(folder, proto::Session(session));
    thread_ = std::thread([this] {
      const auto work = boost::asio::make_work_guard(context_);
      context_.run();
    });
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    boost::asio::post(context_, [this] { server_->Close(); });
    boost::asio::post(context_, [this] { context_.stop(); });
    thread_.join();
  }

  /// Messages up to `last`; message `other` and those that follow from it are another stream's.
  void Write(std::uint64_t last, std::uint64_t other = UINT64_MAX) {
    while (stream_.position.number < last) {
      const std::uint64_t number = stream_.position.number + 1;
      writer_->Append(stream_.Add(200, number == other ? "other" : std::to_string(number)));
    }
    ENSURE(writer_->Flush().ok(), "cannot write");
    boost::asio::post(context_, [this, last] {
      published_ = last;
      server_->Publish(last);
    });
  }

  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(server_->port());
  }

 private:
  TestStream stream_;
  replay::PosixStorage storage_;
  replay::PosixStorage served_storage_;
  std::optional<replay::LogWriter> writer_;
  std::uint64_t published_ = 0;
  boost::asio::io_context context_;
  std::unique_ptr<engine::StreamServer> server_;
  std::thread thread_;
};

class LiveDiff : public LiveTest {
 protected:
  /// The exit code, and what was said.
  std::pair<int, std::string> Diff(Words words) {
    words.insert(words.begin(), "diff");
    std::string output;
    const int code = Run(words, &output);
    return {code, output};
  }
};

TEST_F(LiveDiff, SaysThatStreamsAreTheSame) {
  Served a(Path("a"));
  Served b(Path("b"));
  a.Write(1000);
  b.Write(1000);
  const std::string same = "messages 1 to 1000 are the same by their running digests\n";
  EXPECT_EQ(Diff({a.address(), b.address()}), std::pair(0, same));
  EXPECT_EQ(Diff({a.address(), Path("b")}), std::pair(0, same));
  EXPECT_EQ(Diff({Path("a"), b.address()}), std::pair(0, same));
  a.Write(1003);
  EXPECT_EQ(Diff({a.address(), b.address()}).second,
            "messages 1 to 1000 are the same by their running digests; " + a.address() +
                " ends at message 1003 and " + b.address() + " ends at message 1000\n");
}

TEST_F(LiveDiff, ReportsTheFirstDifferenceAsOfLogs) {
  int pair = 0;
  for (const std::uint64_t at : {1, 2, 500, 999, 1000}) {
    const std::string name = std::to_string(++pair);
    Served a(Path("a" + name));
    Served b(Path("b" + name));
    a.Write(1000);
    b.Write(1000, at);
    const auto of_logs = Diff({Path("a" + name), Path("b" + name)});
    EXPECT_EQ(of_logs.first, 1);
    EXPECT_NE(of_logs.second.find("first at message " + std::to_string(at)), std::string::npos);
    EXPECT_EQ(Diff({a.address(), b.address()}), of_logs);
    EXPECT_EQ(Diff({a.address(), Path("b" + name)}), of_logs);
    EXPECT_EQ(Diff({Path("a" + name), b.address()}), of_logs);
  }
}

TEST_F(LiveDiff, LooksAtAllThatFollowsWhereThatIsAsked) {
  Served a(Path("a"));
  Served b(Path("b"));
  a.Write(100);
  b.Write(100, 40);
  for (const Words& options :
       {Words{"--all"}, Words{"--ignore", "digest", "--ignore", "payload"}}) {
    Words of_logs = {Path("a"), Path("b")};
    Words live = {a.address(), b.address()};
    of_logs.insert(of_logs.end(), options.begin(), options.end());
    live.insert(live.end(), options.begin(), options.end());
    EXPECT_EQ(Diff(live).first, Diff(of_logs).first) << options[0];
  }
}

TEST_F(LiveDiff, CallsStreamsWhatTheyWereCalledWhateverIsRecordedOfThem) {
  Served a(Path("a"));
  Served b(Path("b"));
  a.Write(100);
  b.Write(103, 40);
  const std::string goes_on = b.address() + " goes on where the other one ends, with 3 messages";
  const auto all = Diff({a.address(), b.address(), "--all"});
  EXPECT_EQ(all.first, 1);
  EXPECT_NE(all.second.find(goes_on), std::string::npos) << all.second;
  EXPECT_EQ(all.second.find("tandem-diff"), std::string::npos) << all.second;
  const auto ignored = Diff({a.address(), b.address(), "--ignore", "digest", "--ignore",
                             "payload_hex", "--ignore", "payload_size"});
  EXPECT_EQ(ignored.first, 1);
  EXPECT_TRUE(ignored.second.starts_with(a.address() + " ends at message 100 and " + b.address() +
                                         " goes on to message 103; messages "))
      << ignored.second;
  const auto unknown = Diff({a.address(), b.address(), "--ignore", "no_such_field"});
  EXPECT_EQ(unknown.first, 2);
  EXPECT_EQ(unknown.second.find("tandem-diff"), std::string::npos) << unknown.second;
  const auto input = Diff({a.address(), b.address(), "--input", Path("nothing")});
  EXPECT_EQ(input.first, 2);
}

TEST_F(LiveDiff, ComparesWhatFollowsADifferenceThatMayBeIgnoredAndSaysSo) {
  Served a(Path("a"));
  a.Write(100);
  // Another message 10, and of all that only what follows message 39.
  TestStream stream("TEST");
  while (stream.position.number < 39) {
    const std::uint64_t number = stream.position.number + 1;
    stream.Add(200, number == 10 ? "other" : std::to_string(number));
  }
  replay::PosixStorage storage;
  auto late = replay::LogWriter::Open(storage, Path("late"),
                                      {.session = proto::Session("TEST"),
                                       .role = replay::kOutputRole,
                                       .schema = "",
                                       .start = stream.position});
  ASSERT_TRUE(late);
  while (stream.position.number < 100) {
    late->Append(stream.Add(200, std::to_string(stream.position.number + 1)));
  }
  ASSERT_TRUE(late->Close());
  EXPECT_EQ(Diff({a.address(), Path("late")}),
            std::pair(1, std::string("they differ before message 40, where the later of them "
                                     "begins: their running digests say so\n")));
  EXPECT_EQ(Diff({a.address(), Path("late"), "--ignore", "epoch"}),
            std::pair(1, std::string("messages 40 to 100 are the same; they differ before message "
                                     "40, where the later of them begins, for their running "
                                     "digests do, and whether only in what is ignored cannot be "
                                     "told\n")));
}

TEST_F(LiveDiff, SaysThatSessionsDiffer) {
  Served a(Path("a"));
  Served b(Path("b"), "OTHER");
  a.Write(10);
  b.Write(10);
  EXPECT_EQ(Diff({a.address(), b.address()}),
            std::pair(1, a.address() + " is of session TEST and " + b.address() +
                             " is of session OTHER: they are not copies of one stream\n"));
}

TEST_F(LiveDiff, FollowsUntilTheyDiffer) {
  Served a(Path("a"));
  Served b(Path("b"));
  a.Write(10);
  b.Write(10);
  Program stream = Start({"diff", a.address(), b.address(), "--follow"});
  Program log = Start({"diff", Path("a"), b.address(), "--follow"});
  for (std::uint64_t to = 20; to <= 400; to += 20) {
    a.Write(to);
    if (to % 60 == 0) b.Write(to - 7);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(stream.running());
  EXPECT_TRUE(log.running());
  b.Write(500, 450);
  a.Write(500);
  EXPECT_EQ(stream.Wait(), 1) << stream.Output();
  EXPECT_EQ(log.Wait(), 1) << log.Output();
  const auto of_logs = Diff({Path("a"), Path("b")});
  EXPECT_EQ(stream.Output(), of_logs.second);
  EXPECT_EQ(log.Output(), of_logs.second);
}

TEST_F(LiveDiff, FollowsUntilItIsInterrupted) {
  Served a(Path("a"));
  Served b(Path("b"));
  a.Write(10);
  b.Write(10);
  Program program = Start({"diff", a.address(), b.address(), "--follow"});
  a.Write(50);
  b.Write(40);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  EXPECT_EQ(program.Stop(SIGINT), 0);
  EXPECT_EQ(program.Output(), "messages 1 to 40 are the same by their running digests\n");
}

TEST_F(LiveDiff, SaysWhoDoesNotAnswer) {
  Served a(Path("a"));
  a.Write(10);
  std::string address;
  {
    Served gone(Path("gone"));
    address = gone.address();
  }
  const auto diff = Diff({a.address(), address});
  EXPECT_EQ(diff.first, 5);
  EXPECT_NE(diff.second.find(address + " did not give its status within 5 s: "), std::string::npos)
      << diff.second;
}

}  // namespace
}  // namespace tandem::test
