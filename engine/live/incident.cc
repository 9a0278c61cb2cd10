// SPDX-License-Identifier: Apache-2.0
#include "engine/live/incident.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <span>
#include <system_error>

#include "engine/live/incident_report.h"
#include "proto/schema.h"
#include "replay/log_reader.h"
#include "tandem/status.pb.h"

namespace tandem::engine {
namespace {

constexpr std::string_view kFacts = "facts.txt";
constexpr std::string_view kReport = "report.txt";
constexpr std::string_view kSchema = "schema.pb";
constexpr std::string_view kUnconfirmed = "unconfirmed.jsonl";
constexpr std::string_view kDecision = "decision.txt";
constexpr std::string_view kApplied = "applied.txt";
constexpr std::string_view kClosed = "closed.txt";
constexpr std::string_view kSuffix = ".incidents";
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kSchemaSizeMax = 64u << 20;

std::string PathOf(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name);
}

void AddEngine(const std::string& side, const EngineFacts& engine, Sheet* sheet) {
  const auto key = [&side](const char* of) { return "engine " + side + " " + of; };
  sheet->Add(key("name"), engine.name);
  sheet->Add(key("address"), engine.address);
  sheet->Add(key("connected"), engine.connected ? "yes" : "no");
  sheet->Add(key("last output taken"), engine.taken);
  sheet->Add(key("process"), engine.process);
  sheet->Add(key("last input reported"), engine.input_number);
  sheet->Add(key("host"), engine.host);
  sheet->Add(key("cpu"), engine.cpu);
  sheet->Add(key("build"), engine.build);
  sheet->Add(key("application"), engine.application);
  sheet->Add(key("zone address"), engine.zone_address);
  sheet->Add(key("pools"), engine.pools);
}

EngineFacts ReadEngine(const std::string& side, const Sheet& sheet) {
  const auto key = [&side](const char* of) { return "engine " + side + " " + of; };
  EngineFacts engine;
  engine.name = sheet.Text(key("name"));
  engine.address = sheet.Text(key("address"));
  engine.connected = sheet.Text(key("connected")) == "yes";
  engine.taken = sheet.Number(key("last output taken")).value_or(0);
  engine.process = sheet.Number(key("process")).value_or(0);
  engine.input_number = sheet.Number(key("last input reported")).value_or(0);
  engine.host = sheet.Text(key("host"));
  engine.cpu = sheet.Text(key("cpu"));
  engine.build = sheet.Text(key("build"));
  engine.application = sheet.Text(key("application"));
  engine.zone_address = sheet.Number(key("zone address")).value_or(0);
  engine.pools = sheet.Text(key("pools"));
  return engine;
}

Sheet SheetOf(const Incident& incident) {
  Sheet sheet;
  sheet.Add("tandem incident", kVersion);
  sheet.Add("session", incident.session.str());
  sheet.Add("output", incident.number);
  sheet.Add("is the first that differs", incident.is_first ? "yes" : "or one before it");
  sheet.Add("what", incident.what);
  sheet.Add("late engine", NameOfSide(incident.late_side));
  sheet.Add("input", incident.cause);
  sheet.Add("last equal output", incident.last_equal.number);
  sheet.Add("last equal digest", proto::DigestText(incident.last_equal.digest));
  sheet.Add("published up to", incident.published);
  sheet.Add("published are copies of", NameOfSide(incident.published_side));
  sheet.Add("policy", incident.policy);
  sheet.Add("found", proto::TimeText(incident.found_ns));
  for (std::size_t side = 0; side < kSideNames.size(); ++side) {
    AddEngine(NameOfSide(side), incident.engines[side], &sheet);
  }
  for (std::size_t side = 0; side < kSideNames.size(); ++side) {
    sheet.Add("copy of " + NameOfSide(side), HexOf(incident.copies[side]));
  }
  return sheet;
}

/// Null: a version that we do not know, or a line is missing.
std::optional<Incident> IncidentOf(const Sheet& sheet) {
  const auto number = sheet.Number("output");
  const auto cause = sheet.Number("input");
  const auto equal = sheet.Number("last equal output");
  const auto digest = sheet.Digest("last equal digest");
  const auto published = sheet.Number("published up to");
  const auto found = proto::ParseTime(sheet.Text("found"));
  if (sheet.Number("tandem incident") != kVersion || !number || !cause || !equal || !digest ||
      !published || !found) {
    return std::nullopt;
  }
  Incident incident;
  incident.session = proto::Session(sheet.Text("session"));
  incident.number = *number;
  incident.is_first = sheet.Text("is the first that differs") == "yes";
  incident.what = sheet.Text("what");
  incident.late_side = SideOf(sheet.Text("late engine")).value_or(Incident::kNobody);
  incident.cause = *cause;
  incident.last_equal = {.number = *equal, .digest = *digest};
  incident.published = *published;
  incident.published_side =
      SideOf(sheet.Text("published are copies of")).value_or(Incident::kNobody);
  incident.policy = sheet.Text("policy");
  incident.found_ns = *found;
  for (std::size_t side = 0; side < kSideNames.size(); ++side) {
    incident.engines[side] = ReadEngine(NameOfSide(side), sheet);
    auto copy = sheet.Bytes("copy of " + NameOfSide(side));
    if (!copy || (!copy->empty() && !proto::ParseMessage(*copy))) return std::nullopt;
    incident.copies[side] = std::move(*copy);
  }
  return incident;
}

/// "NUMBER" or "NUMBER.2", for order.
std::optional<std::pair<std::uint64_t, std::uint64_t>> OrderOf(const std::string& name) {
  std::pair<std::uint64_t, std::uint64_t> order{0, 1};
  const char* const end = name.data() + name.size();
  auto parsed = std::from_chars(name.data(), end, order.first);
  if (parsed.ec != std::errc()) return std::nullopt;
  if (parsed.ptr == end) return order;
  if (*parsed.ptr != '.') return std::nullopt;
  parsed = std::from_chars(parsed.ptr + 1, end, order.second);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return order;
}

std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Error Odd(const std::string& path) {
  return Error::BadInput(path + " is whole, but not of a kind that this version of tandem knows");
}

Status WriteOnce(replay::Storage& storage, const std::string& folder, std::string_view name,
                 const Sheet& sheet) {
  const auto before = storage.OpenToRead(PathOf(folder, name));
  if (!before) return before.error();
  if (*before != nullptr) {
    return Error::BadInput(PathOf(folder, name) + " is there already, and is never changed");
  }
  return WriteWhole(storage, folder, std::string(name), sheet.Print());
}

/// A sheet that says where a stream stood; null: there is none.
struct StoodAt {
  proto::StreamPosition position;
  std::int64_t time_ns = 0;
};

Result<std::optional<StoodAt>> ReadStoodAt(replay::Storage& storage, const std::string& folder,
                                           std::string_view name) {
  const std::string path = PathOf(folder, name);
  const auto sheet = ReadSheet(storage, path);
  if (!sheet) return sheet.error();
  if (!*sheet) return std::optional<StoodAt>();
  const auto number = (*sheet)->Number("output");
  const auto digest = (*sheet)->Digest("digest");
  const auto time = proto::ParseTime((*sheet)->Text("time"));
  if (!number || !digest || !time) return Odd(path);
  return std::optional(StoodAt{{.number = *number, .digest = *digest}, *time});
}

Sheet SheetOf(const char* what, const StoodAt& stood) {
  Sheet sheet;
  sheet.Add("what", what);
  sheet.Add("output", stood.position.number);
  sheet.Add("digest", proto::DigestText(stood.position.digest));
  sheet.Add("time", proto::TimeText(stood.time_ns));
  return sheet;
}

}  // namespace

std::optional<std::size_t> SideOf(std::string_view name) {
  const auto found = std::ranges::find(kSideNames, name);
  if (found == kSideNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kSideNames.begin());
}

std::string NameOfSide(std::size_t side) {
  return side < kSideNames.size() ? std::string(kSideNames[side]) : "none";
}

EngineFacts EngineOf(const pb::Status& status) {
  EngineFacts engine;
  engine.name = status.name();
  engine.process = status.process();
  engine.input_number = status.input_number();
  engine.build = status.build();
  engine.cpu = status.cpu();
  engine.host = status.host();
  engine.application = status.application();
  engine.pools = status.pools();
  engine.zone_address = status.zone_address();
  return engine;
}

std::string IncidentsFolderOf(std::string merged_folder) {
  return WithoutSlashes(std::move(merged_folder)) + std::string(kSuffix);
}

Result<std::string> MergedFolderOf(const std::string& incident_folder) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(incident_folder, error).string();
  const std::string folder = error ? WithoutSlashes(incident_folder) : real;
  const std::size_t slash = folder.rfind('/');
  const std::string above = slash == folder.npos ? "" : WithoutSlashes(folder.substr(0, slash));
  if (above.size() > kSuffix.size() && above.ends_with(kSuffix)) {
    return above.substr(0, above.size() - kSuffix.size());
  }
  return Error::BadInput(incident_folder +
                         " does not lie where the deduplicator put it, in MERGED.incidents beside "
                         "the merged log; give the folder by that path");
}

Result<std::string> WriteIncident(replay::Storage& storage, const std::string& merged_folder,
                                  const Incident& incident, std::string_view schema) {
  const std::string incidents = IncidentsFolderOf(merged_folder);
  const std::string name = std::to_string(incident.number);
  const std::string partial = incidents + "/." + name + ".partial";
  if (Status status = storage.MakeFolder(partial); !status) return status.error();
  if (Status status =
          WriteUnconfirmed(storage, partial, merged_folder, incident, schema, kUnconfirmedMax);
      !status) {
    return status.error();
  }
  const std::pair<std::string_view, std::string> files[] = {
      {kSchema, std::string(schema)},
      {kReport, DescribeIncident(incident, schema)},
      {kFacts, SheetOf(incident).Print()}};
  for (const auto& [file, text] : files) {
    if (Status status = WriteWhole(storage, partial, std::string(file), text); !status) {
      return status.error();
    }
  }
  std::string folder = incidents + "/" + name;
  for (int again = 2; storage.FolderExists(folder); ++again) {
    folder = incidents + "/" + name + "." + std::to_string(again);
  }
  if (Status status = storage.Rename(partial, folder); !status) return status.error();
  if (Status status = storage.SyncFolder(incidents); !status) return status.error();
  return folder;
}

Status WriteUnconfirmed(replay::Storage& storage, const std::string& folder,
                        const std::string& merged_folder, const Incident& incident,
                        std::string_view schema_bytes, std::uint64_t max) {
  constexpr std::size_t kPiece = 1u << 20;
  const std::string path = PathOf(folder, kUnconfirmed);
  auto file = storage.Create(path + ".partial");
  if (!file) return file.error();
  std::uint64_t size = 0;
  std::string text;
  const auto write = [&]() -> Status {
    const auto bytes = std::as_bytes(std::span(text));
    if (Status status = (*file)->Write(size, bytes); !status) return status;
    size += text.size();
    text.clear();
    return {};
  };
  if (incident.has_unconfirmed()) {
    auto schema = proto::Schema::Parse(schema_bytes);
    if (!schema) schema = proto::Schema::Parse("");
    auto reader = replay::LogReader::Open(storage, merged_folder,
                                          {.from_number = incident.number, .check_digest = false});
    if (!reader) return reader.error();
    for (std::uint64_t listed = 0; listed < max; ++listed) {
      const auto outcome = reader->Next(incident.published);
      if (outcome == replay::ReadOutcome::kDamaged) return reader->error();
      if (outcome == replay::ReadOutcome::kEnd) break;
      schema->AppendJson(reader->message(), &text);
      text += '\n';
      if (text.size() < kPiece) continue;
      if (Status status = write(); !status) return status;
    }
  }
  if (Status status = write(); !status) return status;
  if (Status status = (*file)->Sync(); !status) return status;
  if (Status status = storage.Rename(path + ".partial", path); !status) return status;
  return storage.SyncFolder(folder);
}

Result<IncidentRecord> ReadIncident(replay::Storage& storage, const std::string& folder) {
  const std::string path = PathOf(WithoutSlashes(folder), kFacts);
  if (!storage.FolderExists(folder)) {
    return Error::BadInput("there is no folder " + folder +
                           "; `tandem incident list MERGED` names the incidents of a merged log");
  }
  const auto sheet = ReadSheet(storage, path);
  if (!sheet) return sheet.error();
  if (!*sheet) {
    return Error::BadInput(folder + " is not the folder of an incident: it holds no " +
                           std::string(kFacts) +
                           "; `tandem incident list MERGED` names the incidents of a merged log");
  }
  auto incident = IncidentOf(**sheet);
  if (!incident) return Odd(path);
  IncidentRecord record;
  record.folder = WithoutSlashes(folder);
  record.incident = std::move(*incident);
  const auto report = ReadWhole(storage, PathOf(record.folder, kReport), Sheet::kSizeMax);
  if (!report) return report.error();
  record.report = report->value_or("");
  auto decision = ReadDecision(storage, record.folder);
  if (!decision) return decision.error();
  record.decision = std::move(*decision);
  const auto applied = ReadStoodAt(storage, record.folder, kApplied);
  if (!applied) return applied.error();
  if (*applied) record.applied = {(*applied)->position, (*applied)->time_ns};
  const auto closed = ReadStoodAt(storage, record.folder, kClosed);
  if (!closed) return closed.error();
  if (*closed) record.readmission = {(*closed)->position, (*closed)->time_ns};
  return record;
}

Result<std::string> ReadIncidentSchema(replay::Storage& storage, const std::string& folder) {
  auto text = ReadWhole(storage, PathOf(folder, kSchema), kSchemaSizeMax);
  if (!text) return text.error();
  return text->value_or("");
}

Result<std::vector<std::string>> ListIncidents(replay::Storage& storage,
                                               const std::string& merged_folder) {
  const std::string incidents = IncidentsFolderOf(merged_folder);
  if (!storage.FolderExists(incidents)) return std::vector<std::string>();
  auto names = storage.List(incidents);
  if (!names) return names.error();
  std::erase_if(*names, [](const std::string& name) { return !OrderOf(name); });
  std::ranges::sort(*names, {}, [](const std::string& name) { return *OrderOf(name); });
  for (std::string& name : *names) name.insert(0, incidents + "/");
  return names;
}

Result<std::optional<IncidentRecord>> FindOpenIncident(replay::Storage& storage,
                                                       const std::string& merged_folder,
                                                       proto::Session session) {
  const auto folders = ListIncidents(storage, merged_folder);
  if (!folders) return folders.error();
  for (auto folder = folders->rbegin(); folder != folders->rend(); ++folder) {
    // What is over need not be whole.
    if (const auto closed = ReadStoodAt(storage, *folder, kClosed); closed && *closed) continue;
    auto record = ReadIncident(storage, *folder);
    if (!record) return record.error();
    if (record->incident.session == session) return std::optional(std::move(*record));
  }
  return std::optional<IncidentRecord>();
}

Result<std::optional<IncidentDecision>> ReadDecision(replay::Storage& storage,
                                                     const std::string& folder) {
  const std::string path = PathOf(folder, kDecision);
  const auto sheet = ReadSheet(storage, path);
  if (!sheet) return sheet.error();
  if (!*sheet) return std::optional<IncidentDecision>();
  const auto keep = SideOf((*sheet)->Text("keep"));
  const auto time = proto::ParseTime((*sheet)->Text("time"));
  if (!keep || !time) return Odd(path);
  return std::optional(IncidentDecision{.keep = *keep,
                                        .takes_back = (*sheet)->Text("takes back") == "yes",
                                        .because = (*sheet)->Text("because"),
                                        .time_ns = *time});
}

Status WriteDecision(replay::Storage& storage, const std::string& folder,
                     const IncidentDecision& decision) {
  Sheet sheet;
  sheet.Add("keep", NameOfSide(decision.keep));
  sheet.Add("takes back", decision.takes_back ? "yes" : "no");
  sheet.Add("because", decision.because);
  sheet.Add("time", proto::TimeText(decision.time_ns));
  return WriteOnce(storage, folder, kDecision, sheet);
}

Status WriteApplied(replay::Storage& storage, const std::string& folder,
                    const IncidentApplied& applied) {
  return WriteOnce(storage, folder, kApplied,
                   SheetOf("the decision is in force; the merged stream stood here",
                           {applied.published, applied.time_ns}));
}

Status WriteReadmission(replay::Storage& storage, const std::string& folder,
                        const IncidentReadmission& readmission) {
  return WriteOnce(storage, folder, kClosed,
                   SheetOf("the fenced engine has given the merged stream from 1 to here, and is "
                           "one of the pair again",
                           {readmission.proven, readmission.time_ns}));
}

Status WriteLost(replay::Storage& storage, const std::string& folder,
                 const IncidentReadmission& lost) {
  return WriteOnce(storage, folder, kClosed,
                   SheetOf("the merged log has lost what led to this; both engines were compared "
                           "again from here",
                           {lost.proven, lost.time_ns}));
}

}  // namespace tandem::engine
