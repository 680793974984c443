// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/reg_file.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "alg/base/text.h"
#include "daemon/policy_files/reg_text.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

constexpr std::string_view kVersion5 = "Windows Registry Editor Version 5.00";
constexpr std::string_view kVersion4 = "REGEDIT4";
constexpr std::size_t kMostErrors = 20;  // of a file that is none, one for each line would help nobody
constexpr std::size_t kShownBytes = 60;  // of a line that is not understood
constexpr std::size_t kDwordDigits = 8;
constexpr std::size_t kDwordBytes = 4;

/// What stands behind the = of a value.
struct Data {
    bool removes = false;
    std::uint32_t type = 0;
    std::size_t size = 0;                   ///< in bytes, of hex data
    std::optional<std::uint32_t> number{};  ///< of a REG_DWORD
};

class RegFileReader {
   public:
    RegFileReader(std::string_view text, std::string_view file, const ChangeTaker& take)
        : text_(text), file_(file), take_(take) {}

    std::vector<PolicyError> read() {
        const std::string_view first = alg::trim(next_line());
        if (first != kVersion5 && first != kVersion4) {
            complain(fmt::format("the first line is neither \"{}\" nor \"{}\"", kVersion5, kVersion4));
            return std::move(errors_);
        }
        while (at_ < text_.size() && errors_.size() < kMostErrors) read_line();
        return std::move(errors_);
    }

   private:
    /// Where the key that values belong to is.
    enum class Section : std::uint8_t {
        none,     ///< no key yet
        removed,  ///< [-KEY]: values behind it have no place
        other,    ///< of a hive that we do not look at, or not understood
        ours,
    };

    [[nodiscard]] std::string_view next_line() {
        ++line_;
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        const std::string_view line = text_.substr(at_, end - at_);
        at_ = std::min(end + 1, text_.size());
        return line;
    }

    void read_line() {
        const std::size_t begin = at_;
        const std::string_view line = alg::trim(next_line());
        if (line.empty() || line.front() == ';') return;
        if (line.front() == '[') {
            read_key(line);
        } else if (line.front() == '"' || line.front() == '@') {
            // A text may go on over several lines, so a value is read from the whole text.
            at_ = begin;
            while (alg::is_lws(text_[at_])) ++at_;
            read_value();
        } else {
            complain(
                fmt::format("neither a [key], nor a \"value\"=, nor a ; comment: \"{}\"", sanitize(line, kShownBytes)));
        }
    }

    void read_key(std::string_view line) {
        section_ = Section::other;
        // A key may have ] in its name, and so may a comment behind it: the first that can be the end is it.
        std::size_t end = line.find(']');
        while (end != std::string_view::npos && !is_rest(line.substr(end + 1))) end = line.find(']', end + 1);
        if (end == std::string_view::npos) {
            complain("a [key] without its ]");
            return;
        }
        std::string_view key = line.substr(1, end - 1);
        const bool removes = !key.empty() && key.front() == '-';
        if (removes) key.remove_prefix(1);
        const std::size_t slash = key.find('\\');
        const std::string_view hive = key.substr(0, slash);
        key_ = slash == std::string_view::npos ? std::string_view{} : key.substr(slash + 1);
        while (!key_.empty() && key_.back() == '\\') key_.remove_suffix(1);
        if (!read_hive(hive)) return;
        section_ = removes ? Section::removed : Section::ours;
        if (removes) hand_out(RegistryChange::Kind::remove_key, {}, {});
    }

    /// False if nothing of it is looked at.
    bool read_hive(std::string_view hive) {
        for (const Hive known : {Hive::local_machine, Hive::current_user}) {
            hive_ = known;
            if (alg::equals_ignoring_case(hive, name(known))) return true;
        }
        for (const std::string_view other : {"HKEY_USERS", "HKEY_CLASSES_ROOT", "HKEY_CURRENT_CONFIG"}) {
            if (alg::equals_ignoring_case(hive, other)) return false;
        }
        complain(fmt::format("\"{}\" is no hive; keys begin with HKEY_LOCAL_MACHINE or HKEY_CURRENT_USER",
                             sanitize(hive, kShownBytes)));
        return false;
    }

    void read_value() {
        value_line_ = line_;
        std::string value_name;
        if (text_[at_] == '@') {
            ++at_;
        } else if (!read_text(&value_name)) {
            return;
        }
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != '=') {
            complain("a value without =");
            leave_line();
            return;
        }
        ++at_;
        skip_blanks();
        Data data;
        const bool understood = read_data(data);
        const std::string_view rest = understood ? text_.substr(at_, text_.find('\n', at_) - at_) : std::string_view{};
        if (understood && !is_rest(rest)) {
            complain(fmt::format("\"{}\" behind the value", sanitize(alg::trim(rest), kShownBytes)));
        } else if (understood) {
            place_value(value_name, data);
        }
        leave_line();
    }

    void place_value(std::string_view value_name, const Data& data) {
        using Kind = RegistryChange::Kind;
        switch (section_) {
            case Section::none: complain("a value before the first [key]"); break;
            case Section::removed: complain("a value under a key that this file removes"); break;
            case Section::other: break;
            case Section::ours: hand_out(data.removes ? Kind::remove_value : Kind::set, value_name, data); break;
        }
    }

    bool read_data(Data& data) {
        const std::string_view rest = text_.substr(at_);
        if (rest.substr(0, 1) == "-") {
            ++at_;
            data.removes = true;
            return true;
        }
        if (rest.substr(0, 1) == "\"") {
            data.type = static_cast<std::uint32_t>(RegistryType::string);
            return read_text(nullptr);
        }
        if (alg::starts_with_ignoring_case(rest, "dword:")) return read_dword(data);
        if (alg::starts_with_ignoring_case(rest, "hex")) return read_hex(data);
        complain("behind = there is neither dword:, nor hex:, nor a \"text\", nor -");
        return false;
    }

    bool read_dword(Data& data) {
        at_ += std::string_view("dword:").size();
        skip_blanks();
        const auto value = read_hex_number(kDwordDigits);
        if (!value) {
            complain("dword: takes 1 to 8 hexadecimal digits");
            return false;
        }
        data.type = static_cast<std::uint32_t>(RegistryType::dword);
        data.size = kDwordBytes;
        data.number = *value;
        return true;
    }

    /// hex: or hex(N):, then bytes with commas between them, continued by a backslash at the end of a line.
    bool read_hex(Data& data) {
        at_ += std::string_view("hex").size();
        data.type = static_cast<std::uint32_t>(RegistryType::binary);
        if (at_ < text_.size() && text_[at_] == '(') {
            ++at_;
            const auto type = read_hex_number(kDwordDigits);
            if (!type || at_ == text_.size() || text_[at_] != ')') {
                complain("hex(N): takes the number of a type");
                return false;
            }
            ++at_;
            data.type = *type;
        }
        if (at_ == text_.size() || text_[at_] != ':') {
            complain("hex without its colon");
            return false;
        }
        ++at_;
        std::uint32_t number = 0;
        if (!read_hex_bytes(data.size, number)) return false;
        const bool dword = data.type == static_cast<std::uint32_t>(RegistryType::dword) && data.size == kDwordBytes;
        if (dword) data.number = number;
        return true;
    }

    /// number: the first four bytes, the lowest first.
    bool read_hex_bytes(std::size_t& count, std::uint32_t& number) {
        skip_continuations();
        if (at_ == text_.size() || !is_hex_digit(text_[at_])) return true;  // no byte at all
        while (true) {
            const auto byte = read_hex_number(2);
            if (!byte) {
                complain("hex data takes bytes of two hexadecimal digits with commas between them");
                return false;
            }
            if (count < kDwordBytes) number |= *byte << (8 * count);
            ++count;
            skip_continuations();
            if (at_ == text_.size() || text_[at_] != ',') return true;
            ++at_;
            skip_continuations();
        }
    }

    /// A text in quotes with \\ and \" inside, as regedit writes it; it may hold line ends. out may be null.
    bool read_text(std::string* out) {
        const std::size_t first_line = line_;
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\\' && text_.size() - at_ > 1) ++at_;
            if (text_[at_] == '\n') ++line_;
            if (out != nullptr) *out += text_[at_];
            ++at_;
        }
        if (at_ == text_.size()) {
            line_ = value_line_ = first_line;
            complain("a text without its closing quote");
            return false;
        }
        ++at_;
        return true;
    }

    [[nodiscard]] static bool is_hex_digit(char c) {
        const char lower = alg::to_lower(c);
        return alg::is_digit(c) || (lower >= 'a' && lower <= 'f');
    }

    /// 1 to most digits, none behind them.
    std::optional<std::uint32_t> read_hex_number(std::size_t most) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_hex_digit(text_[at_])) ++at_;
        if (at_ == begin || at_ - begin > most) return std::nullopt;
        std::uint32_t value = 0;
        (void)std::from_chars(text_.data() + begin, text_.data() + at_, value, 16);
        return value;
    }

    void skip_blanks() {
        while (at_ < text_.size() && (alg::is_blank(text_[at_]) || text_[at_] == '\r')) ++at_;
    }

    void skip_continuations() {
        skip_blanks();
        while (at_ < text_.size() && text_[at_] == '\\') {
            ++at_;
            skip_blanks();
            if (at_ == text_.size() || text_[at_] != '\n') return;
            ++at_;
            ++line_;
            skip_blanks();
        }
    }

    /// The value has been dealt with: on to the next line.
    void leave_line() {
        const std::size_t end = text_.find('\n', at_);
        at_ = end == std::string_view::npos ? text_.size() : end + 1;
    }

    [[nodiscard]] static bool is_rest(std::string_view text) {
        const std::string_view rest = alg::trim(text);
        return rest.empty() || rest.front() == ';';
    }

    void hand_out(RegistryChange::Kind kind, std::string_view value_name, const Data& data) {
        RegistryChange change;
        change.kind = kind;
        change.hive = hive_;
        change.key = key_;
        change.name = value_name;
        change.type = data.type;
        change.number = data.number;
        change.place = {file_, FilePlace::Unit::line, kind == RegistryChange::Kind::remove_key ? line_ : value_line_};
        take_(change);
    }

    void complain(std::string text) { errors_.push_back({{file_, FilePlace::Unit::line, line_}, std::move(text)}); }

    std::string_view text_;
    std::string_view file_;
    const ChangeTaker& take_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;        ///< of the line that was read last
    std::size_t value_line_ = 0;  ///< in which the value at hand begins
    Section section_ = Section::none;
    Hive hive_ = Hive::local_machine;
    std::string_view key_;
    std::vector<PolicyError> errors_;
};

}  // namespace

std::vector<PolicyError> read_reg_file(std::string_view bytes, std::string_view file, const ChangeTaker& take) {
    const RegText decoded = decode_reg_text(bytes);
    if (!decoded.problem.empty()) return {{{file, FilePlace::Unit::byte, decoded.offset}, decoded.problem}};
    return RegFileReader(decoded.text, file, take).read();
}

}  // namespace messenger::daemon
