// SPDX-License-Identifier: Apache-2.0
//
// The folder of an incident: what is written is read again, whole or not at all, and nothing that
// is damaged is believed.
#include "engine/live/incident_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/live/incident_report.h"
#include "replay/log_writer.h"
#include "tests/live/role_thread.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

namespace fs = std::filesystem;
using test::TestStream;
using test::WatchedStorage;

class IncidentFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tandem-incident-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    merged_ = folder_ + "/merged";
    WriteMerged(20);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void WriteMerged(int count) {
    replay::LogOptions options;
    options.session = proto::Session("TEST");
    options.role = replay::kMergedRole;
    auto log = replay::LogWriter::Open(storage_, merged_, options);
    ASSERT_TRUE(log.ok());
    for (int i = 0; i < count; ++i) {
      messages_.push_back(stream_.Add(200, "answer " + std::to_string(i)));
      log->Append(messages_.back());
    }
    ASSERT_TRUE(log->Close().ok());
  }

  /// A second copy of output 12 that came from B and is another one.
  IncidentFacts Facts() {
    TestStream other;
    for (int i = 0; i < 11; ++i) static_cast<void>(other.Add(200, "answer " + std::to_string(i)));
    const test::Bytes lie = other.Add(200, "another answer");
    IncidentFacts facts;
    facts.divergence.number = 12;
    facts.divergence.engine = 1;
    facts.divergence.message = lie;
    facts.session = proto::Session("TEST");
    facts.folder = merged_;
    facts.policy = "first";
    facts.published = {.number = 20, .digest = stream_.position.digest};
    facts.engines[0] = {.name = "A",
                        .address = "127.0.0.1:1",
                        .status = nullptr,
                        .taken = 20,
                        .copy = messages_[11],
                        .is_published = true};
    facts.engines[1] = {.name = "B",
                        .address = "127.0.0.1:2",
                        .status = nullptr,
                        .taken = 11,
                        .copy = lie,
                        .is_published = false};
    return facts;
  }

  std::string Incident() const { return merged_ + ".incidents/12"; }

  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  std::string folder_;
  std::string merged_;
  replay::PosixStorage storage_;
  TestStream stream_;
  std::vector<test::Bytes> messages_;
};

TEST_F(IncidentFolderTest, GivesBackWhatWasFound) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  const auto record = ReadIncident(storage_, Incident() + "/");
  ASSERT_TRUE(record.ok()) << record.error().text;
  EXPECT_EQ(record->incident.number, 12u);
  EXPECT_EQ(record->incident.cause, 12u);
  EXPECT_EQ(record->incident.late_side, 1u);
  EXPECT_EQ(record->incident.published, 20u);
  EXPECT_EQ(record->incident.published_side, 0u);
  EXPECT_EQ(
      record->incident.last_equal,
      (proto::StreamPosition{.number = 11, .digest = test::View(messages_[10]).header.digest}));
  EXPECT_EQ(record->incident.copies[0], messages_[11]);
  EXPECT_EQ(record->incident.copies[1], Facts().engines[1].copy);
  EXPECT_EQ(record->incident.engines[1].address, "127.0.0.1:2");
  EXPECT_FALSE(record->decision || record->applied || record->readmission);
  const std::string report = Read(Incident() + "/report.txt");
  EXPECT_NE(report.find("published: outputs 12 to 20 are copies of A and unconfirmed"),
            std::string::npos)
      << report;
}

TEST_F(IncidentFolderTest, ListsWhatWasPublishedUnconfirmed) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  std::ifstream list(Incident() + "/unconfirmed.jsonl");
  std::uint64_t number = 12;
  for (std::string line; std::getline(list, line); ++number) {
    EXPECT_TRUE(line.starts_with("{\"number\":" + std::to_string(number) + ",")) << line;
  }
  EXPECT_EQ(number, 21u);
  auto record = ReadIncident(storage_, Incident());
  ASSERT_TRUE(record.ok());
  ASSERT_TRUE(WriteUnconfirmed(storage_, Incident(), merged_, record->incident, "", 2).ok());
  const std::string two = Read(Incident() + "/unconfirmed.jsonl");
  EXPECT_EQ(std::count(two.begin(), two.end(), '\n'), 2);
}

TEST_F(IncidentFolderTest, TellsADeduplicatorThatStartsHowFarItGot) {
  {
    IncidentFolder keeper(storage_, merged_);
    EXPECT_FALSE(keeper.Unfinished()->has_value());
    ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
    EXPECT_FALSE(keeper.Decision()->has_value());
  }
  IncidentFolder keeper(storage_, merged_);
  auto open = keeper.Unfinished();
  ASSERT_TRUE(open.ok() && open->has_value());
  EXPECT_EQ((*open)->number, 12u);
  EXPECT_EQ((*open)->engine, 1u);
  EXPECT_FALSE((*open)->keep.has_value());
  ASSERT_TRUE(WriteDecision(storage_, Incident(), {.keep = 0, .because = "I\nsay so"}).ok());
  EXPECT_EQ(**keeper.Decision(), 0u);
  EXPECT_FALSE((*keeper.Unfinished())->is_applied);
  ASSERT_TRUE(keeper.OnResolved(0, {.number = 20, .digest = 1}).ok());
  EXPECT_TRUE((*keeper.Unfinished())->is_applied);
  EXPECT_EQ((*keeper.Unfinished())->keep, 0u);
  ASSERT_TRUE(keeper.OnReadmitted(1, {.number = 30, .digest = 0xabc}).ok());
  EXPECT_FALSE(keeper.Unfinished()->has_value());
  const auto record = ReadIncident(storage_, Incident());
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->decision->because, "I\nsay so");
  EXPECT_EQ(record->readmission->proven, (proto::StreamPosition{.number = 30, .digest = 0xabc}));
}

TEST_F(IncidentFolderTest, IsOverOnceTheMergedLogHasLostWhatLedToIt) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(keeper.Unfinished()->has_value());
  ASSERT_TRUE(keeper.OnLost({.number = 5, .digest = 0xabc}).ok());
  EXPECT_FALSE(keeper.Unfinished()->has_value());
  // Found again, and led to its end: the first one does not come back.
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(WriteDecision(storage_, Incident() + ".2", {.keep = 0, .because = ""}).ok());
  ASSERT_TRUE(keeper.OnResolved(0, {.number = 20, .digest = 1}).ok());
  ASSERT_TRUE(keeper.OnReadmitted(1, {.number = 30, .digest = 0xabc}).ok());
  EXPECT_FALSE(keeper.Unfinished()->has_value());
  EXPECT_EQ(ReadIncident(storage_, Incident())->readmission->proven.number, 5u);
}

TEST_F(IncidentFolderTest, OfAnotherSessionHaltsNobody) {
  IncidentFolder keeper(storage_, merged_);
  IncidentFacts facts = Facts();
  facts.session = proto::Session("OTHER");
  ASSERT_TRUE(keeper.OnDivergence(facts).ok());
  EXPECT_FALSE(keeper.Unfinished()->has_value());
}

TEST_F(IncidentFolderTest, ThatIsOverHaltsNobodyHoweverDamaged) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(keeper.OnReadmitted(1, {.number = 30, .digest = 1}).ok());
  Write(Incident() + "/facts.txt", "nothing");
  const auto open = keeper.Unfinished();
  ASSERT_TRUE(open.ok()) << open.error().text;
  EXPECT_FALSE(open->has_value());
  fs::remove(Incident() + "/closed.txt");
  EXPECT_FALSE(keeper.Unfinished().ok());
}

TEST_F(IncidentFolderTest, IsDecidedOnce) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(WriteDecision(storage_, Incident(), {.keep = 0, .because = ""}).ok());
  const Status second = WriteDecision(storage_, Incident(), {.keep = 1, .because = ""});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().text.find("is never changed"), std::string::npos);
  EXPECT_EQ(**keeper.Decision(), 0u);
}

TEST_F(IncidentFolderTest, ASecondOneAtTheSameNumberIsKeptBesideTheFirst) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  fs::create_directories(merged_ + ".incidents/9");
  const auto folders = ListIncidents(storage_, merged_);
  ASSERT_TRUE(folders.ok());
  EXPECT_EQ(*folders,
            (std::vector<std::string>{merged_ + ".incidents/9", Incident(), Incident() + ".2"}));
}

TEST_F(IncidentFolderTest, ADecisionThatIsDamagedAnywhereIsNotBelieved) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  ASSERT_TRUE(WriteDecision(storage_, Incident(), {.keep = 0, .because = "judged"}).ok());
  const std::string path = Incident() + "/decision.txt";
  const std::string whole = Read(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char change : {'\x01', '\x03', '\x20', '\x7f'}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      Write(path, damaged);
      const auto decision = ReadDecision(storage_, Incident());
      ASSERT_FALSE(decision.ok()) << "byte " << at << " of\n" << damaged;
      EXPECT_NE(decision.error().text.find(path + " is damaged"), std::string::npos);
      EXPECT_EQ(decision.error().code, ExitCode::kBadInput);
    }
    Write(path, whole.substr(0, at));
    ASSERT_FALSE(ReadDecision(storage_, Incident()).ok()) << "cut at " << at;
  }
}

TEST_F(IncidentFolderTest, FactsThatAreDamagedAnywhereAreNotBelieved) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  const std::string path = Incident() + "/facts.txt";
  const std::string whole = Read(path);
  ASSERT_TRUE(Sheet::Parse(whole));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    ASSERT_FALSE(Sheet::Parse(damaged)) << "byte " << at;
    ASSERT_FALSE(Sheet::Parse(whole.substr(0, at))) << "cut at " << at;
    if (at % 50 != 0) continue;
    Write(path, damaged);
    ASSERT_FALSE(ReadIncident(storage_, Incident()).ok()) << "byte " << at;
  }
  fs::remove(path);
  const auto none = ReadIncident(storage_, Incident());
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text.find("is not the folder of an incident"), std::string::npos);
}

TEST_F(IncidentFolderTest, ASheetWithARightCheckButStrangeLinesIsRefused) {
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(Facts()).ok());
  auto sheet = ReadSheet(storage_, Incident() + "/facts.txt");
  ASSERT_TRUE(sheet.ok() && sheet->has_value());
  for (const auto& [key, value] : (*sheet)->lines()) {
    Sheet odd;
    for (const auto& line : (*sheet)->lines()) {
      odd.Add(line.first, line.first == key ? "?" + line.second + "\\x" : line.second);
    }
    Write(Incident() + "/facts.txt", odd.Print());
    static_cast<void>(ReadIncident(storage_, Incident()));  // an error or not, but no crash
  }
  Sheet later;
  later.Add("tandem incident", 2);
  Write(Incident() + "/facts.txt", later.Print());
  const auto record = ReadIncident(storage_, Incident());
  ASSERT_FALSE(record.ok());
  EXPECT_NE(record.error().text.find("not of a kind that this version of tandem knows"),
            std::string::npos);
}

TEST_F(IncidentFolderTest, IsThereWholeOrNotAtAllWhateverTheDiskRefuses) {
  int operations = 0;
  int refused = 0;
  for (bool ended = false; !ended;) {
    ++refused;
    operations = 0;
    WatchedStorage storage([&](WatchedStorage::Operation, const std::string&, std::string_view) {
      return ++operations == refused ? Status(Error::Failure("refused")) : Status();
    });
    IncidentFolder keeper(storage, merged_);
    ended = keeper.OnDivergence(Facts()).ok();
    const auto folders = ListIncidents(storage_, merged_);
    ASSERT_TRUE(folders.ok());
    for (const std::string& folder : *folders) {
      EXPECT_TRUE(ReadIncident(storage_, folder).ok()) << "operation " << refused;
    }
    fs::remove_all(Incident());
  }
  EXPECT_GT(refused, 10);
}

TEST_F(IncidentFolderTest, SaysWhatAnEngineLeftOut) {
  IncidentFacts facts = Facts();
  facts.divergence.is_omitted = true;
  facts.divergence.stands_after = 15;
  facts.divergence.message.clear();
  facts.engines[1].copy.clear();
  IncidentFolder keeper(storage_, merged_);
  ASSERT_TRUE(keeper.OnDivergence(facts).ok());
  const auto record = ReadIncident(storage_, Incident());
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->incident.cause, 12u);
  const std::string report = DescribeIncident(record->incident, "");
  EXPECT_NE(report.find("engine B says that it stands after input 15"), std::string::npos);
  EXPECT_NE(report.find("  B:  (there is none)"), std::string::npos) << report;
}

}  // namespace
}  // namespace tandem::engine
