// SPDX-License-Identifier: Apache-2.0
//
// The users file: who may log in, with which password, to do what. One user a line:
//
//   NAME RIGHTS HASH        ALICE submit,read $y$j7T$...
//
// RIGHTS: out of submit, read and operator, with commas. HASH: of the password with a salt, as
// crypt(5) writes it (yescrypt). Blank lines and lines that begin with # are for people.
// `tandem users` writes it. Pure but for LoadUsers and the random salt of HashPassword. Any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "pools/result.h"

namespace tandem::engine {

/// What a user may do; a set of these bits.
enum Right : unsigned {
  kSubmitRight = 1,    ///< submit messages of the application
  kReadRight = 2,      ///< read streams
  kOperatorRight = 4,  ///< submit Skip, Activate and EndOfSession
};

/// "submit,read" as bits; an error that says what is wrong with it.
[[nodiscard]] Result<unsigned> ParseRights(std::string_view text);
[[nodiscard]] std::string RightsText(unsigned rights);

struct UserEntry {
  unsigned rights = 0;
  std::string hash;
};
using UserList = std::map<std::string, UserEntry, std::less<>>;

/// `path` is for the sentence of an error, which names the line.
[[nodiscard]] Result<UserList> ParseUsers(std::string_view text, const std::string& path);
[[nodiscard]] std::string FormatUsers(const UserList& users);

/// Reads a users file.
[[nodiscard]] Result<UserList> LoadUsers(const std::string& path);
/// A sentence if other users of this host may read or write the file; "" if not.
[[nodiscard]] std::string TooOpen(const std::string& path);

/// An error unless it is 1 to 10 printable ASCII characters without blanks: what a SoupBinTCP login
/// carries. The sentence does not hold it.
[[nodiscard]] Status CheckPassword(std::string_view password);
/// With a new salt. About 4 ms and 4 MiB, on purpose.
[[nodiscard]] Result<std::string> HashPassword(const std::string& password);
/// Costs what HashPassword costs.
[[nodiscard]] bool PasswordMatches(const std::string& password, const std::string& hash);

/// The password of `user` in a password file: lines of PASSWORD, which counts for every user, or of
/// NAME PASSWORD, which counts for that one first.
[[nodiscard]] Result<std::string> LoadPassword(const std::string& path, std::string_view user);

}  // namespace tandem::engine
