// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema_fingerprint.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/schema_rules.h"

namespace messenger::nft {
namespace {

/// FNV-1a. Nobody gains by a collision: whoever can write the comment can write the rules.
class Fingerprint {
   public:
    void add(std::span<const std::byte> bytes) {
        constexpr std::uint64_t kPrime = 0x100000001b3;
        for (const std::byte byte : bytes) value_ = (value_ ^ std::to_integer<std::uint64_t>(byte)) * kPrime;
    }
    void add(std::string_view text) {
        add(std::uint64_t{text.size()});
        add(std::as_bytes(std::span(text)));
    }
    void add(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }
    [[nodiscard]] std::string text() const {
        std::array<char, 17> digits{};
        static_cast<void>(
            std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(value_)));
        return digits.data();
    }

   private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

std::string schema_fingerprint(const SchemaOptions& options) {
    Fingerprint fingerprint;
    for (const SetSpec& set : set_specs()) {
        if (!has_set(options, set)) continue;
        fingerprint.add(set.name);
        for (const std::uint32_t number :
             {set_flags(set), set_key_type(set), set_target_type(set), room_of(options, set)}) {
            fingerprint.add(std::uint64_t{number});
        }
    }
    for (const ChainSpec& chain : schema_chains(options)) {
        fingerprint.add(chain.name);
        if (!chain.hook) continue;
        fingerprint.add(chain.hook->type);
        fingerprint.add(std::uint64_t{chain.hook->hook});
        fingerprint.add(static_cast<std::uint64_t>(chain.hook->priority));
    }
    alignas(nlmsghdr) std::array<char, 16384> buffer{};
    for (const RuleHandle& rule : schema_rules(options)) {
        nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_NEWRULE, NFPROTO_INET, 0, 0);
        nftnl_rule_nlmsg_build_payload(message, rule.get());
        fingerprint.add(std::string_view(buffer.data(), message->nlmsg_len));
    }
    return "made by messenger-alg, rules " + fingerprint.text();
}

}  // namespace messenger::nft
