// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/policy_files/registry_change.h"

namespace messenger::daemon {

/// The keys that pin port ranges; each belongs to a family of clients.
enum class PortRangeKey : std::uint8_t {
    communicator,  ///< SOFTWARE\Policies\Microsoft\Communicator\PortRange
    rtc,           ///< SOFTWARE\Policies\Microsoft\Windows\RTC\PortRange: Windows Messenger and others on RTC 1.3
    ce,            ///< Comm\RTC\PortRange: Windows CE
};
inline constexpr std::array kPortRangeKeys{PortRangeKey::communicator, PortRangeKey::rtc, PortRangeKey::ce};
[[nodiscard]] std::string_view path_of(PortRangeKey key);

enum class PortRangeValue : std::uint8_t { enabled, first_sip, last_sip, first_media, last_media };
inline constexpr std::array kPortRangeValues{PortRangeValue::enabled, PortRangeValue::first_sip,
                                             PortRangeValue::last_sip, PortRangeValue::first_media,
                                             PortRangeValue::last_media};
[[nodiscard]] std::string_view name(PortRangeValue value);  ///< "MinMediaPort"

/// What the registry holds of these keys after the changes of all files, in their order: later ones win. Memory does
/// not depend on the files. Borrows their names.
class PolicyRegistry {
   public:
    struct Setting {
        std::uint32_t type = 0;
        std::optional<std::uint32_t> number;  ///< absent if it is no REG_DWORD of four bytes
        FilePlace place;
    };

    void apply(const RegistryChange& change);

    [[nodiscard]] const std::optional<Setting>& find(Hive hive, PortRangeKey key, PortRangeValue value) const {
        return settings_.at(index(hive, key, value));
    }
    [[nodiscard]] bool has_any(Hive hive, PortRangeKey key) const;
    /// Changes that concerned none of the keys.
    [[nodiscard]] std::size_t others() const { return others_; }

   private:
    static constexpr std::size_t kHives = 2;
    [[nodiscard]] static std::size_t index(Hive hive, PortRangeKey key, PortRangeValue value) {
        const std::size_t row = static_cast<std::size_t>(hive) * kPortRangeKeys.size() + static_cast<std::size_t>(key);
        return row * kPortRangeValues.size() + static_cast<std::size_t>(value);
    }
    void apply_to(PortRangeKey key, const RegistryChange& change);
    void clear(Hive hive, PortRangeKey key);

    std::array<std::optional<Setting>, kHives * kPortRangeKeys.size() * kPortRangeValues.size()> settings_;
    std::size_t others_ = 0;
};

}  // namespace messenger::daemon
