// SPDX-License-Identifier: Apache-2.0
//
// The counter application of the tests, as a shared library.
#include "engine/export_application.h"
#include "tests/support/counter_application.h"

TANDEM_APPLICATION(tandem::counter::CounterApplication, "counter", 1)
