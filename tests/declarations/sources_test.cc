// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "pools/declarations/load.h"

namespace tandem::declarations {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class Sources : public ::testing::Test {
 protected:
  Sources() {
    std::string pattern = ::testing::TempDir() + "/sources_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Sources() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name) << text;
  }

  // The files below the folder, or the error.
  std::vector<std::string> Listed() const {
    const Result<std::vector<std::string>> files = ListFiles({folder_});
    if (!files) return {files.error().text};
    std::vector<std::string> names;
    for (const std::string& file : *files) names.push_back(file.substr(folder_.size() + 1));
    return names;
  }

  std::string folder_;
};

TEST_F(Sources, AFolderIsReadByNameWithAllBelowIt) {
  Write("b.ssim", "");
  Write("a/z.pools", "");
  Write("a/b/c", "");
  Write("c.txt", "");
  EXPECT_THAT(Listed(), ElementsAre("a/b/c", "a/z.pools", "b.ssim", "c.txt"));
}

TEST_F(Sources, HiddenFilesBackupsAndPagesArePassedOver) {
  Write("a", "");
  Write(".hidden", "");
  Write(".git/config", "");
  Write("a~", "");
  Write("README.md", "");
  EXPECT_THAT(Listed(), ElementsAre("a"));
}

TEST_F(Sources, LinksToFoldersAreNotFollowed) {
  Write("a/b", "");
  fs::create_directory_symlink(folder_, folder_ + "/a/loop");
  fs::create_symlink(folder_ + "/a/b", folder_ + "/c");
  EXPECT_THAT(Listed(), ElementsAre("a/b", "c"));
}

TEST_F(Sources, FilesStandInTheOrderInWhichTheyAreNamed) {
  Write("a", "");
  Write("b", "");
  const Result<std::vector<std::string>> files = ListFiles({folder_ + "/b", folder_ + "/a"});
  EXPECT_THAT(*files, ElementsAre(folder_ + "/b", folder_ + "/a"));
}

TEST_F(Sources, AnEmptyFolderIsAnError) {
  EXPECT_THAT(Listed(), ElementsAre("Cannot read declarations from " + folder_ +
                                    ": the folder has no files; name a file or a folder of files "
                                    "that can be read."));
}

TEST_F(Sources, AMissingFileIsAnError) {
  EXPECT_EQ(Load({folder_ + "/none"}).error().text,
            "Cannot read declarations from " + folder_ +
                "/none: No such file or directory; name a file or a folder of files that can be "
                "read.");
}

TEST_F(Sources, AFolderDeeperThanTheLimitIsAnError) {
  std::string path;
  for (std::size_t i = 0; i <= kDepthMax; ++i) path += "d/";
  Write(path + "a", "");
  EXPECT_THAT(Listed().front(), ::testing::HasSubstr("it is more than 32 folders deep"));
}

TEST_F(Sources, FilesAreReadWhole) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += static_cast<char>(i * 7);
  Write("a", text);
  EXPECT_EQ(*ReadFile(folder_ + "/a"), text);
}

TEST_F(Sources, AnEndlessFileIsRefused) {
  EXPECT_EQ(
      Load({"/dev/zero"}).error().text,
      "Cannot read declarations from /dev/zero: it has more than 268435456 bytes; name a file "
      "or a folder of files that can be read.");
}

TEST_F(Sources, ErrorsNameTheFileOfAFolder) {
  Write("a/one.pools", "dmmeta.field field:a.FDb.b arg:u8 reftype:Tpool\n");
  Write("b/two.pools", "\ndmmeta.field field:a.FDb.b arg:u8 reftype:Tpool\n");
  EXPECT_EQ(Load({folder_}).error().text,
            folder_ +
                "/b/two.pools:2: dmmeta.field of a.FDb.b: a.FDb.b has such a record already, "
                "at " +
                folder_ + "/a/one.pools:1; keep one of the two.");
}

}  // namespace
}  // namespace tandem::declarations
