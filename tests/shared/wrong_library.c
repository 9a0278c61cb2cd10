/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are no application of this version: WRONG says in what.
 *   1: no entry points    2: a later version    3: this version, its table missing
 *   4: a table for other layouts
 */
#include "replay/application_abi.h"

#if WRONG == 1
int nothing_of_tandem(void) { return 0; }
#elif WRONG == 2
uint32_t tandem_application_abi(void) { return TANDEM_APPLICATION_ABI + 1; }
#else
uint32_t tandem_application_abi(void) { return TANDEM_APPLICATION_ABI; }
#endif
#if WRONG == 4
static const struct TandemApplicationV3 kTable = {
    .size = sizeof kTable, .header_bytes = 64, .resume_point_bytes = 8, .name = "wrong"};
const struct TandemApplicationV3* tandem_application_v3(void) { return &kTable; }
#endif
