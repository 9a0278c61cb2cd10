// SPDX-License-Identifier: Apache-2.0
//
// Generate: from declarations to a C++ header, in one call. See docs/declarations.md.
#pragma once

#include <string>
#include <vector>

#include "pools/declarations/model.h"
#include "pools/result.h"

namespace tandem::poolc {

struct GenerateOptions {
  std::vector<std::string> namespaces = {};  ///< to generate; empty: all
  std::string within = {};                   ///< C++ namespace around them; may be empty
  std::vector<std::string> sources = {};     ///< as the header's first line names them
};

struct Generated {
  std::string header;
  std::vector<Error> problems;  ///< if there are any, there is no header
};

[[nodiscard]] Generated Generate(const declarations::Declarations& declarations,
                                 const GenerateOptions& options);

}  // namespace tandem::poolc
