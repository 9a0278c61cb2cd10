// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/users.h"

#include <crypt.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "proto/header.h"

namespace tandem::engine {
namespace {

constexpr std::size_t kPasswordSizeMax = 10;
/// Of yescrypt: a thousand clients that come back at once are checked in some seconds.
constexpr const char* kMethod = "$y$";
constexpr unsigned long kCost = 3;

constexpr std::array<std::pair<std::string_view, Right>, 3> kRights = {
    {{"submit", kSubmitRight}, {"read", kReadRight}, {"operator", kOperatorRight}}};

std::vector<std::string> Words(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  return words;
}

/// Calls `take` with each line that is not for people, and its number, until it gives an error.
template <class Take>
Status EachLine(std::string_view text, const std::string& path, Take take) {
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const std::vector<std::string> words = Words(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (const std::string wrong = take(words); !wrong.empty()) {
      return Error::BadInput(path + ", line " + std::to_string(number) + ": " + wrong);
    }
  }
  return {};
}

Result<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    return Error::BadInput("cannot read " + path + ": " + std::strerror(errno) +
                           "; give a file that this process may read");
  }
  return text.str();
}

/// The method, the cost and the salt must be such as crypt can use.
bool IsHash(const std::string& hash) {
  return hash.size() > 8 && hash.starts_with('$') &&
         crypt_checksalt(hash.c_str()) != CRYPT_SALT_INVALID;
}

std::string Crypt(const std::string& password, const std::string& salt) {
  const auto data = std::make_unique<crypt_data>();
  const char* const hash = crypt_r(password.c_str(), salt.c_str(), data.get());
  return hash == nullptr ? std::string() : std::string(hash);
}

}  // namespace

Result<unsigned> ParseRights(std::string_view text) {
  unsigned rights = 0;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto* const found = std::find_if(
        kRights.begin(), kRights.end(), [word](const auto& right) { return right.first == word; });
    if (found == kRights.end()) {
      return Error::BadInput("\"" + std::string(word) +
                             "\" is no right; write submit, read or operator, with commas between");
    }
    rights |= found->second;
  }
  if (rights == 0) return Error::BadInput("no right is given; write submit, read or operator");
  return rights;
}

std::string RightsText(unsigned rights) {
  std::string text;
  for (const auto& [name, right] : kRights) {
    if ((rights & right) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

Result<UserList> ParseUsers(std::string_view text, const std::string& path) {
  UserList users;
  Status status = EachLine(text, path, [&](const std::vector<std::string>& words) -> std::string {
    if (!proto::IsName(words[0], proto::kUserSizeMax)) {
      return "the first word is no user name; use 1 to 6 letters, digits, '-', '_'";
    }
    if (words.size() != 3) {
      return "user " + words[0] + " has " + std::to_string(words.size()) +
             " words where 3 belong: NAME RIGHTS HASH";
    }
    const auto rights = ParseRights(words[1]);
    if (!rights) return rights.error().text;
    if (!IsHash(words[2])) {
      return "the password hash of user " + words[0] +
             " is none that crypt(5) knows; make the line with `tandem users add`";
    }
    const bool is_new =
        users.emplace(words[0], UserEntry{.rights = *rights, .hash = words[2]}).second;
    return is_new ? "" : "user " + words[0] + " is there twice; keep one line";
  });
  if (!status) return status.error();
  return users;
}

std::string FormatUsers(const UserList& users) {
  std::string text = "# NAME RIGHTS HASH, written by `tandem users`; see docs/wire.md\n";
  for (const auto& [name, user] : users) {
    text += name + " " + RightsText(user.rights) + " " + user.hash + "\n";
  }
  return text;
}

Result<UserList> LoadUsers(const std::string& path) {
  const auto text = ReadText(path);
  if (!text) return text.error();
  return ParseUsers(*text, path);
}

std::string TooOpen(const std::string& path) {
  struct stat information {};
  if (::stat(path.c_str(), &information) != 0) return "";
  if ((information.st_mode & (S_IROTH | S_IWOTH)) == 0) return "";
  return "other users of this host may " +
         std::string((information.st_mode & S_IWOTH) != 0 ? "write " : "read ") + path +
         "; make it private: chmod 600 " + path;
}

Status CheckPassword(std::string_view password) {
  if (password.empty()) return Error::BadInput("the password is empty");
  if (password.size() > kPasswordSizeMax) {
    return Error::BadInput("the password has " + std::to_string(password.size()) +
                           " characters; a SoupBinTCP login carries at most 10");
  }
  const auto is_plain = [](char c) { return c > ' ' && c <= '~'; };
  if (!std::all_of(password.begin(), password.end(), is_plain)) {
    return Error::BadInput(
        "the password has a blank or a character that is not printable ASCII; a SoupBinTCP login "
        "cannot carry it");
  }
  return {};
}

Result<std::string> HashPassword(const std::string& password) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> salt{};
  if (crypt_gensalt_rn(kMethod, kCost, nullptr, 0, salt.data(), salt.size()) == nullptr) {
    return Error::Failure(std::string("cannot make a salt: ") + std::strerror(errno));
  }
  std::string hash = Crypt(password, salt.data());
  if (hash.empty() || hash.starts_with('*')) {
    return Error::Failure("cannot hash the password; is there memory left?");
  }
  return hash;
}

bool PasswordMatches(const std::string& password, const std::string& hash) {
  const std::string made = Crypt(password, hash);
  if (made.size() != hash.size() || made.starts_with('*')) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    difference |= static_cast<unsigned>(made[i] ^ hash[i]);
  }
  return difference == 0;
}

Result<std::string> LoadPassword(const std::string& path, std::string_view user) {
  const auto text = ReadText(path);
  if (!text) return text.error();
  std::string of_all;
  std::string of_user;
  Status status = EachLine(*text, path, [&](const std::vector<std::string>& words) -> std::string {
    if (words.size() > 2) return "more than NAME PASSWORD, or a password with a blank";
    if (Status good = CheckPassword(words.back()); !good) return good.error().text;
    if (words.size() == 1) of_all = words[0];
    if (words.size() == 2 && words[0] == user) of_user = words[1];
    return "";
  });
  if (!status) return status.error();
  const std::string& password = of_user.empty() ? of_all : of_user;
  if (password.empty()) {
    return Error::BadInput(path + " has no password for user " + std::string(user) +
                           "; write a line with the password, or one of NAME PASSWORD");
  }
  return password;
}

}  // namespace tandem::engine
