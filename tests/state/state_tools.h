// SPDX-License-Identifier: Apache-2.0
//
// StateTools: an order flow, and images of what replays of it leave, sound and with a bit flipped
// that no output has shown; as a person makes them with `tandem`.
#pragma once

#include "tests/tools/log_tools.h"

namespace tandem::test {

class StateTools : public LogTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    Do({"generate", "--orders", "3000", "--symbols", "4", "--users", "2", "--seed", "5", "-o",
        Path("flow")});
    std::filesystem::create_directories(Path("a"));
    std::filesystem::create_directories(Path("b"));
  }

  static std::string Do(const std::vector<std::string>& arguments, int exit_code = 0) {
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.out << ran.err;
    return ran.out + ran.err;
  }
  /// An image of what the flow makes up to input `at`, with a fault planted after `fault`.
  std::string Image(const std::string& name, std::uint64_t at, std::uint64_t fault = 0) {
    std::vector<std::string> arguments = {"state",  Path("flow"), "--at", std::to_string(at),
                                          "--save", Path(name)};
    if (fault != 0) {
      arguments.push_back("--plant-fault");
      arguments.push_back(std::to_string(fault));
    }
    Do(arguments);
    return Path(name);
  }
  std::string Audit(int exit_code, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"audit",      "--a",         Path("a"),
                                          "--b",        Path("b"),     "--input",
                                          Path("flow"), "--incidents", Path("incidents")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Do(arguments, exit_code);
  }
};

}  // namespace tandem::test
