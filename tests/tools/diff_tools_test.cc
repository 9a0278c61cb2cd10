// SPDX-License-Identifier: Apache-2.0
//
// diff as a person runs it: output, sentences, exit codes.
#include <gtest/gtest.h>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

TEST_F(LogTools, DiffSaysThatLogsAreTheSame) {
  Write("a", {.messages = 50});
  Write("b", {.messages = 50, .role = replay::kMergedRole, .segment_bytes = 12 << 10});
  for (const bool trust : {false, true}) {
    std::vector<std::string> arguments{"diff", Path("a"), Path("b")};
    if (trust) arguments.emplace_back("--trust-digests");
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out, "the logs are the same: messages 1 to 50\n");
  }
}

TEST_F(LogTools, DiffFindsTheFirstDifferenceWhereverItIs) {
  Write("a", {.messages = 40, .segment_bytes = 12 << 10});
  for (std::uint64_t at = 1; at <= 40; at += 3) {
    std::string name = std::to_string(at);
    Write(name, {.messages = 40, .differs_at = at});
    const Ran ran = Tandem({"diff", Path("a"), Path(name), "--context", "0"});
    EXPECT_EQ(ran.exit_code, 1) << ran.err;
    EXPECT_TRUE(
        ran.out.starts_with("the logs differ first at message " + std::to_string(at) + "\n"))
        << ran.out;
  }
}

TEST_F(LogTools, DiffShowsBothMessagesTheFieldsAndWhatWentBefore) {
  Write("a", {.messages = 12});
  Write("b", {.messages = 12, .differs_at = 7});
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "2"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 9u) << ran.out;
  EXPECT_EQ(lines[0], "the logs differ first at message 7");
  EXPECT_TRUE(lines[1].starts_with("      5 2012-06-21T13:30:00.000000005Z Cancel")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("      6 2012-06-21T13:30:00.000000006Z Tick")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("  A:  7 ") && lines[3].ends_with("price: 100 }")) << lines[3];
  EXPECT_TRUE(lines[4].starts_with("  B:  7 ") && lines[4].ends_with("price: 101 }")) << lines[4];
  EXPECT_EQ(lines[5], "  differs: price: A 100, B 101");
  EXPECT_TRUE(lines[6].starts_with("  differs: digest: A ")) << lines[6];
  // What follows is alike but for its digests.
  EXPECT_TRUE(lines[7].starts_with("      8 2012-06-21T13:30:00.000000008Z Cancel")) << lines[7];
  EXPECT_TRUE(lines[8].starts_with("      9 2012-06-21T13:30:00.000000009Z Tick")) << lines[8];
  ran = Tandem({"diff", Path("a"), Path("b"), "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(ran.out.starts_with(
      "{\"result\":\"differs\",\"first\":1,\"number\":7,\"last_a\":12,"
      "\"last_b\":12,\"ignored\":0,\"text\":\"the logs differ first at message 7\","
      "\"a\":{\"number\":7,"))
      << ran.out;
  EXPECT_NE(ran.out.find("\"fields\":[{\"path\":\"price\",\"a\":\"100\",\"b\":\"101\"},{\"path\":"
                         "\"digest\","),
            std::string::npos)
      << ran.out;
}

TEST_F(LogTools, DiffSaysWhichLogIsLonger) {
  Write("a", {.messages = 5});
  Write("b", {.messages = 8});
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "1"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 5u) << ran.out;
  EXPECT_EQ(lines[0], Path("a") + " ends at message 5 and " + Path("b") +
                          " goes on to message 8; messages 1 to 5 are the same");
  EXPECT_EQ(lines[2], "  A:  (the log ends here)");
  EXPECT_TRUE(lines[3].starts_with("  B:  6 ")) << lines[3];
  EXPECT_TRUE(lines[4].starts_with("  B:  7 ")) << lines[4];
}

TEST_F(LogTools, DiffDoesNotCompareStreamsThatAreNoCopies) {
  Write("a", {.messages = 5});
  Write("b", {.messages = 5, .session = "DAY2"});
  Write("c", {.messages = 5, .role = replay::kInputRole});
  Ran ran = Tandem({"diff", Path("a"), Path("b")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_EQ(ran.out, Path("a") + " is of session DAY1 and " + Path("b") +
                         " is of session DAY2: they are not copies of one stream\n");
  ran = Tandem({"diff", Path("a"), Path("b"), "--ignore-session"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"diff", Path("c"), Path("a")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_EQ(ran.out, Path("c") + " is of role \"input\" and " + Path("a") +
                         " of role \"output\": they are not copies of one stream\n");
  // Who made a copy need not have known what it is.
  Write("d", {.messages = 5, .role = replay::LogRole("recorded")});
  ran = Tandem({"diff", Path("c"), Path("d")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST_F(LogTools, DiffIgnoresTheFieldsThatItIsTold) {
  Write("a", {.messages = 30});
  Write("b", {.messages = 30, .differs_at = 10});
  for (const std::string field : {"price", "NewOrder.price"}) {
    const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", field});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out,
              "the logs are the same: messages 1 to 30 (in 21 messages what differs is ignored)\n");
  }
  for (const std::string field : {"order_id", "Cancel.price", "time"}) {
    const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", field, "--context", "0"});
    if (field == "Cancel.price") {
      EXPECT_EQ(ran.exit_code, 2);
      EXPECT_TRUE(ran.err.starts_with(
          "tandem: no message of these logs has a field \"Cancel.price\"; give it as in"))
          << ran.err;
      continue;
    }
    EXPECT_EQ(ran.exit_code, 1);
    const auto lines = Lines(ran.out);
    ASSERT_EQ(lines.size(), 4u) << ran.out;
    EXPECT_EQ(lines[0], "the logs differ first at message 10");
    EXPECT_EQ(lines[3], "  differs: price: A 100, B 101");
  }
  Write("c", {.messages = 30, .session = "DAY2"});
  const Ran ran = Tandem({"diff", Path("a"), Path("c"), "--ignore", "session"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST_F(LogTools, DiffRefusesInputsOfAnotherSession) {
  Write("a", {.messages = 9});
  Write("b", {.messages = 9, .differs_at = 4});
  Write("input", {.messages = 9, .session = "DAY2", .role = replay::kInputRole});
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--input", Path("input")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: the log " + Path("input") + " is of session DAY2, and " + Path("a") +
                         " of session DAY1: it does not hold the causes of its messages\n");
}

TEST_F(LogTools, DiffShowsTheCauseFromTheInputLog) {
  Write("in", {.messages = 12, .role = replay::kInputRole});
  Write("a", {.messages = 12});
  Write("b", {.messages = 12, .differs_at = 7});
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "0", "--input", Path("in")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 6u) << ran.out;
  EXPECT_TRUE(lines[1].starts_with("  cause: 3 2012-06-21T13:30:00.000000003Z Tick")) << lines[1];
  ran = Tandem({"diff", Path("a"), Path("b"), "--json", "--input", Path("in")});
  EXPECT_NE(ran.out.find(",\"cause\":{\"number\":3,"), std::string::npos) << ran.out;
  ran = Tandem({"diff", Path("a"), Path("b"), "--input", Path("a")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("a") + " holds outputs")) << ran.err;
}

/// Two releases that answered the same inputs.
class DiffAll : public LogTools {
 protected:
  /// An answer: type by name, order id or size, cause. The last one of each cause is marked so.
  struct Answer {
    std::uint64_t cause;
    char kind;  ///< 'a' Accepted, 't' Trade, 'c' Cancelled
    std::uint64_t value;
  };

  void Answers(const std::string& name, const std::vector<Answer>& answers) {
    auto writer =
        replay::LogWriter::Open(storage_, Path(name),
                                {.session = proto::Session("DAY1"),
                                 .role = replay::kOutputRole,
                                 .schema = proto::SchemaOf({book::pb::NewOrder::descriptor()})});
    ASSERT_TRUE(writer) << writer.error().text;
    std::uint32_t index = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const Answer& answer = answers[i];
      index = i > 0 && answers[i - 1].cause == answer.cause ? index + 1 : 0;
      std::string payload;
      proto::Header header;
      if (answer.kind == 't') {
        book::pb::Trade trade;
        trade.set_size(answer.value);
        payload = trade.SerializeAsString();
        header.type = 210;
      } else if (answer.kind == 'c') {
        book::pb::Cancelled cancelled;
        cancelled.set_order_id(answer.value);
        payload = cancelled.SerializeAsString();
        header.type = 202;
      } else {
        book::pb::Accepted accepted;
        accepted.set_order_id(answer.value);
        payload = accepted.SerializeAsString();
        header.type = 200;
      }
      header.session = proto::Session("DAY1");
      header.payload_size = static_cast<std::uint16_t>(payload.size());
      header.number = i + 1;
      header.time_ns = static_cast<std::int64_t>(answer.cause);
      header.origin = answer.cause;
      header.index = index;
      header.epoch = 1;
      const bool last = i + 1 == answers.size() || answers[i + 1].cause != answer.cause;
      header.flags = last ? proto::kLast : 0;
      std::vector<std::byte> bytes(sizeof header + payload.size());
      std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
      std::memcpy(bytes.data(), &header, sizeof header);
      header.digest = proto::Digest(writer->position().digest, bytes);
      std::memcpy(bytes.data(), &header, sizeof header);
      writer->Append(bytes);
    }
    ASSERT_TRUE(writer->Close());
  }

  /// The lines of the summary that count something.
  std::vector<std::string> Counts(std::vector<std::string> options) {
    options.insert(options.begin(), {"diff", Path("a"), Path("b"), "--all", "--examples", "0"});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.err, "");
    auto lines = Lines(ran.out);
    lines.push_back("exit " + std::to_string(ran.exit_code));
    return lines;
  }
};

TEST_F(DiffAll, SumsUpWhatTheCausesWereAnsweredWith) {
  Write("in", {.messages = 9, .role = replay::kInputRole});
  Answers("a", {{1, 'a', 1},
                {1, 't', 5},
                {2, 'a', 2},
                {3, 'a', 3},
                {4, 'a', 4},
                {4, 't', 9},
                {5, 'a', 5},
                {6, 'a', 6},
                {6, 't', 1},
                {8, 'a', 8}});
  Answers("b", {{1, 'a', 1},
                {1, 't', 5},
                {2, 'c', 7},
                {2, 'a', 2},
                {3, 'a', 3},
                {4, 'a', 4},
                {4, 't', 8},
                {5, 'a', 5},
                {6, 't', 1},
                {6, 'a', 6},
                {7, 'c', 7},
                {8, 'a', 8}});
  EXPECT_EQ(Counts({}), (std::vector<std::string>{
                            "the logs differ first at message 3",
                            "compared 7 causes, 2 to 8: 3 have the same outputs, 4 have not",
                            "  2  Cancelled only in B",
                            "  1  Accepted at another place among the outputs",
                            "  1  Trade with another size",
                            "exit 1",
                        }));
  EXPECT_EQ(Counts({"--input", Path("in"), "--ignore", "Trade.size"}),
            (std::vector<std::string>{
                "the logs differ first at message 3",
                "compared 7 causes, 2 to 8: 4 have the same outputs, 3 have not",
                "  1  Accepted at another place among the outputs, caused by Tick",
                "  1  Cancelled only in B, caused by Cancel",
                "  1  Cancelled only in B, caused by NewOrder",
                "exit 1",
            }));
}

TEST_F(DiffAll, ShowsExamplesWithTheirCauses) {
  Write("in", {.messages = 9, .role = replay::kInputRole});
  Answers("a", {{1, 'a', 1}, {2, 't', 5}, {3, 't', 6}, {4, 't', 7}});
  Answers("b", {{1, 'a', 1}, {2, 't', 50}, {3, 't', 60}, {4, 't', 70}});
  Ran ran =
      Tandem({"diff", Path("a"), Path("b"), "--all", "--examples", "1", "--input", Path("in")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 17u) << ran.out;
  EXPECT_EQ(lines[2], "  1  Trade with another size, caused by Cancel");
  EXPECT_EQ(lines[3],
            "      cause: 2 2012-06-21T13:30:00.000000002Z Cancel origin=1 user=alice index=1 "
            "epoch=1 { order_id: 1 }");
  EXPECT_EQ(lines[4],
            "        A:  2 1970-01-01T00:00:00.000000002Z Trade origin=2 last epoch=1 "
            "{ size: 5 }");
  EXPECT_EQ(lines[6], "        differs: size: A 5, B 50");
  ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(ran.out.starts_with(
      "{\"result\":\"differs\",\"first_difference\":2,\"first_cause\":2,\"last_cause\":4,"
      "\"causes\":3,\"causes_different\":3,\"goes_on\":null,\"changes\":[{\"type\":\"Trade\","
      "\"change\":\"changed\",\"fields\":\"size\",\"cause_type\":null,\"count\":3,"
      "\"examples\":[{\"cause\":2,\"cause_message\":null,\"a\":{\"number\":2,"))
      << ran.out;
}

TEST_F(DiffAll, SaysWhichLogGoesOn) {
  Answers("a", {{1, 'a', 1}, {2, 'a', 2}});
  Answers("b", {{1, 'a', 1}, {2, 'a', 2}, {3, 'a', 3}});
  EXPECT_EQ(Counts({}),
            (std::vector<std::string>{Path("a") + " ends at message 2 and " + Path("b") +
                                          " goes on to message 3; messages 1 to 2 are the same",
                                      "compared 0 causes: 0 have the same outputs, 0 have not",
                                      Path("b") + " goes on where the other one ends", "exit 1"}));
}

}  // namespace
}  // namespace tandem::test
