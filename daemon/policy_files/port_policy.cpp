// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/port_policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace messenger::daemon {

namespace {

constexpr std::uint32_t kLowest = 1024;
constexpr std::uint32_t kHighest = 65'535;
constexpr std::uint32_t kFewestSip = 2;
constexpr std::uint32_t kFewestMedia = 4;  // RTP and RTCP of audio and of video

[[nodiscard]] std::string range_fault(std::uint32_t first, std::uint32_t last, std::uint32_t fewest,
                                      std::string_view why) {
    for (const std::uint32_t end : {first, last}) {
        if (end < kLowest || end > kHighest) return fmt::format("port {} is not from 1024 to 65535", end);
    }
    if (first >= last) return fmt::format("the range {}-{} does not end above its first port", first, last);
    const std::uint32_t count = last - first + 1;
    if (count < fewest) return fmt::format("the range {}-{} has {} ports; {}", first, last, count, why);
    return {};
}

[[nodiscard]] NumberRange to_range(std::uint32_t first, std::uint32_t last) {
    return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

/// Reads the values of one key in one hive.
class KeyJudge {
   public:
    KeyJudge(const PolicyRegistry& registry, Hive hive, PortRangeKey key, PortPolicyResult& result)
        : registry_(registry), hive_(hive), key_(key), result_(result) {}

    /// Absent if the key pins nothing, or has errors.
    [[nodiscard]] std::optional<PolicySource> judge() {
        const auto& enabled = registry_.find(hive_, key_, PortRangeValue::enabled);
        const auto active = number(PortRangeValue::enabled);
        if (!enabled || (active && *active == 0)) {
            note(enabled ? enabled->place : first_place(),
                 enabled ? "Enabled is 0: clients take any port from 1024, as without a policy"
                         : "Enabled is missing: clients take any port from 1024, as without a policy");
            return std::nullopt;
        }
        if (!active) return std::nullopt;
        if (*active != 1) {
            fail(enabled->place, fmt::format("Enabled is {}; it must be 0 or 1", *active));
            return std::nullopt;
        }
        const std::size_t before = result_.errors.size();
        PolicySource source{hive_, key_, {}, enabled->place};
        source.policy.sip = range(PortRangeValue::first_sip, PortRangeValue::last_sip, sip_range_fault);
        source.policy.media = range(PortRangeValue::first_media, PortRangeValue::last_media, media_range_fault);
        if (result_.errors.size() != before) return std::nullopt;
        if (!source.policy.sip && !source.policy.media) {
            fail(enabled->place, "Enabled is 1, but no range is given");
            return std::nullopt;
        }
        if (source.policy.sip && source.policy.media && overlap(*source.policy.sip, *source.policy.media)) {
            fail(registry_.find(hive_, key_, PortRangeValue::first_media)->place,
                 fmt::format("the media range {}-{} overlaps the SIP range {}-{}", source.policy.media->first,
                             source.policy.media->last, source.policy.sip->first, source.policy.sip->last));
            return std::nullopt;
        }
        return source;
    }

   private:
    std::optional<std::uint32_t> number(PortRangeValue value) {
        const auto& setting = registry_.find(hive_, key_, value);
        if (!setting) return std::nullopt;
        if (!setting->number) {
            const bool dword = setting->type == static_cast<std::uint32_t>(RegistryType::dword);
            fail(setting->place, fmt::format("{} is {}; clients read a REG_DWORD only", name(value),
                                             dword ? "a REG_DWORD that is not four bytes long"
                                                   : fmt::format("of type {}", setting->type)));
        }
        return setting->number;
    }

    std::optional<NumberRange> range(PortRangeValue first, PortRangeValue last,
                                     std::string (*fault)(std::uint32_t, std::uint32_t)) {
        const auto& low = registry_.find(hive_, key_, first);
        const auto& high = registry_.find(hive_, key_, last);
        if (!low && !high) return std::nullopt;
        if (!low || !high) {
            fail(low ? low->place : high->place,
                 fmt::format("{} without {}", name(low ? first : last), name(low ? last : first)));
            return std::nullopt;
        }
        const auto from = number(first);
        const auto to = number(last);
        if (!from || !to) return std::nullopt;
        if (const std::string wrong = fault(*from, *to); !wrong.empty()) {
            fail(low->place, fmt::format("{}, {}: {}", name(first), name(last), wrong));
            return std::nullopt;
        }
        return to_range(*from, *to);
    }

    [[nodiscard]] FilePlace first_place() const {
        for (const PortRangeValue value : kPortRangeValues) {
            if (const auto& setting = registry_.find(hive_, key_, value)) return setting->place;
        }
        return {};
    }

    void fail(const FilePlace& place, const std::string& text) { result_.errors.push_back({place, in_key(text)}); }
    void note(const FilePlace& place, const std::string& text) { result_.notes.push_back({place, in_key(text)}); }
    [[nodiscard]] std::string in_key(const std::string& text) const {
        return fmt::format("{} ({}\\{})", text, name(hive_), path_of(key_));
    }

    const PolicyRegistry& registry_;
    Hive hive_;
    PortRangeKey key_;
    PortPolicyResult& result_;
};

/// Widens all to hold one; true if all was another range before.
bool widen(std::optional<NumberRange>& all, const std::optional<NumberRange>& one) {
    if (!one) return false;
    if (!all) {
        all = one;
        return false;
    }
    const bool differs = *all != *one;
    all = NumberRange{std::min(all->first, one->first), std::max(all->last, one->last)};
    return differs;
}

void add_source(const PolicySource& source, PortPolicyResult& result) {
    const bool media = widen(result.policy.media, source.policy.media);
    const bool sip = widen(result.policy.sip, source.policy.sip);
    if (media || sip) {
        result.notes.push_back(
            {source.place,
             fmt::format("{}\\{} pins another {} range than a key before it; the range printed holds both",
                         name(source.hive), path_of(source.key),
                         media && sip ? "media and SIP" : (media ? "media" : "SIP"))});
    }
    result.sources.push_back(source);
}

}  // namespace

std::string media_range_fault(std::uint32_t first, std::uint32_t last) {
    const bool odd = first % 2 != 0;
    return range_fault(first, last, odd ? kFewestMedia + 1 : kFewestMedia,
                       odd ? "media needs 5 if the first is odd" : "media needs 4");
}

std::string sip_range_fault(std::uint32_t first, std::uint32_t last) {
    return range_fault(first, last, kFewestSip, "SIP needs 2");
}

bool overlap(const NumberRange& one, const NumberRange& other) {
    return one.first <= other.last && other.first <= one.last;
}

PortPolicyResult judge_port_policy(const PolicyRegistry& registry) {
    PortPolicyResult result;
    for (const PortRangeKey key : kPortRangeKeys) {
        std::optional<PolicySource> machine;
        for (const Hive hive : {Hive::local_machine, Hive::current_user}) {
            if (!registry.has_any(hive, key)) continue;
            auto source = KeyJudge(registry, hive, key, result).judge();
            if (!source) continue;
            if (hive == Hive::local_machine) {
                machine = source;
            } else if (machine) {
                if (machine->policy != source->policy) {
                    result.notes.push_back(
                        {source->place, fmt::format("HKEY_LOCAL_MACHINE\\{} beats this one", path_of(key))});
                }
                continue;
            }
            add_source(*source, result);
        }
    }
    if (result.errors.empty() && result.policy.media && result.policy.sip &&
        overlap(*result.policy.media, *result.policy.sip)) {
        result.errors.push_back({result.sources.back().place,
                                 fmt::format("together the keys' media range {}-{} overlaps their SIP range {}-{}",
                                             result.policy.media->first, result.policy.media->last,
                                             result.policy.sip->first, result.policy.sip->last)});
    }
    return result;
}

}  // namespace messenger::daemon
