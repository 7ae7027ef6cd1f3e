// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A Plan in words: for `glovebox explain`, for --verbose, and for the messages of failed steps.

#include "plan/plan.h"

#include <string>

namespace glovebox::plan {

/// What a step does, as a phrase that reads well before "failed": "binding /usr read-only".
std::string describe(const Op& op);

/// One line a kernel operation: number, phrase, and who asked for it. Ends with a newline.
std::string render_text(const Plan& plan);

/// The same as one JSON object, "version": 1, with the fields of each step.
std::string render_json(const Plan& plan);

} // namespace glovebox::plan
