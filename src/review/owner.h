// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A command in the sandbox is root over the user's files: it reads what has mode 000, and writes in
// directories with mode 555. To review and to apply what it did needs the same rights.

#include "result.h"

namespace glovebox::review {

/// From here on the modes of the user's own files do not bind this process, nor the programs that it
/// starts for reading: it enters a user namespace, for good. Where there is none to be had, modes
/// bind as ever; most trees need no more.
Result<> act_as_owner();

} // namespace glovebox::review
