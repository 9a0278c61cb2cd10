// SPDX-License-Identifier: Apache-2.0
//
// A book that goes on from a portable snapshot gives what one gives that has stepped all inputs.
#include "engine/book/portable.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "pools/declarations/load.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "replay/portable.h"
#include "tests/book/book_driver.h"
#include "tests/book/random_flow.h"
#include "tests/support/counter_application.h"

namespace tandem::tests {
namespace {

using ::testing::HasSubstr;

const proto::Session kSession("TEST");

/// A book in one of two layouts: address, and where orders and levels get their memory.
std::unique_ptr<replay::Application> MakeBook(int layout) {
  pools::ZoneOptions options;
  options.address += static_cast<std::uintptr_t>(layout) << 38;
  options.reserve_bytes = std::uint64_t{4} << 30;
  const auto site = declarations::LoadText(
      "dmmeta.basepool  field:book.FDb.order  base:book.FDb.blkpool\n"
      "dmmeta.basepool  field:book.FDb.level  base:book.FDb.lpool2\n");
  auto made = book::MakeBook(options, layout == 1 ? &*site : nullptr);
  ENSURE(made.ok(), "%s", made.error().text.c_str());
  return std::move(made).value();
}

/// A folder that goes away with it.
struct Folder {
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path = ::testing::TempDir() + "book_portable." + std::to_string(::getpid());
};

std::uint64_t DigestOf(const std::string& snapshot) {
  replay::PosixStorage storage;
  const auto last = replay::LogReader::LastPosition(storage, snapshot);
  ENSURE(last.ok(), "%s", last.error().text.c_str());
  return last->digest;
}

TEST(BookPortable, GoesOnAsABookThatHasSteppedAllInputsWhateverItsLayoutIs) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 4; ++round) {
    const Folder folder;
    replay::PosixStorage storage;
    const auto whole = MakeBook(0);
    replay::Stepper stepper(*whole, kSession);
    book::FlowStream stream(kSession);
    RandomFlow flow(random());
    const auto next = [&] {
      book::FlowMessage message;
      const BookMessage made = flow.Next();
      message.user = proto::User(made.user);
      message.type = made.type;
      message.payload = made.payload;
      return stream.Next(message);
    };
    const std::uint64_t cut = 1 + random() % 10'000;
    for (std::uint64_t i = 0; i < cut; ++i)
      ASSERT_TRUE(stepper.Apply(*proto::ParseMessage(next())));
    Status done = replay::WritePortable(storage, folder / "snapshot", kSession, *whole);
    ASSERT_TRUE(done.ok()) << done.error().text;

    const auto loaded = MakeBook(1);
    const auto session = replay::ReadPortable(storage, folder / "snapshot", *loaded);
    ASSERT_TRUE(session.ok()) << session.error().text;
    EXPECT_EQ(*session, kSession);
    replay::Stepper loaded_stepper(*loaded, *session);
    ASSERT_EQ(loaded_stepper.position().output, stepper.position().output);
    for (int i = 0; i < 10'000; ++i) {
      const auto input = proto::ParseMessage(next());
      ASSERT_TRUE(stepper.Apply(*input));
      const Status applied = loaded_stepper.Apply(*input);
      ASSERT_TRUE(applied.ok()) << applied.error().text;
      ASSERT_EQ(loaded_stepper.position().output, stepper.position().output)
          << "at input " << input->header.number << ", cut at " << cut;
    }
    EXPECT_GT(stepper.position().output.number, 15'000u) << "hardly anything was answered";
    done = replay::WritePortable(storage, folder / "of_whole", kSession, *whole);
    ASSERT_TRUE(done.ok()) << done.error().text;
    done = replay::WritePortable(storage, folder / "of_loaded", kSession, *loaded);
    ASSERT_TRUE(done.ok()) << done.error().text;
    EXPECT_EQ(DigestOf(folder / "of_whole"), DigestOf(folder / "of_loaded"))
        << "two books in one state are written differently";
  }
}

/// Snapshots that nobody wrote, made of records of one that was.
class BookPortableDamage : public ::testing::Test {
 protected:
  using Record = std::pair<std::uint16_t, std::string>;

  BookPortableDamage() {
    BookDriver driver;
    driver.Take(AsInput("A", Order(book::pb::BUY, book::pb::LIMIT, 1, "XYZ", 100, 5)));
    driver.Take(AsInput("B", Order(book::pb::SELL, book::pb::LIMIT, 1, "XYZ", 110, 5)));
    const Status done = replay::WritePortable(storage_, folder_ / "good", kSession, driver.book());
    ENSURE(done.ok(), "%s", done.error().text.c_str());
    auto log = replay::LogReader::Open(storage_, folder_ / "good", {});
    while (log->Next() == replay::ReadOutcome::kMessage) {
      records_.emplace_back(log->message().header.type, log->message().payload_text());
    }
  }

  template <class Message>
  Message Get(std::size_t index) {
    Message message;
    ENSURE(message.ParseFromString(records_[index].second), "not that record");
    return message;
  }
  template <class Message>
  void Set(std::size_t index, const Message& message) {
    records_[index].second = message.SerializeAsString();
  }

  /// What a new book says of a snapshot with these records; "": it goes on.
  std::string Say(replay::Application& application) {
    const std::string folder = folder_ / ("made" + std::to_string(++made_));
    auto log = replay::LogWriter::Open(
        storage_, folder,
        {.session = kSession, .role = replay::LogRole(replay::kPortableRole), .schema = ""});
    book::FlowStream stream(kSession);
    for (const auto& [type, payload] : records_) {
      book::FlowMessage message;
      message.type = type;
      message.payload = payload;
      log->Append(stream.Next(message));
    }
    ENSURE(log->Close().ok(), "a log in memory cannot be closed");
    const auto session = replay::ReadPortable(storage_, folder, application);
    return session ? "" : session.error().text;
  }
  std::string Say() { return Say(*MakeBook(0)); }

  const Folder folder_;
  replay::PosixStorage storage_;
  std::vector<Record> records_;  ///< engine, settings, symbol, order of A, order of B, end
  int made_ = 0;
};

TEST_F(BookPortableDamage, IsNoneInWhatWasWritten) {
  ASSERT_EQ(records_.size(), 6u);
  EXPECT_EQ(Say(), "");
}

TEST_F(BookPortableDamage, IsNamedWhereItIs) {
  const auto good = records_;
  const auto expect = [&](const std::string& text) {
    EXPECT_THAT(Say(), HasSubstr(text));
    records_ = good;
  };
  records_.pop_back();
  expect("it is cut short after record 5");
  records_.erase(records_.begin() + 3);
  expect("its last record is not that of so many records");
  std::swap(records_[0], records_[1]);
  expect("record 1: it comes before the one that says where the state stands");
  records_[1] = records_[0];
  expect("record 2: it comes twice");
  records_[4] = records_[3];
  expect("record 5: order 1 of A comes twice");
  records_[3].first = 399;
  expect("record 4: a record of type 399, which the application does not know");
  records_[3].second = "\xff\xff";
  expect("record 4: it is no SavedOrder");
  std::swap(records_[2], records_[3]);
  expect("record 3: order 1 of A is in symbol \"XYZ\", which is not listed");
  auto order = Get<book::pb::SavedOrder>(4);
  order.set_price(100);
  Set(4, order);
  expect("record 5: order 1 of B crosses the other side of its book");
  order.set_left(0);
  Set(4, order);
  expect("record 5: order 1 of B has a price, size or user that no order has");
  order = Get<book::pb::SavedOrder>(3);
  order.set_user("a name that is too long");
  Set(3, order);
  expect("has a price, size or user that no order has");
  auto settings = Get<book::pb::SavedSettings>(1);
  settings.set_symbols_max(0);
  Set(1, settings);
  expect("record 2: no book has such settings");
}

TEST_F(BookPortableDamage, IsNotWhatAnotherApplicationOrANewerBuildWrote) {
  auto engine = Get<tandem::pb::SavedEngine>(0);
  engine.set_form_version(99);
  Set(0, engine);
  EXPECT_THAT(Say(),
              HasSubstr("it has version 99 of the form, and this build knows versions up to 1"));
  engine.set_form_version(1);
  engine.set_behaviour_version(99);
  Set(0, engine);
  EXPECT_THAT(Say(), HasSubstr("its behaviour version is 99"));
  engine.set_behaviour_version(1);
  engine.set_application("ledger");
  Set(0, engine);
  EXPECT_THAT(Say(), HasSubstr("it is of the application \"ledger\", and this is \"book\""));
  EXPECT_THAT(Say(*counter::MakeCounter(pools::kZoneAddressDefault)),
              HasSubstr("the application \"counter\" has no portable form"));
}

TEST_F(BookPortableDamage, OfOneBitIsFound) {
  std::fstream file(folder_ / "good/00000001.segment", std::ios::in | std::ios::out);
  file.seekg(-100, std::ios::end);
  const int byte = file.get();
  file.seekp(-100, std::ios::end);
  file.put(static_cast<char>(byte ^ 4));
  file.close();
  EXPECT_FALSE(replay::ReadPortable(storage_, folder_ / "good", *MakeBook(0)).ok());
}

TEST_F(BookPortableDamage, IsNotMadeByWritingOverWhatIsThere) {
  const Status again = replay::WritePortable(storage_, folder_ / "good", kSession, *MakeBook(0));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().text,
            folder_ / "good is there already: remove it or choose another folder");
}

}  // namespace
}  // namespace tandem::tests
