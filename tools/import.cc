// SPDX-License-Identifier: Apache-2.0
#include "tools/import.h"

#include <cstdio>

namespace tandem::tools {

void RegisterImport(Commands& commands) {
  CLI::App& group =
      commands.AddGroup("import", "Make a log from market data or from what was exported",
                        "  tandem import lobster "
                        "AAPL_2012-06-21_34200000_57600000_message_1.csv.gz -o aapl\n"
                        "  tandem import itch 12302019.NASDAQ_ITCH50.gz -o nasdaq\n"
                        "  tandem import jsonl flow.jsonl -o flow\n"
                        "`tandem import FORMAT --help` says what a file must be.\n");
  RegisterImportLobster(commands, group);
  RegisterImportItch(commands, group);
  RegisterImportJsonLines(commands, group);
  RegisterImportBinaryFile(commands, group);
}

void NoteOpenEnd(const std::string& file) {
  std::fflush(stdout);
  std::fprintf(stderr,
               "tandem: note: %s ends without the length of zero that should end it; messages may "
               "be missing behind the last one\n",
               file.c_str());
}

}  // namespace tandem::tools
