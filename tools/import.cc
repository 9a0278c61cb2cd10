// SPDX-License-Identifier: Apache-2.0
#include "tools/import.h"

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

}  // namespace tandem::tools
