// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/reg_export.h"

#include <fmt/format.h>

#include "daemon/policy_files/reg_text.h"

namespace messenger::daemon {

namespace {

constexpr NumberRange kAnyPort{1024, 65'535};

void append_range(std::string& text, PortRangeValue first, PortRangeValue last, const NumberRange& range) {
    text += fmt::format("\"{}\"=dword:{:08x}\r\n", name(first), range.first);
    text += fmt::format("\"{}\"=dword:{:08x}\r\n", name(last), range.last);
}

void check(std::vector<std::string>& errors, const char* key, const std::string& fault) {
    if (!fault.empty()) errors.push_back(fmt::format("{}: {}; clients refuse such a policy", key, fault));
}

}  // namespace

RegExport export_reg(const Config& config) {
    RegExport result;
    const NumberRange& media = config.network.media_ports;
    const NumberRange& sip = config.sip.dynamic_ports;
    const bool pins_media = media != kAnyPort;
    const bool pins_sip = sip != kAnyPort;
    if (!pins_media && !pins_sip) {
        result.errors.emplace_back(
            "network.media_ports and sip.dynamic_ports are 1024-65535: there is nothing to pin clients to");
    }
    if (pins_media) check(result.errors, "network.media_ports", media_range_fault(media.first, media.last));
    if (pins_sip) check(result.errors, "sip.dynamic_ports", sip_range_fault(sip.first, sip.last));
    if (pins_media && pins_sip && overlap(media, sip)) {
        check(result.errors, "network.media_ports", "the range overlaps sip.dynamic_ports");
    }
    if (!result.errors.empty()) return result;

    std::string text = "Windows Registry Editor Version 5.00\r\n";
    for (const PortRangeKey key : {PortRangeKey::communicator, PortRangeKey::rtc}) {
        text += fmt::format("\r\n[{}\\{}]\r\n", name(Hive::local_machine), path_of(key));
        text += fmt::format("\"{}\"=dword:00000001\r\n", name(PortRangeValue::enabled));
        if (pins_sip) append_range(text, PortRangeValue::first_sip, PortRangeValue::last_sip, sip);
        if (pins_media) append_range(text, PortRangeValue::first_media, PortRangeValue::last_media, media);
    }
    text += "\r\n";
    result.bytes = "\xFF\xFE" + ascii_to_utf16(text);
    return result;
}

}  // namespace messenger::daemon
