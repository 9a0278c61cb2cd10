// SPDX-License-Identifier: Apache-2.0
//
// When which engine is told to write an image: in turn, when it is due, and never two at once.
#include "engine/live/snapshot_schedule.h"

#include <gtest/gtest.h>

namespace tandem::engine {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

pb::Status Says(const std::string& name, std::uint64_t stepped, bool writes) {
  pb::Status status;
  status.set_name(name);
  status.set_stepped_number(stepped);
  status.set_image_writing(writes);
  return status;
}

TEST(SnapshotScheduleTest, TellsNobodyUnlessItIsSetTo) {
  SnapshotSchedule schedule({});
  schedule.StartAt(0, 0);
  EXPECT_EQ(schedule.Due(1'000'000, 1'000'000 * kSecond), std::nullopt);
}

TEST(SnapshotScheduleTest, ByMessagesEachInTurnAndTheNextOnlyWhenTheOneBeforeIsDone) {
  SnapshotSchedule schedule({.every = 100});
  schedule.StartAt(50, 0);
  EXPECT_EQ(schedule.Due(149, 0), std::nullopt);
  EXPECT_EQ(schedule.Due(150, 0), "A");
  schedule.Told("A", 151, 0);
  EXPECT_FALSE(schedule.MayTell(0));
  EXPECT_EQ(schedule.Due(400, kSecond), std::nullopt) << "A has said nothing";
  schedule.OnStatus(Says("A", 150, false));
  EXPECT_EQ(schedule.Due(400, kSecond), std::nullopt) << "A has not stepped the message yet";
  schedule.OnStatus(Says("A", 300, true));
  EXPECT_EQ(schedule.Due(400, kSecond), std::nullopt) << "A writes";
  schedule.OnStatus(Says("B", 300, false));
  EXPECT_EQ(schedule.Due(400, kSecond), std::nullopt) << "B is not who was told";
  schedule.OnStatus(Says("A", 301, false));
  EXPECT_EQ(schedule.Due(250, kSecond), std::nullopt) << "not yet";
  EXPECT_EQ(schedule.Due(251, kSecond), "B");
  schedule.Told("B", 252, kSecond);
  schedule.OnStatus(Says("B", 252, false));
  EXPECT_EQ(schedule.Due(352, 2 * kSecond), "A");
}

TEST(SnapshotScheduleTest, ByTimeIfAnythingHappenedAndASilentEngineIsNotWaitedForAMinute) {
  SnapshotSchedule schedule({.interval = std::chrono::seconds(10)});
  schedule.StartAt(7, 0);
  EXPECT_EQ(schedule.Due(8, 9 * kSecond), std::nullopt);
  EXPECT_EQ(schedule.Due(7, 10 * kSecond), std::nullopt);
  EXPECT_EQ(schedule.Due(8, 10 * kSecond), "A");
  schedule.Told("A", 9, 10 * kSecond);
  EXPECT_EQ(schedule.Due(100, 69 * kSecond), std::nullopt);
  EXPECT_EQ(schedule.Due(100, 70 * kSecond), "B");
}

TEST(SnapshotScheduleTest, AnOperatorsOrderTakesATurn) {
  SnapshotSchedule schedule({.every = 10});
  schedule.StartAt(0, 0);
  EXPECT_TRUE(schedule.MayTell(0));
  schedule.Told("A", 5, 0);
  schedule.OnStatus(Says("A", 5, false));
  EXPECT_TRUE(schedule.MayTell(0));
  EXPECT_EQ(schedule.Due(14, 0), std::nullopt);
  EXPECT_EQ(schedule.Due(15, 0), "B");
  schedule.Told("other", 16, 0);
  schedule.OnStatus(Says("other", 16, false));
  EXPECT_EQ(schedule.Due(26, 0), "B");
}

}  // namespace
}  // namespace tandem::engine
