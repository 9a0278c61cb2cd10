// SPDX-License-Identifier: Apache-2.0
#include "engine/live/merged_history.h"

#include <utility>

namespace tandem::engine {

using replay::LogReader;
using replay::ReadOutcome;

MergedHistory::MergedHistory(replay::Storage& storage, std::string folder)
    : storage_(storage), folder_(std::move(folder)) {}

Result<OutputMark> MergedHistory::MarkAt(std::size_t engine, std::uint64_t number) {
  std::optional<LogReader>& reader = readers_[engine];
  if (!reader || reader->position().number + 1 != number) {
    auto opened = LogReader::Open(storage_, folder_, {.from_number = number});
    if (!opened) return opened.error();
    reader.emplace(std::move(*opened));
  }
  switch (reader->Next()) {
    case ReadOutcome::kMessage: {
      const proto::Header& header = reader->message().header;
      return OutputMark{.digest = header.digest, .origin = header.origin};
    }
    case ReadOutcome::kDamaged:
      return reader->error();
    case ReadOutcome::kEnd:
      break;
  }
  return Error::Failure("the merged log in " + folder_ + " ends before message " +
                        std::to_string(number) + "; check it with `tandem verify`");
}

}  // namespace tandem::engine
