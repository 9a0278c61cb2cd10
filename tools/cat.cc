// SPDX-License-Identifier: Apache-2.0
//
// tandem cat: prints the messages of a log, one line each.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>

#include "replay/log_mark.h"
#include "replay/log_reader.h"
#include "replay/log_recovery.h"
#include "replay/log_segment.h"
#include "replay/log_verify.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/log_end.h"
#include "tools/log_schema.h"
#include "tools/message_filter.h"
#include "tools/options.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

constexpr auto kFollowPause = std::chrono::milliseconds(20);
/// How long nothing comes before a follower looks whether anything can, at first and at most.
constexpr std::chrono::milliseconds kLookAfter{1'000};
constexpr std::chrono::milliseconds kLookAfterMax{60'000};

struct Options {
  std::string folder;
  bool json = false;
  bool follow = false;
  MessageFilterOptions filter;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

class Cat {
 public:
  explicit Cat(const Options& options) : options_(options), filter_(options.filter) {}

  Result<ExitCode> Run() {
    auto reader = filter_.Open(storage_, options_.folder, options_.follow);
    if (!reader) return reader.error();
    const Status status = Print(*reader);
    // What was read before an error is printed before it is told.
    if (Status flushed = output_.Flush(); !flushed) return flushed.error();
    if (!status) return status.error();
    return ExitCode::kYes;
  }

 private:
  Status Print(LogReader& reader) {
    std::uint64_t printed = 0;
    while (printed < options_.count && reader.position().number < filter_.last() && !ended_) {
      switch (reader.Next()) {
        case ReadOutcome::kDamaged:
          return reader.error();
        case ReadOutcome::kEnd:
          if (!options_.follow) return NoteEnd(storage_, options_.folder, reader);
          if (Status status = output_.Flush(); !status) return status;
          if (Status status = Wait(reader); !status) return status;
          continue;
        case ReadOutcome::kMessage:
          waited_ = std::chrono::milliseconds(0);
          look_after_ = kLookAfter;
          break;
      }
      const proto::Header& header = reader.message().header;
      if (filter_.IsBeyond(header)) break;
      ended_ = options_.follow && header.type == kEndOfSession;
      if (!filter_.Wants(reader, schema_)) continue;
      proto::Schema& schema = schema_.For(reader);
      if (options_.json) {
        schema.AppendJson(reader.message(), &output_.text);
      } else {
        schema.AppendText(reader.message(), &output_.text);
      }
      output_.text += '\n';
      ++printed;
      if (Status status = output_.MayFlush(); !status) return status;
    }
    return {};
  }

  /// A moment, at the end of the log. An error if nothing can come there, for it is damaged.
  Status Wait(const LogReader& reader) {
    std::this_thread::sleep_for(kFollowPause);
    if (Status status = LookWhetherCut(reader); !status) return status;
    waited_ += kFollowPause;
    if (waited_ < look_after_) return {};
    waited_ = std::chrono::milliseconds(0);
    look_after_ = std::min(2 * look_after_, kLookAfterMax);
    return LookForDamage(reader);
  }

  /// Before the mapping is touched where the file ends no more. Another file of that name, as of a
  /// log that was made anew, says nothing.
  Status LookWhetherCut(const LogReader& reader) {
    struct stat now {};
    const std::uint64_t id = reader.segment_id();
    if (::stat(replay::SegmentPath(options_.folder, id).c_str(), &now) != 0) return {};
    if (id != segment_) {
      segment_ = id;
      inode_ = now.st_ino;
    }
    const auto size = static_cast<std::uint64_t>(now.st_size);
    if (now.st_ino != inode_ || size >= reader.offset()) return {};
    return replay::Damage(options_.folder, id, reader.offset(), reader.position().number + 1,
                          "the file was cut to " + std::to_string(size) + " bytes");
  }

  /// Where somebody writes, nothing whole lies behind the end, and what was synced can be read;
  /// where nobody does, somebody can go on.
  Status LookForDamage(const LogReader& reader) {
    const std::string& folder = options_.folder;
    const auto is_written = [&] {
      return storage_.Locked(folder + "/" + std::string(replay::kMarkFileName));
    };
    if (!is_written()) {
      const auto may = replay::MayRecoverLog(storage_, folder);
      return may || is_written() ? Status() : Status(may.error());
    }
    const auto tail = reader.ReadTail();
    if (!tail) return tail.error();
    if (tail->whole_follows) {
      const auto problems = replay::EndProblems(storage_, folder, reader);
      if (!problems) return problems.error();
      if (!problems->empty()) return Error::BadInput(problems->front());
    }
    const auto mark = reader.ReadMark();
    if (!mark) return mark.error();
    const std::uint64_t next = reader.position().number + 1;
    if (mark->mark.number < next) return {};
    auto again = LogReader::Open(storage_, folder, {.from_number = next, .check_digest = false});
    if (!again) return again.error();
    return again->Next() == ReadOutcome::kDamaged ? Status(again->error()) : Status();
  }

  static inline const std::uint32_t kEndOfSession =
      proto::TypeNumberOf(*pb::EndOfSession::descriptor());

  const Options& options_;
  replay::PosixStorage storage_;
  MessageFilter filter_;
  LogSchema schema_;
  Output output_;
  bool ended_ = false;
  std::uint64_t segment_ = 0;            ///< the last one at whose end it waited; 0: none
  ino_t inode_ = 0;                      ///< of its file
  std::chrono::milliseconds waited_{0};  ///< at the end, since it was looked at
  std::chrono::milliseconds look_after_ = kLookAfter;
};

}  // namespace

void RegisterCat(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("cat", "Print the messages of a log",
                   "  tandem generate --orders 10000 -o flow\n"
                   "  tandem cat flow --type NewOrder --json --count 10\n"
                   "  tandem cat flow --from 09:30:00.05 --user U1 --where 'size>=500'\n",
                   [options] { return Cat(*options).Run(); });
  command.add_option("LOG", options->folder, "Folder of the log")
      ->required()
      ->check(Named("folder"));
  command.add_flag("--json", options->json, "One JSON object a line");
  options->filter.AddTo(command);
  command.add_option("--count", options->count, "Messages to print at most")->check(WholeNumber());
  command.add_flag(
      "--follow", options->follow,
      "Wait for more at the end, until the end of the session; also for a --from that is "
      "still to come");
}

}  // namespace tandem::tools
