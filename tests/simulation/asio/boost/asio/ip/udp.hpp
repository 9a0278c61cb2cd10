// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/simulation/asio/simulated_udp.h"
