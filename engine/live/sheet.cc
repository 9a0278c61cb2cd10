// SPDX-License-Identifier: Apache-2.0
#include "engine/live/sheet.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "proto/digest.h"
#include "proto/schema.h"

namespace tandem::engine {
namespace {

constexpr std::string_view kCheck = "check: ";
constexpr char kHexDigits[] = "0123456789abcdef";

std::optional<unsigned> HexValue(char digit) {
  const char* const end = kHexDigits + 16;
  const char* const found = std::find(kHexDigits, end, digit);
  return found == end ? std::nullopt : std::optional<unsigned>(found - kHexDigits);
}

void AppendEscaped(std::string_view value, std::string* out) {
  for (const char character : value) {
    const auto code = static_cast<unsigned char>(character);
    if (code >= 0x20 && code != 0x7f && code != '\\') {
      *out += character;
      continue;
    }
    *out += "\\x";
    *out += kHexDigits[code >> 4];
    *out += kHexDigits[code & 15];
  }
}

std::optional<std::string> Unescaped(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    if (i + 3 >= text.size() || text[i + 1] != 'x') return std::nullopt;
    const auto high = HexValue(text[i + 2]);
    const auto low = HexValue(text[i + 3]);
    if (!high || !low) return std::nullopt;
    value += static_cast<char>(*high << 4 | *low);
    i += 3;
  }
  return value;
}

}  // namespace

std::uint64_t CheckOf(std::string_view text) {
  // The digest of a message whose digested part it is.
  std::vector<std::byte> message(proto::kDigestedFrom + text.size());
  std::ranges::copy(std::as_bytes(std::span(text)), message.begin() + proto::kDigestedFrom);
  return proto::Digest(text.size(), message);
}

std::string HexOf(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += kHexDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kHexDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

const std::string* Sheet::Find(std::string_view key) const {
  const auto found = std::ranges::find(
      lines_, key, [](const auto& line) -> std::string_view { return line.first; });
  return found == lines_.end() ? nullptr : &found->second;
}

std::string Sheet::Text(std::string_view key) const {
  const std::string* const value = Find(key);
  return value == nullptr ? "" : *value;
}

std::optional<std::uint64_t> Sheet::Number(std::string_view key) const {
  const std::string* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = value->data() + value->size();
  const auto parsed = std::from_chars(value->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> Sheet::Digest(std::string_view key) const {
  const auto bytes = Bytes(key);
  if (!bytes || bytes->size() != sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t digest = 0;
  for (const std::byte byte : *bytes) digest = digest << 8 | std::to_integer<std::uint64_t>(byte);
  return digest;
}

std::optional<std::vector<std::byte>> Sheet::Bytes(std::string_view key) const {
  const std::string* const value = Find(key);
  if (value == nullptr || value->size() % 2 != 0) return std::nullopt;
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < value->size(); i += 2) {
    const auto high = HexValue((*value)[i]);
    const auto low = HexValue((*value)[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(*high << 4 | *low));
  }
  return bytes;
}

std::string Sheet::Print() const {
  std::string text;
  for (const auto& [key, value] : lines_) {
    text += key + ": ";
    AppendEscaped(value, &text);
    text += '\n';
  }
  text += std::string(kCheck) + proto::DigestText(CheckOf(text)) + "\n";
  return text;
}

std::optional<Sheet> Sheet::Parse(std::string_view text) {
  constexpr std::size_t kCheckSize = kCheck.size() + 16 + 1;
  if (text.size() < kCheckSize) return std::nullopt;
  std::string_view body = text.substr(0, text.size() - kCheckSize);
  if (text.substr(body.size()) != std::string(kCheck) + proto::DigestText(CheckOf(body)) + "\n") {
    return std::nullopt;
  }
  Sheet sheet;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    if (end == body.npos) return std::nullopt;
    const std::string_view line = body.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon == line.npos) return std::nullopt;
    auto value = Unescaped(line.substr(colon + 2));
    if (!value) return std::nullopt;
    sheet.Add(std::string(line.substr(0, colon)), std::move(*value));
    body.remove_prefix(end + 1);
  }
  return sheet;
}

Status WriteWhole(replay::Storage& storage, const std::string& folder, const std::string& name,
                  std::string_view text) {
  const std::string path = folder + "/" + name;
  auto file = storage.Create(path + ".partial");
  if (!file) return file.error();
  if (Status status = (*file)->Write(0, std::as_bytes(std::span(text))); !status) return status;
  if (Status status = (*file)->Sync(); !status) return status;
  if (Status status = storage.Rename(path + ".partial", path); !status) return status;
  return storage.SyncFolder(folder);
}

Result<std::optional<std::string>> ReadWhole(replay::Storage& storage, const std::string& path,
                                             std::uint64_t size_max) {
  const auto file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return std::optional<std::string>();
  const auto size = (*file)->Size();
  if (!size) return size.error();
  if (*size > size_max) {
    return Error::BadInput(path + " has " + std::to_string(*size) + " bytes, more than the " +
                           std::to_string(size_max) + " that such a file can have");
  }
  std::string text(*size, '\0');
  const auto read = (*file)->Read(0, std::as_writable_bytes(std::span(text)));
  if (!read) return read.error();
  text.resize(*read);
  return std::optional<std::string>(std::move(text));
}

Result<std::optional<Sheet>> ReadSheet(replay::Storage& storage, const std::string& path) {
  const auto text = ReadWhole(storage, path, Sheet::kSizeMax);
  if (!text) return text.error();
  if (!*text) return std::optional<Sheet>();
  auto sheet = Sheet::Parse(**text);
  if (!sheet) {
    return Error::BadInput(path +
                           " is damaged: its content does not give the check in its last line; "
                           "put back a copy of it");
  }
  return sheet;
}

}  // namespace tandem::engine
