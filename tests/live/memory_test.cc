// SPDX-License-Identifier: Apache-2.0
//
// Out of memory with live processes: both engines of a pair with the same limit end at the same
// message and say so; with a higher limit in the file and a restart, nothing is lost or repeated.
#include <csignal>
#include <fstream>

#include "tests/live/live_test.h"
#include "tools/oracle.h"

namespace tandem::test {
namespace {

class Memory : public LiveTest {
 protected:
  struct Engine {
    Program program;
    std::uint16_t port;
  };

  void SetLimit(int orders) const {
    std::ofstream(Path("site.pools"))
        << "tandem.pool  field:book.FDb.order  limit_elems:" << orders << "\n";
  }

  Engine StartEngine(const std::string& name, std::uint16_t input, std::uint16_t port = 0) {
    Engine engine{Start({"engine", "--name", name, "--input", At(input), "--log", Path(name),
                         "--stream", At(port), "--pools", Path("site.pools")}),
                  0};
    engine.port = engine.program.PortAfter(", output on ");
    return engine;
  }

  /// From the report of out of memory on.
  static std::string ReportIn(const std::string& output) {
    const std::size_t begin = output.find("tandem: out of memory");
    return begin == std::string::npos ? "no report in: " + output : output.substr(begin);
  }

  void ExpectSame(const std::string& log, const std::string& expected) const {
    const auto sameness = tools::CompareLogs(Path(log), Path(expected));
    ASSERT_TRUE(sameness.ok()) << sameness.error().text;
    EXPECT_TRUE(sameness->same) << log << " differs at message " << sameness->difference;
    EXPECT_GT(sameness->messages, 0u);
  }
};

TEST_F(Memory, ThatALimitEndsComesBackWithAHigherOne) {
  ASSERT_EQ(Run({"generate", "--orders", "20000", "--symbols", "20", "-o", Path("flow")}), 0);
  SetLimit(1000);

  Sequencer sequencer = StartSequencer("input");
  Engine a = StartEngine("a", sequencer.stream);
  Engine b = StartEngine("b", sequencer.stream);
  EXPECT_TRUE(a.program.Says("engine a: pool book.FDb.order: limit 1000 elements"));
  Program dedup = Start(
      {"dedup", "--a", At(a.port), "--b", At(b.port), "--log", Path("merged"), "--stream", At(0)});
  const std::uint16_t merged = dedup.PortAfter("merged stream on ");
  Program reader = Start({"record", At(merged), "-o", Path("received")});
  ASSERT_EQ(Run({"submit", Path("flow"), "--to", At(sequencer.submissions)}), 0);

  EXPECT_EQ(a.program.Wait(), 3);
  EXPECT_EQ(b.program.Wait(), 3);
  const std::string report = ReportIn(a.program.Output());
  EXPECT_EQ(ReportIn(b.program.Output()), report);
  EXPECT_TRUE(report.starts_with("tandem: out of memory in pool book.FDb.order: ")) << report;
  EXPECT_EQ(Count(report, "pool book.FDb.order has reached its limit of 1000 elements.\n"), 1u);
  std::string replayed;
  EXPECT_EQ(
      Run({"replay", Path("input"), "-o", Path("short"), "--pools", Path("site.pools")}, &replayed),
      3);
  EXPECT_EQ(ReportIn(replayed), report) << "a replay under the limit ends at the same message";
  EXPECT_TRUE(dedup.running());
  EXPECT_TRUE(reader.running());

  // Eight users submit side by side, so only the live input says what the outputs are.
  ASSERT_EQ(Run({"replay", Path("input"), "-o", Path("expected")}), 0);
  const std::size_t outputs = ReadLog("expected").size();
  SetLimit(100'000);
  a = StartEngine("a", sequencer.stream, a.port);
  b = StartEngine("b", sequencer.stream, b.port);
  EXPECT_TRUE(b.program.Says("engine b: pool book.FDb.order: limit 100000 elements"));
  AwaitMessages("a", outputs);
  AwaitMessages("b", outputs);
  AwaitMessages("merged", outputs);
  AwaitMessages("received", outputs);
  for (Program* program : {&reader, &dedup, &b.program, &a.program, &sequencer.program}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0) << program->Output();
  }
  ASSERT_EQ(Run({"replay", Path("input"), "-o", Path("replayed")}), 0);
  for (const char* const log : {"a", "b", "merged", "received"}) ExpectSame(log, "replayed");
}

}  // namespace
}  // namespace tandem::test
