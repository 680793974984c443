// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy_files/reg_text.h"
#include "daemon/policy_files/registry_change.h"

namespace messenger::testing {

/// Writes down what a reader hands out, one line for each: "set HKLM\KEY NAME 4 5350 @4".
class Recorder {
   public:
    [[nodiscard]] daemon::ChangeTaker taker() {
        return [this](const daemon::RegistryChange& change) { lines.push_back(to_line(change)); };
    }
    std::vector<std::string> lines;

   private:
    static std::string to_line(const daemon::RegistryChange& change) {
        using Kind = daemon::RegistryChange::Kind;
        std::string line;
        switch (change.kind) {
            case Kind::set: line = "set "; break;
            case Kind::set_if_absent: line = "soft "; break;
            case Kind::remove_value: line = "remove "; break;
            case Kind::remove_values: line = "remove-all "; break;
            case Kind::remove_key: line = "remove-key "; break;
        }
        line += change.hive == daemon::Hive::local_machine ? "HKLM\\" : "HKCU\\";
        line += std::string(change.key);
        if (!change.subkey.empty()) line += " below " + std::string(change.subkey);
        if (!change.name.empty()) line += ' ' + std::string(change.name);
        if (change.kind == Kind::set || change.kind == Kind::set_if_absent) {
            line += ' ' + std::to_string(change.type);
            line += ' ' + (change.number ? std::to_string(*change.number) : std::string("-"));
        }
        return line + " @" + std::to_string(change.place.at);
    }
};

[[nodiscard]] inline std::vector<std::string> to_lines(const std::vector<daemon::PolicyError>& errors) {
    std::vector<std::string> lines;
    for (const auto& error : errors) lines.push_back(error.to_string());
    return lines;
}

/// ASCII text as regedit 5 writes it.
[[nodiscard]] inline std::string utf16_file(std::string_view text) {
    return "\xFF\xFE" + daemon::ascii_to_utf16(text);
}

inline constexpr std::string_view kCommunicator = "SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange";

/// Microsoft's sample: SIP 7100-7103, media 5350-5353.
inline constexpr std::string_view kSample =
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange]\r\n"
    "\"Enabled\"=dword:00000001\r\n"
    "\"MinSipDynamicPort\"=dword:00001bbc\r\n"
    "\"MaxSipDynamicPort\"=dword:00001bbf\r\n"
    "\"MinMediaPort\"=dword:000014e6\r\n"
    "\"MaxMediaPort\"=dword:000014e9\r\n";

}  // namespace messenger::testing
