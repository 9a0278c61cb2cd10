// SPDX-License-Identifier: Apache-2.0
//
// Records: the lines that declarations are made of.
//
//   dmmeta.field  field:book.FDb.order  arg:book.Order  reftype:Tpool  comment:"open orders"
//
// A head `space.table`, then pairs `key:value` between blanks. A key or value with blanks or
// special characters stands in quotes, "..." or '...', with the escapes of C. Indentation, empty
// lines and what follows a `#` outside quotes are skipped. docs/declarations.md has the grammar.
//
// Input is hostile: limits are below, and nothing but memory for one record is held at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"

namespace tandem::declarations {

inline constexpr std::size_t kHeadCharactersMax = 128;
inline constexpr std::size_t kRecordCharactersMax = 65536;  ///< of a line that is not passed over
inline constexpr std::size_t kPairsMax = 128;               ///< in one record

/// Where something was declared.
struct Place {
  std::shared_ptr<const std::string> file;
  std::uint32_t file_index = 0;  ///< in the order in which files were read
  std::uint32_t line = 0;        ///< from 1

  /// file:line
  [[nodiscard]] std::string Text() const;
};

/// An error about what stands at `place`: `sentence` says which record, what and what to do.
[[nodiscard]] Error ErrorAt(const Place& place, const std::string& sentence);

/// Words of an input, fit to be shown in an error: short and printable.
[[nodiscard]] std::string Shown(std::string_view text);

struct Pair {
  std::string key;
  std::string value;
};

struct Record {
  std::string head;
  std::vector<Pair> pairs;
  Place place;

  /// The value of that key, or null. A key that is written twice is refused when it is read.
  [[nodiscard]] const std::string* Find(std::string_view key) const;
};

/// Reads the records of one text. The text must outlive it.
class RecordReader {
 public:
  RecordReader(std::string file, std::uint32_t file_index, std::string_view text);

  /// Goes to the next record and reads its head. False at the end.
  Result<bool> Next();
  /// Of the current record; a view into the text.
  [[nodiscard]] std::string_view head() const { return head_; }
  [[nodiscard]] const Place& place() const { return place_; }
  /// Reads the pairs of the current record. Records that nobody needs are not read.
  Result<Record> Read() const;

 private:
  Place place_;
  std::string_view rest_;  ///< lines after the current one
  std::string_view head_;
  std::string_view pairs_;  ///< of the current line, after the head
};

/// `text` as a key or value: in quotes where it needs them.
[[nodiscard]] std::string Quoted(std::string_view text);

}  // namespace tandem::declarations
