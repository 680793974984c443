// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "alg/nat/edit_list.h"

namespace messenger::alg {

/// A line that an edit takes away or puts in its place, without its line end. Bytes off the wire: escape before
/// printing.
struct ChangedLine {
    bool added = false;
    std::string text;
};

/// The lines that the edits touch and those that they become, in order of the text: what goes before what comes. Lines
/// that are the same before and after are left out. For people, so it allocates.
[[nodiscard]] std::vector<ChangedLine> changed_lines(const EditList& edits);

}  // namespace messenger::alg
