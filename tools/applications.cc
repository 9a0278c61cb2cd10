// SPDX-License-Identifier: Apache-2.0
#include "tools/applications.h"

#include "engine/book/book.h"

namespace tandem::tools {

std::string ApplicationNames() { return "book"; }

Result<std::unique_ptr<replay::Application>> MakeApplication(const std::string& name,
                                                             const pools::ZoneOptions& zone) {
  if (name == "book") return book::MakeBook(zone);
  return Error::BadInput("there is no application \"" + name +
                         "\"; there is: " + ApplicationNames());
}

}  // namespace tandem::tools
