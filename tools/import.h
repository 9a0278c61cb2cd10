// SPDX-License-Identifier: Apache-2.0
//
// The formats below `tandem import`, one file each.
#pragma once

#include <string>

#include "tools/command.h"

namespace tandem::tools {

void RegisterImportLobster(Commands& commands, CLI::App& group);
void RegisterImportItch(Commands& commands, CLI::App& group);
void RegisterImportJsonLines(Commands& commands, CLI::App& group);
void RegisterImportBinaryFile(Commands& commands, CLI::App& group);

/// Says, behind what was told of it, that the BinaryFILE `file` does not end as it should.
void NoteOpenEnd(const std::string& file);

}  // namespace tandem::tools
