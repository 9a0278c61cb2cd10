// SPDX-License-Identifier: Apache-2.0
//
// Gate: who may log in. Without a users file anybody may, and who calls himself OPER from this host
// is an operator. With one, the password is checked on a thread of the gate's own, for that takes
// milliseconds on purpose. Who guesses is slowed down: after kFailuresMax failures of one user from
// one address, one more login of that user from there is looked at each second; the others are
// refused unseen. SIGHUP reads the file again; a file that is wrong then leaves the users as they
// were. On the thread of the io_context, which is not run after the gate is gone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/transport/users.h"
#include "pools/result.h"

namespace tandem::engine {

constexpr const char* kOperatorUser = "OPER";

class Gate {
 public:
  static constexpr int kFailuresMax = 10;

  struct Admission {
    bool admitted = false;
    unsigned rights = 0;
    std::string why;  ///< for the operator, if not admitted; never a password
  };

  /// `path`: the users file; "": there is none.
  Gate(boost::asio::io_context& context, std::string path);
  ~Gate();

  /// Reads the file.
  Status Open();
  /// Admits who has one of the rights `needed`. Calls `done` once, on the thread of the io_context,
  /// at once if there is no file.
  void Check(const std::string& user, const std::string& password,
             const boost::asio::ip::address& address, unsigned needed,
             std::function<void(const Admission&)> done);
  /// True if the user still has one of these rights: for those who are in when the file is read
  /// again.
  [[nodiscard]] bool Has(std::string_view user, unsigned rights) const;
  /// Called after the file was read again.
  void OnChange(std::function<void()> on_change);
  /// Logins that were refused so far.
  [[nodiscard]] std::uint64_t refused() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::engine
