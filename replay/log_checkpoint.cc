// SPDX-License-Identifier: Apache-2.0
#include "replay/log_checkpoint.h"

#include <cstring>
#include <memory>

#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

/// A segment's header, and its checkpoint or why it has none that counts.
struct Beginning {
  SegmentHeader header;
  std::optional<Checkpoint> checkpoint;
  std::string why;
};

std::string WhyNot(const Checkpoint& checkpoint, const SegmentHeader& header) {
  const bool fits = checkpoint.position.number + 1 == header.first_number &&
                    checkpoint.position.digest == header.digest_before &&
                    checkpoint.time_ns == header.time_before_ns && checkpoint.epoch == header.epoch;
  return fits ? "" : "has a checkpoint of another place";
}

Result<Beginning> ReadBeginning(Storage& storage, const std::string& folder,
                                std::uint64_t segment_id) {
  const std::string path = SegmentPath(folder, segment_id);
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return Error::Failure(path + " went away");
  const Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return mapping.error();
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  Beginning beginning;
  std::string wrong;
  if (ParseSegmentHeader(bytes, segment_id, &beginning.header, &wrong) != HeaderState::kWhole) {
    return HeaderDamage(storage, folder, segment_id, wrong);
  }
  beginning.why = "has no checkpoint";
  std::uint64_t offset = sizeof(SegmentHeader);
  Record record;
  const char* ignored = nullptr;
  while (ReadRecord(bytes, offset, beginning.header.crc, &record, &ignored) ==
             RecordState::kWhole &&
         record.kind != RecordKind::kMessage && record.kind != RecordKind::kEnd) {
    offset = record.end;
    if (record.kind != RecordKind::kCheckpoint) continue;
    std::optional<Checkpoint> checkpoint = ParseCheckpoint(record.body);
    beginning.why = checkpoint ? WhyNot(*checkpoint, beginning.header)
                               : "has a checkpoint that this build cannot read";
    if (beginning.why.empty()) beginning.checkpoint = std::move(checkpoint);
    break;
  }
  if (!beginning.checkpoint && beginning.header.first_number == 1) {
    beginning.checkpoint.emplace();  // before the first message there is nothing
    beginning.why.clear();
  }
  return beginning;
}

}  // namespace

std::vector<std::byte> Encode(const Checkpoint& checkpoint) {
  struct Entry {
    proto::User user;
    std::uint64_t accepted;
  };
  static_assert(sizeof(Entry) == 16);
  const CheckpointHead head{.users = static_cast<std::uint32_t>(checkpoint.accepted.size()),
                            .number = checkpoint.position.number,
                            .digest = checkpoint.position.digest,
                            .time_ns = checkpoint.time_ns,
                            .epoch = checkpoint.epoch};
  std::vector<std::byte> body(sizeof head + checkpoint.accepted.size() * sizeof(Entry));
  std::memcpy(body.data(), &head, sizeof head);
  std::size_t at = sizeof head;
  for (const auto& [user, accepted] : checkpoint.accepted) {
    const Entry entry{.user = user, .accepted = accepted};
    std::memcpy(body.data() + at, &entry, sizeof entry);
    at += sizeof entry;
  }
  return body;
}

std::optional<Checkpoint> ParseCheckpoint(std::span<const std::byte> body) {
  CheckpointHead head;
  if (body.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, body.data(), sizeof head);
  constexpr std::size_t kEntry = sizeof(proto::User) + sizeof(std::uint64_t);
  if (head.version != 1 || body.size() != sizeof head + head.users * kEntry) return std::nullopt;
  Checkpoint checkpoint{.position = {.number = head.number, .digest = head.digest},
                        .time_ns = head.time_ns,
                        .epoch = head.epoch,
                        .accepted = {}};
  for (std::size_t at = sizeof head; at < body.size(); at += kEntry) {
    proto::User user;
    std::uint64_t accepted = 0;
    std::memcpy(&user, body.data() + at, sizeof user);
    std::memcpy(&accepted, body.data() + at + sizeof user, sizeof accepted);
    const bool in_order = checkpoint.accepted.empty() || checkpoint.accepted.rbegin()->first < user;
    if (!in_order || accepted == 0) return std::nullopt;
    checkpoint.accepted.emplace_hint(checkpoint.accepted.end(), user, accepted);
  }
  return checkpoint;
}

Result<FoundCheckpoint> FindCheckpoint(Storage& storage, const std::string& folder) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  std::string why;
  std::uint64_t first_number = 0;
  for (auto id = list->ids.rbegin(); id != list->ids.rend(); ++id) {
    Result<Beginning> beginning = ReadBeginning(storage, folder, *id);
    if (!beginning) return beginning.error();
    if (beginning->checkpoint) {
      return FoundCheckpoint{
          .checkpoint = std::move(*beginning->checkpoint), .segment_id = *id, .why = why};
    }
    if (why.empty()) why = SegmentFileName(*id) + " " + beginning->why;
    first_number = beginning->header.first_number;
  }
  return Error::BadInput("the log " + folder + " begins at message " +
                         std::to_string(first_number) +
                         ", for it was trimmed, and none of its segments has a checkpoint that "
                         "says what was before (" +
                         why + "); put the segments that were taken back into the folder");
}

Result<std::uint64_t> FirstNumberFor(Storage& storage, const std::string& folder, proto::User user,
                                     std::uint64_t origin) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  for (auto id = list->ids.rbegin(); id != list->ids.rend(); ++id) {
    const Result<Beginning> beginning = ReadBeginning(storage, folder, *id);
    if (!beginning) return beginning.error();
    if (!beginning->checkpoint) continue;
    const AcceptedByUser& accepted = beginning->checkpoint->accepted;
    const auto found = accepted.find(user);
    if (found == accepted.end() || found->second < origin) return beginning->header.first_number;
  }
  return Error::BadInput("submission " + std::to_string(origin) + " of user \"" + user.str() +
                         "\" is before the beginning of the log, which was trimmed");
}

}  // namespace tandem::replay
