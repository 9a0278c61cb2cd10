// SPDX-License-Identifier: Apache-2.0
#include "tools/applications.h"

#include "engine/book/book.h"

namespace tandem::tools {

namespace {

Error NoSuch(const std::string& name) {
  return Error::BadInput("there is no application \"" + name + "\"; there is: " +
                         ApplicationNames() + ", or a shared library as ./lib" + name + ".so");
}

}  // namespace

std::string ApplicationNames() { return "book"; }

Result<std::unique_ptr<replay::Application>> MakeApplication(
    const std::string& name, const pools::ZoneOptions& zone,
    const declarations::Declarations* site) {
  if (name == "book") return book::MakeBook(zone, site);
  return NoSuch(name);
}

Result<std::string_view> PoolDeclarationsOf(const std::string& name) {
  if (name == "book") return book::PoolDeclarations();
  return NoSuch(name);
}

}  // namespace tandem::tools
