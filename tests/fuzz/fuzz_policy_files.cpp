// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever is read as a policy obeys the rules for policies, and is read again from what we export of it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/policy_files/policy_text.h"
#include "daemon/policy_files/reg_export.h"
#include "daemon/policy_files/reg_file.h"
#include "daemon/policy_files/registry_pol.h"
#include "tests/fuzz/require.h"

namespace {

using namespace messenger::daemon;
using messenger::test::require;

PortPolicyResult read(std::string_view bytes) {
    PolicyRegistry registry;
    const ChangeTaker take = [&](const RegistryChange& change) {
        require(change.place.at <= bytes.size(), "the place lies in the file");
        registry.apply(change);
    };
    if (is_registry_pol(bytes)) {
        const auto error = read_registry_pol(bytes, "f", Hive::local_machine, take);
        require(!error || error->place.at <= bytes.size(), "the error's place lies in the file");
    } else {
        (void)read_reg_file(bytes, "f", take);
    }
    return judge_port_policy(registry);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const PortPolicyResult result = read(bytes);
    if (!result.errors.empty()) return 0;
    const PortPolicy& policy = result.policy;
    if (policy.media) require(media_range_fault(policy.media->first, policy.media->last).empty(), "a good media range");
    if (policy.sip) require(sip_range_fault(policy.sip->first, policy.sip->last).empty(), "a good SIP range");
    if (policy.media && policy.sip) require(!overlap(*policy.media, *policy.sip), "ranges apart");

    const Config config = apply_policy({}, policy);
    require(compare(config, policy).empty(), "no difference to what it means");
    const RegExport exported = export_reg(config);
    if (!exported.errors.empty()) return 0;  // nothing is pinned
    const PortPolicy again = read(exported.bytes).policy;
    require(compare(config, again).empty(), "the export means the same");
    return 0;
}
