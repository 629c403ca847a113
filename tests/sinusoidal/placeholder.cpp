// SPDX-License-Identifier: MIT
#include "support/catch2.hpp"
