// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/registry_pol.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "alg/base/text.h"
#include "daemon/policy_files/reg_text.h"

namespace messenger::daemon {

namespace {

constexpr std::string_view kSignature = "PReg";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kLongestData = 65'535;
constexpr std::size_t kLongestName = 16'384;  // characters; Windows allows 255 in keys and 16383 in values

constexpr std::string_view kDelete = "**Del.";
constexpr std::string_view kSoft = "**soft.";
constexpr std::string_view kDeleteAllValues = "**DelVals";
constexpr std::string_view kDeleteValues = "**DeleteValues";
constexpr std::string_view kDeleteKeys = "**DeleteKeys";

struct Record {
    std::string key;
    std::string name;
    std::uint32_t type = 0;
    std::string_view data;
    std::size_t offset = 0;
};

class RegistryPolReader {
   public:
    RegistryPolReader(std::string_view bytes, std::string_view file, Hive hive, const ChangeTaker& take)
        : bytes_(bytes), file_(file), hive_(hive), take_(take) {}

    std::optional<PolicyError> read() {
        std::uint32_t version = 0;
        if (!is_registry_pol(bytes_)) return error(0, "does not begin with PReg");
        at_ = kSignature.size();
        if (!number(version)) return std::move(error_);
        if (version != kVersion) return error(kSignature.size(), fmt::format("version {} instead of 1", version));
        while (at_ < bytes_.size()) {
            Record record;
            if (!read_record(record)) return std::move(error_);
            apply(record);
        }
        return std::nullopt;
    }

   private:
    [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

    std::optional<PolicyError> error(std::size_t at, std::string text) {
        error_ = PolicyError{{file_, FilePlace::Unit::byte, at}, std::move(text)};
        return error_;
    }
    bool fail(std::size_t at, std::string text) {
        (void)error(at, std::move(text));
        return false;
    }

    bool read_record(Record& record) {
        record.offset = at_;
        std::uint32_t size = 0;
        if (!mark('[', "a record") || !text("a key", record.key) || !mark(';', "the key's end")) return false;
        if (!text("a value's name", record.name) || !mark(';', "the name's end")) return false;
        if (!number(record.type) || !mark(';', "the type's end")) return false;
        const std::size_t size_at = at_;
        if (!number(size) || !mark(';', "the size's end")) return false;
        if (size > kLongestData) return fail(size_at, fmt::format("a size of {}; at most 65535 are allowed", size));
        if (size > left()) return fail(size_at, fmt::format("a size of {}, but {} bytes are left", size, left()));
        record.data = bytes_.substr(at_, size);
        at_ += size;
        return mark(']', "the record's end");
    }

    bool mark(char wanted, std::string_view place) {
        if (left() < 2) return fail(at_, fmt::format("the file ends where '{}' ({}) is due", wanted, place));
        if (bytes_[at_] != wanted || bytes_[at_ + 1] != '\0') {
            return fail(at_, fmt::format("'{}' ({}) is due here", wanted, place));
        }
        at_ += 2;
        return true;
    }

    bool number(std::uint32_t& out) {
        if (left() < 4) return fail(at_, "the file ends in a number");
        for (unsigned i = 0; i < 4; ++i) {
            out |= std::uint32_t{static_cast<unsigned char>(bytes_[at_ + i])} << (8 * i);
        }
        at_ += 4;
        return true;
    }

    /// A text that ends with NUL.
    bool text(std::string_view what, std::string& out) {
        std::size_t end = at_;
        while (bytes_.size() - end >= 2 && (bytes_[end] != '\0' || bytes_[end + 1] != '\0')) {
            if (end - at_ >= 2 * kLongestName) return fail(at_, fmt::format("{} without an end", what));
            end += 2;
        }
        if (bytes_.size() - end < 2) return fail(at_, fmt::format("the file ends in {}", what));
        out = utf16_to_utf8(bytes_.substr(at_, end - at_));
        at_ = end + 2;
        return true;
    }

    /// name: of a value; for remove_key of a subkey.
    void hand_out(const Record& record, RegistryChange::Kind kind, std::string_view key, std::string_view name) {
        RegistryChange change;
        change.kind = kind;
        change.hive = hive_;
        change.key = key;
        (kind == RegistryChange::Kind::remove_key ? change.subkey : change.name) = name;
        change.type = record.type;
        const bool dword = record.type == static_cast<std::uint32_t>(RegistryType::dword) && record.data.size() == 4;
        if (dword) {
            std::uint32_t value = 0;
            for (unsigned i = 0; i < 4; ++i) {
                value |= std::uint32_t{static_cast<unsigned char>(record.data[i])} << (8 * i);
            }
            change.number = value;
        }
        change.place = {file_, FilePlace::Unit::byte, record.offset};
        take_(change);
    }

    void apply(const Record& record) {
        using Kind = RegistryChange::Kind;
        const std::string_view key = record.key;
        const std::string_view name = record.name;
        const auto is_command = [name](std::string_view command) {
            return alg::starts_with_ignoring_case(name, command);
        };
        if (is_command(kSoft)) {
            hand_out(record, Kind::set_if_absent, key, name.substr(kSoft.size()));
        } else if (is_command(kDeleteAllValues)) {
            hand_out(record, Kind::remove_values, key, {});
        } else if (is_command(kDelete)) {
            hand_out(record, Kind::remove_value, key, name.substr(kDelete.size()));
        } else if (alg::equals_ignoring_case(name, kDeleteValues)) {
            each_listed(record, [&](std::string_view listed) { hand_out(record, Kind::remove_value, key, listed); });
        } else if (alg::equals_ignoring_case(name, kDeleteKeys)) {
            // Whether the list counts from the root or from the key is not said; a pin that may be gone is none.
            each_listed(record, [&](std::string_view listed) {
                hand_out(record, Kind::remove_key, listed, {});
                hand_out(record, Kind::remove_key, key, listed);
            });
        } else if (!is_command("**")) {
            hand_out(record, Kind::set, key, name);
        }
    }

    /// Calls found with each part of a list such as "One;Two".
    template <class Found>
    static void each_listed(const Record& record, Found found) {
        const std::string list = utf16_to_utf8(record.data);
        std::string_view rest = std::string_view(list).substr(0, list.find('\0'));
        while (!rest.empty()) {
            const std::size_t end = rest.find(';');
            const std::string_view one = alg::trim(rest.substr(0, end));
            if (!one.empty()) found(one);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
    }

    std::string_view bytes_;
    std::string_view file_;
    Hive hive_;
    const ChangeTaker& take_;
    std::size_t at_ = 0;
    std::optional<PolicyError> error_;
};

}  // namespace

bool is_registry_pol(std::string_view bytes) {
    return bytes.substr(0, kSignature.size()) == kSignature;
}

std::optional<PolicyError> read_registry_pol(std::string_view bytes, std::string_view file, Hive hive,
                                             const ChangeTaker& take) {
    return RegistryPolReader(bytes, file, hive, take).read();
}

}  // namespace messenger::daemon
