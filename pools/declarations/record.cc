// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/record.h"

#include <algorithm>
#include <cstdio>

#include "pools/declarations/values.h"

namespace tandem::declarations {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Identifiers with dots between them, two at least.
bool IsHead(std::string_view head) {
  if (head.size() > kHeadCharactersMax || head.find('.') == std::string_view::npos) return false;
  for (;;) {
    const std::size_t dot = head.find('.');
    if (!IsIdentifier(head.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    head.remove_prefix(dot + 1);
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads the pairs of one line.
class PairParser {
 public:
  PairParser(Record& record, std::string_view text) : record_(record), text_(text) {}

  Status Parse() {
    for (;;) {
      while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
      if (at_ == text_.size() || text_[at_] == '#') return {};
      Pair pair;
      if (Status status = Key(pair.key); !status) return status;
      if (at_ == text_.size() || text_[at_] != ':') {
        return Bad("the word " + Shown(pair.key) + " is no key:value pair",
                   "write a colon and a value behind it, \"\" if the value is empty");
      }
      ++at_;
      if (Status status = Value(pair); !status) return status;
      if (record_.Find(pair.key) != nullptr) {
        return Bad("the key " + Shown(pair.key) + " stands there twice", "keep one of them");
      }
      if (record_.pairs.size() == kPairsMax) {
        return Bad("it has more than " + std::to_string(kPairsMax) + " pairs", "leave some out");
      }
      record_.pairs.push_back(std::move(pair));
    }
  }

 private:
  Status Key(std::string& key) {
    if (IsQuote()) return QuotedWord(key);
    const std::size_t begin = at_;
    while (at_ < text_.size() && !IsBlank(text_[at_]) && text_[at_] != ':') ++at_;
    return Plain(text_.substr(begin, at_ - begin), key);
  }

  Status Value(Pair& pair) {
    if (IsQuote()) {
      if (Status status = QuotedWord(pair.value); !status) return status;
      if (at_ < text_.size() && !IsBlank(text_[at_])) {
        return Bad("the value of " + Shown(pair.key) + " goes on behind its closing quote",
                   "put a blank there, or a backslash in front of the quote");
      }
      return {};
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && !IsBlank(text_[at_])) ++at_;
    return Plain(text_.substr(begin, at_ - begin), pair.value);
  }

  bool IsQuote() const { return at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''); }

  Status Plain(std::string_view text, std::string& word) {
    if (std::any_of(text.begin(), text.end(), IsControl)) {
      return Bad("the word " + Shown(text) + " has a control character",
                 "write it in quotes with an escape such as \\x07");
    }
    word = text;
    return {};
  }

  Status QuotedWord(std::string& word) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        if (Status status = Escape(word); !status) return status;
      } else {
        word += text_[at_++];
      }
    }
    if (at_ == text_.size()) {
      return Bad(std::string("a quote ") + quote + " is opened and not closed", "close it");
    }
    ++at_;
    return {};
  }

  Status Escape(std::string& word) {
    static constexpr std::string_view kLetters = "abfnrtv\\\"'?";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'?";
    ++at_;
    const char letter = at_ < text_.size() ? text_[at_] : '\0';
    if (const std::size_t i = kLetters.find(letter); i != std::string_view::npos) {
      word += kMeanings[i];
      ++at_;
      return {};
    }
    int value = 0;
    std::size_t digits = 0;
    if (letter == 'x') {
      for (++at_; digits < 2 && at_ < text_.size() && HexDigit(text_[at_]) >= 0; ++digits, ++at_) {
        value = value * 16 + HexDigit(text_[at_]);
      }
    } else {
      for (; digits < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7';
           ++digits, ++at_) {
        value = value * 8 + (text_[at_] - '0');
      }
    }
    if (digits == 0 || value > 0xff) {
      return Bad("a backslash is followed by what is no escape", "write \\\\ for a backslash");
    }
    word += static_cast<char>(value);
    return {};
  }

  Error Bad(const std::string& what, const std::string& remedy) const {
    return ErrorAt(record_.place, record_.head + ": " + what + "; " + remedy + ".");
  }

  Record& record_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Place::Text() const { return *file + ":" + std::to_string(line); }

Error ErrorAt(const Place& place, const std::string& sentence) {
  return Error::BadInput(place.Text() + ": " + sentence);
}

const std::string* Record::Find(std::string_view key) const {
  for (const Pair& pair : pairs) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

std::string Shown(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string shown;
  for (const char c : text.substr(0, kShownMax)) {
    shown += IsControl(c) ? '?' : c;
  }
  return shown + (text.size() > kShownMax ? "..." : "");
}

RecordReader::RecordReader(std::string file, std::uint32_t file_index, std::string_view text)
    : place_{std::make_shared<const std::string>(std::move(file)), file_index, 0}, rest_(text) {
  static constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

Result<bool> RecordReader::Next() {
  while (!rest_.empty()) {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++place_.line;
    while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    head_ = line.substr(0, line.find_first_of(" \t\r"));
    pairs_ = line.substr(head_.size());
    if (!IsHead(head_)) {
      return ErrorAt(place_,
                     "a record begins with space.table, as in dmmeta.field, but this line "
                     "with " +
                         Shown(head_) + "; put a # in front of a comment.");
    }
    return true;
  }
  return false;
}

Result<Record> RecordReader::Read() const {
  Record record{std::string(head_), {}, place_};
  if (head_.size() + pairs_.size() > kRecordCharactersMax) {
    return ErrorAt(place_, record.head + ": the record has more than " +
                               std::to_string(kRecordCharactersMax) + " characters; shorten it.");
  }
  if (Status status = PairParser(record, pairs_).Parse(); !status) return status.error();
  return record;
}

std::string Quoted(std::string_view text) {
  const auto plain = [](char c) {
    return !IsControl(c) && c != ' ' && c != '"' && c != '\'' && c != '\\' && c != ':' && c != '#';
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (IsControl(c)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\%03o", static_cast<unsigned char>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace tandem::declarations
