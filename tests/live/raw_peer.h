// SPDX-License-Identifier: Apache-2.0
//
// RawPeer: one end of a TCP connection in the hands of a test, with verbs. It says what it is told
// to, right or wrong, and looks at every packet that comes. RawServer accepts such connections.
//
//   RawPeer client = RawPeer::Connect(port);
//   client.Login("U1", 1);
//   EXPECT_EQ(client.Next(), "A      TEST                   1");
//   client.Submit(1, 100);
//   EXPECT_EQ(client.Acknowledgements(1), "1");
//
// Nothing waits for longer than kPatience; then the test fails, and the verb gives up. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/header.h"

namespace tandem::test {

class RawPeer {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  /// To 127.0.0.1. Tries until somebody listens.
  static RawPeer Connect(std::uint16_t port);
  /// `passes_over`: types of packets that Next does not show.
  RawPeer(int socket, std::string_view passes_over) : socket_(socket), passes_over_(passes_over) {}
  RawPeer(RawPeer&& other) noexcept;
  RawPeer& operator=(RawPeer&& other) noexcept;
  ~RawPeer();

  /// Sends these bytes, whatever they are. False: the peer has gone.
  bool SendBytes(std::string_view bytes);
  /// Sends what the socket takes without waiting; how much that is.
  std::size_t SendWhatFits(std::string_view bytes);
  bool Send(char type, std::string_view payload = {});
  bool Login(std::string_view user, std::uint64_t number, std::string_view session = "");
  /// As a server: "A" for this session, with this number.
  bool AcceptLogin(std::string_view session, std::uint64_t number);
  bool Submit(std::uint64_t origin, std::uint16_t type, std::string_view payload = {});

  /// The next packet, type and payload in one; "" once the connection has ended. Passes over
  /// heartbeats and, as a client, over status and schema (unsequenced data).
  std::string Next();
  /// All packets until the connection ends, as Next gives them.
  std::vector<std::string> UntilClosed();
  /// The next `count` packets must be acknowledgements; their origins as "4 5 6".
  std::string Acknowledgements(std::size_t count);
  /// The next packet must be sequenced; its message.
  std::string NextMessage();
  /// True if bytes that nobody has looked at, or the end of the connection, are there now. From any
  /// thread.
  [[nodiscard]] bool HasInput() const;

  void HalfClose();  ///< no more from us; we still read
  void Reset();      ///< ends the connection with RST
  void Close();
  [[nodiscard]] bool is_open() const { return socket_ >= 0; }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_ = -1;
  std::string_view passes_over_;
  std::string received_;
  std::size_t taken_ = 0;  ///< of `received_`
};

class RawServer {
 public:
  /// On a port of 127.0.0.1 that the system chooses, or on `port`.
  explicit RawServer(std::uint16_t port = 0);
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  RawPeer Accept();
  /// Null: nobody connects within this time.
  std::optional<RawPeer> AcceptWithin(std::chrono::milliseconds time);
  /// Accept, and the login request that follows, as "user number session".
  RawPeer AcceptLoginOf(std::string* login);

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

/// A SoupBinTCP packet.
[[nodiscard]] std::string Packet(char type, std::string_view payload = {});
/// The payload of a login request, with the number as text that may be none.
[[nodiscard]] std::string LoginPayload(std::string_view user, std::string_view session,
                                       std::string_view number);
[[nodiscard]] std::string_view TextOf(const std::vector<std::byte>& bytes);
/// The header that a packet's text or a message holds after `skip` bytes.
[[nodiscard]] proto::Header HeaderIn(std::string_view text, std::size_t skip = 0);

}  // namespace tandem::test
