// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/header_name.h"

namespace messenger::alg {

HeaderId header_id(std::string_view name) {
    return header_names::find(name);
}

}  // namespace messenger::alg
