// SPDX-License-Identifier: Apache-2.0
//
// Storage, the real one and the one in memory alike: what logs rely on.
#include "replay/storage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/memory_storage.h"

namespace tandem::test {
namespace {

using replay::File;
using replay::PosixStorage;
using replay::Storage;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string ReadText(File& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  const auto got = file.Read(offset, std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(got);
  text.resize(*got);
  return text;
}

template <class T>
class StorageTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(storage.MakeFolder(folder)); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  T storage;
  const std::string folder =
      ::testing::TempDir() + "storage_test_" + std::to_string(::getpid()) + "/a/b";
};

using Storages = ::testing::Types<PosixStorage, MemoryStorage>;
TYPED_TEST_SUITE(StorageTest, Storages);

TYPED_TEST(StorageTest, ReadsBackWhatWasWrittenWhereItWasWritten) {
  auto file = this->storage.Create(this->folder + "/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Write(3, Bytes("hello")));
  EXPECT_EQ((*file)->Size().value(), 8u);
  EXPECT_EQ(ReadText(**file, 0, 100), std::string("\0\0\0hello", 8));
  EXPECT_EQ(ReadText(**file, 4, 2), "el");
  EXPECT_EQ(ReadText(**file, 8, 2), "");
  auto again = this->storage.OpenToRead(this->folder + "/f");
  ASSERT_TRUE(again);
  EXPECT_EQ(ReadText(**again, 3, 5), "hello");
}

TYPED_TEST(StorageTest, GivesNullForAFileThatIsNotThere) {
  auto file = this->storage.OpenToRead(this->folder + "/none");
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, nullptr);
  file = this->storage.OpenToWrite(this->folder + "/none");
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, nullptr);
}

TYPED_TEST(StorageTest, KnowsWhereWhatWasWrittenEnds) {
  auto file = this->storage.Create(this->folder + "/f");
  ASSERT_TRUE(file);
  constexpr std::uint64_t kSize = 1 << 20;
  constexpr std::uint64_t kWritten = 700'001;
  ASSERT_TRUE((*file)->Preallocate(kSize));
  ASSERT_TRUE((*file)->Write(10, Bytes("x")));
  ASSERT_TRUE((*file)->Write(kWritten, Bytes("x")));
  for (const std::uint64_t from :
       {std::uint64_t{0}, std::uint64_t{4095}, std::uint64_t{65'536}, kWritten - 1, kWritten}) {
    const auto end = (*file)->WrittenEnd(from);
    ASSERT_TRUE(end);
    EXPECT_GT(*end, kWritten) << from;
    EXPECT_LE(*end, kSize) << from;
  }
  for (const std::uint64_t from : {kWritten + 1, kSize - 1, kSize, kSize + 1}) {
    const auto end = (*file)->WrittenEnd(from);
    ASSERT_TRUE(end);
    EXPECT_GE(*end, std::min(from, kSize)) << from;
    EXPECT_LE(*end, kSize) << from;
  }
}

TYPED_TEST(StorageTest, EmptiesAFileThatIsCreatedAgain) {
  ASSERT_TRUE((*this->storage.Create(this->folder + "/f"))->Write(0, Bytes("old")));
  auto file = this->storage.Create(this->folder + "/f");
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->Size().value(), 0u);
}

TYPED_TEST(StorageTest, PreallocatesZerosAndNeverShrinksByIt) {
  auto file = this->storage.Create(this->folder + "/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Write(0, Bytes("abc")));
  ASSERT_TRUE((*file)->Preallocate(6));
  EXPECT_EQ(ReadText(**file, 0, 10), std::string("abc\0\0\0", 6));
  ASSERT_TRUE((*file)->Preallocate(2));
  EXPECT_EQ((*file)->Size().value(), 6u);
  ASSERT_TRUE((*file)->Truncate(2));
  EXPECT_EQ(ReadText(**file, 0, 10), "ab");
}

TYPED_TEST(StorageTest, ShowsLaterWritesInAMapping) {
  auto file = this->storage.Create(this->folder + "/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Preallocate(10'000));
  auto reader = this->storage.OpenToRead(this->folder + "/f");
  ASSERT_TRUE(reader);
  const auto mapping = (*reader)->Map();
  ASSERT_TRUE(mapping);
  ASSERT_EQ((*mapping)->bytes().size(), 10'000u);
  EXPECT_EQ((*mapping)->bytes()[9'000], std::byte{0});
  ASSERT_TRUE((*file)->Write(9'000, Bytes("x")));
  EXPECT_EQ((*mapping)->bytes()[9'000], std::byte{'x'});
  const auto empty = this->storage.Create(this->folder + "/empty");
  ASSERT_TRUE(empty);
  EXPECT_TRUE((*(*empty)->Map())->bytes().empty());
}

TYPED_TEST(StorageTest, ListsRenamesAndRemoves) {
  for (const char* name : {"c", "a", "b"}) {
    ASSERT_TRUE(this->storage.Create(this->folder + "/" + name));
  }
  EXPECT_EQ(this->storage.List(this->folder).value(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(this->storage.Rename(this->folder + "/a", this->folder + "/c"));
  ASSERT_TRUE(this->storage.Remove(this->folder + "/b"));
  EXPECT_FALSE(this->storage.Remove(this->folder + "/b"));
  ASSERT_TRUE(this->storage.SyncFolder(this->folder));
  EXPECT_EQ(this->storage.List(this->folder).value(), (std::vector<std::string>{"c"}));
  EXPECT_TRUE(this->storage.FolderExists(this->folder));
  EXPECT_FALSE(this->storage.FolderExists(this->folder + "/none"));
  EXPECT_TRUE(this->storage.MakeFolder(this->folder));
}

TYPED_TEST(StorageTest, MovesWholeFoldersAndRemovesEmptyOnes) {
  const std::string from = this->folder + "/from", to = this->folder + "/to";
  ASSERT_TRUE(this->storage.MakeFolder(from + "/deep"));
  ASSERT_TRUE(this->storage.Create(from + "/file"));
  ASSERT_TRUE(this->storage.Create(from + "/deep/file"));
  ASSERT_TRUE(this->storage.Rename(from, to));
  EXPECT_FALSE(this->storage.FolderExists(from));
  EXPECT_EQ(this->storage.List(this->folder).value(), (std::vector<std::string>{"to"}));
  EXPECT_EQ(this->storage.List(to).value(), (std::vector<std::string>{"deep", "file"}));
  EXPECT_FALSE(this->storage.Remove(to + "/deep"));
  ASSERT_TRUE(this->storage.Remove(to + "/deep/file"));
  ASSERT_TRUE(this->storage.Remove(to + "/deep"));
  EXPECT_EQ(this->storage.List(to).value(), (std::vector<std::string>{"file"}));
}

TYPED_TEST(StorageTest, LocksOnceAndTellsWithoutTaking) {
  const std::string path = this->folder + "/lock";
  EXPECT_FALSE(this->storage.Locked(path));
  auto lock = this->storage.Lock(path);
  ASSERT_TRUE(lock);
  ASSERT_NE(*lock, nullptr);
  EXPECT_TRUE(this->storage.Locked(path));
  const auto second = this->storage.Lock(path);
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, nullptr);
  EXPECT_TRUE(this->storage.Locked(path)) << "a lock that was refused must not end the other one";
  lock->reset();
  EXPECT_FALSE(this->storage.Locked(path));
  EXPECT_NE(this->storage.Lock(path).value(), nullptr);
}

TEST(PosixStorage, SaysWhatItCannotDoWhereAndWhy) {
  PosixStorage storage;
  const std::string folder = ::testing::TempDir() + "posix_" + std::to_string(::getpid());
  ASSERT_TRUE(storage.MakeFolder(folder));
  const auto list = storage.List(folder + "/none");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().text, "cannot list " + folder + "/none: No such file or directory");
  EXPECT_EQ(list.error().code, ExitCode::kBadInput);
  const auto directory = storage.OpenToRead(folder);
  ASSERT_TRUE(directory);
  std::byte byte;
  const auto read = (*directory)->Read(0, std::span(&byte, 1));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text, "cannot read " + folder + ": Is a directory");
  ASSERT_TRUE(storage.Create(folder + "/file"));
  const Status made = storage.MakeFolder(folder + "/file");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().text,
            "cannot make the folder " + folder + "/file: there is a file of that name");
  const Status below = storage.MakeFolder(folder + "/file/below");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().text,
            "cannot make the folder " + folder + "/file/below: Not a directory");
  const auto full = storage.OpenToWrite("/dev/full");
  ASSERT_TRUE(full);
  const Status written = (*full)->Write(0, Bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().text, "cannot write to /dev/full at offset 0: No space left on device");
  EXPECT_EQ(written.error().code, ExitCode::kFailure);
  std::filesystem::remove_all(folder);
}

TEST(PosixStorage, RefusesWhatItMayNotRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  PosixStorage storage;
  const std::string path = ::testing::TempDir() + "secret_" + std::to_string(::getpid());
  ASSERT_TRUE(storage.Create(path));
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const auto file = storage.OpenToRead(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().text, "cannot open " + path + ": Permission denied");
  EXPECT_EQ(file.error().code, ExitCode::kBadInput);
  ASSERT_TRUE(storage.Remove(path));
}

}  // namespace
}  // namespace tandem::test
