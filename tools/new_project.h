// SPDX-License-Identifier: Apache-2.0
//
// The files of a new application, as `tandem new` writes them: the templates in tools/new, with the
// application's name in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"

namespace tandem::tools {

struct Template {
  std::string_view name;  ///< of the file; "project" in front stands for the application's name
  std::string_view text;  ///< @NAME@ and @CLASS@ stand for the application's name and class
};

/// Made of tools/new/*.in.
extern const std::vector<Template> kTemplates;

struct ProjectFile {
  std::string name;
  std::string text;
};

/// An error says why that is no name for an application: it names files, a namespace, targets of
/// CMake, a library and pools.
[[nodiscard]] Status CheckProjectName(std::string_view name);

/// The files of an application of that name, which has been checked.
[[nodiscard]] std::vector<ProjectFile> ProjectFiles(std::string_view name);

}  // namespace tandem::tools
