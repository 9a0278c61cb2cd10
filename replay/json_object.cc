// SPDX-License-Identifier: Apache-2.0
#include "replay/json_object.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

namespace tandem::replay {
namespace {

constexpr int kDepthMax = 100;

/// "order_id" to "orderId": a field of a message may be called by either.
std::string InProtobufsForm(std::string_view name) {
  std::string form;
  bool upper = false;
  for (const char c : name) {
    if (c != '_') form += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return form;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Does a number stay what it is where it is read as a 64-bit one, by way of a floating-point one
/// if it has a point or an exponent? True also of what is no number.
bool IsExact(std::string_view word) {
  const bool negative = word.starts_with('-');
  if (negative) word.remove_prefix(1);
  if (word.empty() || !IsDigit(word.front())) return true;
  if (word.size() <= 18 && std::ranges::all_of(word, IsDigit)) return true;
  // Its digits, and how many of them stand before the point.
  std::string digits;
  std::size_t at = 0;
  for (; at < word.size() && IsDigit(word[at]); ++at) digits += word[at];
  auto whole = static_cast<std::int64_t>(digits.size());
  if (at < word.size() && word[at] == '.') {
    while (++at < word.size() && IsDigit(word[at])) digits += word[at];
  }
  const bool is_plain = at == word.size() && std::cmp_equal(whole, digits.size());
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    if (++at < word.size() && word[at] == '+') ++at;
    std::int64_t exponent = 0;
    const char* const end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data() + at, end, exponent);
    if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return true;
    constexpr std::int64_t kFar = 1 << 30;  // more than the digits of any line
    if (parsed.ec != std::errc()) exponent = word[at] == '-' ? -kFar : kFar;
    whole += std::clamp(exponent, -kFar, kFar);
  } else if (at < word.size()) {
    return true;
  }
  const std::size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, zeros);
  whole -= static_cast<std::int64_t>(zeros);
  while (digits.ends_with('0')) digits.pop_back();
  if (digits.empty()) return true;
  constexpr std::int64_t kDigitsMax = std::numeric_limits<std::uint64_t>::digits10 + 1;
  if (std::cmp_less(whole, digits.size()) || whole > kDigitsMax) return false;
  digits.append(static_cast<std::size_t>(whole) - digits.size(), '0');
  std::uint64_t size = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), size).ec != std::errc()) {
    return false;
  }
  if (negative && size > std::uint64_t{1} << 63) return false;
  return is_plain || (size >> std::countr_zero(size)) < std::uint64_t{1} << 53;
}

/// Goes over a text, value by value.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// The member for which Value gave up: it is there twice in an object within the value. Empty:
  /// there is none.
  [[nodiscard]] const std::string& twice() const { return twice_; }
  /// See JsonInexactNumber; of the values so far.
  [[nodiscard]] std::string_view inexact() const { return inexact_; }

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] std::string_view From(std::size_t begin) const {
    return text_.substr(begin, at_ - begin);
  }

  void Blanks() {
    while (!done() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  bool Take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool String() {
    if (!Take('"')) return false;
    while (!done()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !Escape()) return false;
    }
    return false;
  }

  bool Value(int depth = 0) {
    if (done() || depth > kDepthMax) return false;
    switch (text_[at_]) {
      case '"':
        return String();
      case '{':
        return Nested('{', '}', /*named=*/true, depth);
      case '[':
        return Nested('[', ']', /*named=*/false, depth);
      default:
        return Word();
    }
  }

 private:
  bool Escape() {
    if (done()) return false;
    const char c = text_[at_++];
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (done() ||
          std::string_view("0123456789abcdefABCDEF").find(text_[at_]) == std::string_view::npos) {
        return false;
      }
    }
    return true;
  }

  bool Nested(char open, char close, bool named, int depth) {
    Take(open);
    Blanks();
    if (Take(close)) return true;
    std::set<std::string> names;
    for (;;) {
      Blanks();
      if (named) {
        const std::size_t begin = at_;
        if (!String()) return false;
        std::string name = *JsonText(From(begin));
        if (!names.insert(InProtobufsForm(name)).second) {
          twice_ = std::move(name);
          return false;
        }
        Blanks();
        if (!Take(':')) return false;
        Blanks();
      }
      if (!Value(depth + 1)) return false;
      Blanks();
      if (Take(close)) return true;
      if (!Take(',')) return false;
    }
  }

  /// A number, true, false, null: whoever uses it looks closer.
  bool Word() {
    const std::size_t begin = at_;
    while (!done() && (text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.' ||
                       (text_[at_] >= '0' && text_[at_] <= '9') ||
                       (text_[at_] >= 'a' && text_[at_] <= 'z') || text_[at_] == 'E')) {
      ++at_;
    }
    if (inexact_.empty() && !IsExact(From(begin))) inexact_ = From(begin);
    return at_ > begin;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string twice_;
  std::string_view inexact_;
};

void AppendUtf8(std::uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xc0 | code >> 6);
    *out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    if (code < 0x10000) {
      *out += static_cast<char>(0xe0 | code >> 12);
    } else {
      *out += static_cast<char>(0xf0 | code >> 18);
      *out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    }
    *out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// The lower ten bits of a character whose higher ones an escape before `text` has; null: `text`
/// does not begin with such an escape.
std::optional<std::uint32_t> LowSurrogate(std::string_view text) {
  if (!text.starts_with("\\u") || text.size() < 6) return std::nullopt;
  std::uint32_t code = 0;
  std::from_chars(text.data() + 2, text.data() + 6, code, 16);
  return code >> 10 == 0xdc00 >> 10 ? std::optional(code & 0x3ff) : std::nullopt;
}

template <class T>
std::optional<T> Whole(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  T number{};
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

Result<JsonObject> JsonObject::Parse(std::string_view text) {
  Scanner scanner(text);
  const auto wrong = [&] {
    return Error::BadInput("is no JSON object at character " + std::to_string(scanner.at() + 1));
  };
  scanner.Blanks();
  if (!scanner.Take('{')) return wrong();
  JsonObject object;
  scanner.Blanks();
  for (bool more = !scanner.Take('}'); more;) {
    scanner.Blanks();
    std::size_t begin = scanner.at();
    if (!scanner.String()) return wrong();
    const std::string name = *JsonText(scanner.From(begin));
    if (object.Find(name)) return Error::BadInput("has \"" + name + "\" twice");
    scanner.Blanks();
    if (!scanner.Take(':')) return wrong();
    scanner.Blanks();
    begin = scanner.at();
    if (!scanner.Value()) {
      if (scanner.twice().empty()) return wrong();
      return Error::BadInput("has \"" + scanner.twice() + "\" twice within \"" + name + "\"");
    }
    object.members_.push_back({name, scanner.From(begin)});
    scanner.Blanks();
    if (scanner.Take('}')) {
      more = false;
    } else if (!scanner.Take(',')) {
      return wrong();
    }
  }
  scanner.Blanks();
  if (!scanner.done()) return wrong();
  return object;
}

std::optional<std::string_view> JsonObject::Find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.name == name) return member.value;
  }
  return std::nullopt;
}

std::optional<std::string> JsonText(std::string_view value) {
  Scanner scanner(value);
  if (!scanner.String() || !scanner.done()) return std::nullopt;
  std::string text;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] != '\\') {
      text += value[i];
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeant = "\b\f\n\r\t";
    const char c = value[++i];
    if (c == 'u') {
      std::uint32_t code = 0;
      std::from_chars(value.data() + i + 1, value.data() + i + 5, code, 16);
      i += 4;
      if (const auto low = LowSurrogate(value.substr(i + 1)); low && code >> 10 == 0xd800 >> 10) {
        code = 0x10000 + ((code & 0x3ff) << 10 | *low);
        i += 6;
      }
      AppendUtf8(code, &text);
    } else if (const auto at = kLetters.find(c); at != std::string_view::npos) {
      text += kMeant[at];
    } else {
      text += c;
    }
  }
  return text;
}

std::optional<std::uint64_t> JsonUnsigned(std::string_view value) {
  return Whole<std::uint64_t>(value);
}
std::optional<std::int64_t> JsonSigned(std::string_view value) {
  return Whole<std::int64_t>(value);
}

std::string_view JsonInexactNumber(std::string_view value) {
  Scanner scanner(value);
  scanner.Value();
  return scanner.inexact();
}

}  // namespace tandem::replay
