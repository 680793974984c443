// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace messenger::daemon {

/// Where in a policy file something stands. Borrows the file's name.
struct FilePlace {
    enum class Unit : std::uint8_t { line, byte };
    std::string_view file;
    Unit unit = Unit::line;
    std::size_t at = 0;  ///< lines from 1, bytes from 0

    /// "site.reg:4" or "Registry.pol: byte 98 (0x62)".
    [[nodiscard]] std::string to_string() const;
};

/// What is wrong in a policy file, or in what it says.
struct PolicyError {
    FilePlace place;
    std::string text;
    /// "PLACE: TEXT"
    [[nodiscard]] std::string to_string() const { return place.to_string() + ": " + text; }
};

enum class Hive : std::uint8_t { local_machine, current_user };
[[nodiscard]] std::string_view name(Hive hive);  ///< "HKEY_LOCAL_MACHINE"

/// The data types of registry values, as numbered in files ([MS-GPREG] 2.2.1). Others occur, as numbers.
enum class RegistryType : std::uint32_t { none = 0, string = 1, expand_string = 2, binary = 3, dword = 4 };

/// One thing that a policy file does to the registry. Borrows its texts from the reader, for one call.
struct RegistryChange {
    enum class Kind : std::uint8_t {
        set,
        set_if_absent,
        remove_value,
        remove_values,  ///< all values of the key, not its subkeys
        remove_key,     ///< with its values and subkeys
    };
    Kind kind = Kind::set;
    Hive hive = Hive::local_machine;
    std::string_view key;                 ///< below the hive, without a backslash at either end
    std::string_view subkey;              ///< remove_key: not the key itself but this one below it, unless empty
    std::string_view name;                ///< of the value, UTF-8; empty for the default value
    std::uint32_t type = 0;               ///< set: RegistryType, or another number
    std::optional<std::uint32_t> number;  ///< set: the value of a REG_DWORD of four bytes
    FilePlace place;
};

/// Takes the changes of a file in their order.
using ChangeTaker = std::function<void(const RegistryChange&)>;

}  // namespace messenger::daemon
