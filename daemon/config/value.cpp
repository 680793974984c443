// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/value.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "alg/base/text.h"

namespace messenger::daemon {

namespace {

template <class Enum>
struct Word {
    std::string_view text;
    Enum value;
};

constexpr std::array kEarlyMediaWords = {Word<EarlyMedia>{"answer", EarlyMedia::answer},
                                         Word<EarlyMedia>{"offer", EarlyMedia::offer}};
constexpr std::array kPassageWords = {Word<Passage>{"admit", Passage::admit}, Word<Passage>{"mark", Passage::mark}};
constexpr std::array kFallbackWords = {Word<Fallback>{"accept", Fallback::accept},
                                       Word<Fallback>{"drop", Fallback::drop}};
constexpr std::array kMalformedWords = {Word<Malformed>{"pass", Malformed::pass},
                                        Word<Malformed>{"drop", Malformed::drop}};
constexpr std::array kCompressionWords = {Word<alg::Compression>{"opaque", alg::Compression::opaque},
                                          Word<alg::Compression>{"decline", alg::Compression::decline},
                                          Word<alg::Compression>{"pass", alg::Compression::pass}};
constexpr std::array kFixedRangesWords = {Word<alg::FixedRanges>{"announced", alg::FixedRanges::announced},
                                          Word<alg::FixedRanges>{"registered", alg::FixedRanges::registered},
                                          Word<alg::FixedRanges>{"off", alg::FixedRanges::off}};
constexpr std::array kTlsMediaWords = {Word<TlsMedia>{"off", TlsMedia::off},
                                       Word<TlsMedia>{"static-range", TlsMedia::static_range}};
constexpr std::array kLevelWords = {Word<LogLevel>{"error", LogLevel::error},
                                    Word<LogLevel>{"warning", LogLevel::warning},
                                    Word<LogLevel>{"notice", LogLevel::notice}, Word<LogLevel>{"info", LogLevel::info},
                                    Word<LogLevel>{"debug", LogLevel::debug}};

constexpr const auto& words_of(EarlyMedia /*unused*/) {
    return kEarlyMediaWords;
}
constexpr const auto& words_of(Passage /*unused*/) {
    return kPassageWords;
}
constexpr const auto& words_of(Fallback /*unused*/) {
    return kFallbackWords;
}
constexpr const auto& words_of(Malformed /*unused*/) {
    return kMalformedWords;
}
constexpr const auto& words_of(alg::Compression /*unused*/) {
    return kCompressionWords;
}
constexpr const auto& words_of(alg::FixedRanges /*unused*/) {
    return kFixedRangesWords;
}
constexpr const auto& words_of(TlsMedia /*unused*/) {
    return kTlsMediaWords;
}
constexpr const auto& words_of(LogLevel /*unused*/) {
    return kLevelWords;
}

struct Unit {
    std::string_view text;
    std::uint64_t milliseconds;
};
constexpr std::array kUnits = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                               Unit{"ms", 1}};

[[nodiscard]] std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

[[nodiscard]] std::string in_duration(std::uint64_t milliseconds) {
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
        return milliseconds >= u.milliseconds && milliseconds % u.milliseconds == 0;
    });
    if (unit == kUnits.end()) return "0s";
    return std::to_string(milliseconds / unit->milliseconds) + std::string(unit->text);
}

/// Digits and one unit; nothing before, between or after.
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text) {
    const auto digits = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), [](char c) { return alg::is_digit(c); }) - text.begin());
    const auto number = alg::parse_number(text.substr(0, digits));
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.text == text.substr(digits); });
    if (!number || unit == kUnits.end()) return std::nullopt;
    return *number * unit->milliseconds;
}

[[nodiscard]] bool is_interface_name(std::string_view text) {
    constexpr std::size_t kLongest = 15;
    return !text.empty() && text.size() <= kLongest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '/'; });
}

/// An address that packets can come from: IPv4, and one host's.
[[nodiscard]] std::optional<alg::IpAddress> outside_address(std::string_view text) {
    const auto address = alg::IpAddress::parse(text);
    static const alg::Prefix multicast_and_above = *alg::Prefix::parse("224.0.0.0/3");
    static const alg::Prefix this_host = *alg::Prefix::parse("0.0.0.0/8");
    static const alg::Prefix loopback = *alg::Prefix::parse("127.0.0.0/8");
    if (!address || !address->is_v4()) return std::nullopt;
    for (const alg::Prefix& prefix : {multicast_and_above, this_host, loopback}) {
        if (prefix.contains(*address)) return std::nullopt;
    }
    return address;
}

[[nodiscard]] std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "a list";
        case toml::node_type::string: return "a text in quotes";
        case toml::node_type::integer: return "a whole number";
        case toml::node_type::floating_point: return "a number with a fraction";
        case toml::node_type::boolean: return "true or false";
        default: return "a date or time";
    }
}

[[nodiscard]] std::string between(Bounds bounds) {
    return " from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
}

/// What belongs in a place, by the type of the place.
template <class T>
[[nodiscard]] std::string wanted(const T& place, Bounds bounds) {
    if constexpr (std::is_enum_v<T>) {
        std::string out = "one of";
        for (const auto& word : words_of(place)) out += (out.size() > 6 ? ", " : " ") + in_quotes(word.text);
        return out;
    } else if constexpr (std::is_same_v<T, bool>) {
        return "true or false";
    } else if constexpr (std::is_same_v<T, OutsideAddress>) {
        return "\"auto\", an IPv4 address, or a list such as [\"wan0=203.0.113.1\"]";
    } else if constexpr (std::is_integral_v<T>) {
        return "a whole number" + between(bounds);
    } else if constexpr (std::is_same_v<T, alg::Duration>) {
        return "a duration such as \"90s\", \"30m\" or \"12h\", from " + in_duration(bounds.least) + " to " +
               in_duration(bounds.most);
    } else if constexpr (std::is_same_v<T, NumberRange>) {
        return "a number or a range such as \"" + std::to_string(bounds.least) + '-' + std::to_string(bounds.most) +
               "\"," + between(bounds);
    } else if constexpr (std::is_same_v<T, std::vector<std::uint16_t>>) {
        return "a list of whole numbers" + between(bounds);
    } else if constexpr (std::is_same_v<T, PortList>) {
        return "a list of numbers and ranges such as [1194, \"40000-40099\"]," + between(bounds);
    } else if constexpr (std::is_same_v<T, std::vector<alg::Prefix>>) {
        return "a list of networks such as [\"10.0.0.0/8\", \"2001:db8::/48\"]";
    } else if constexpr (std::is_same_v<T, HostList>) {
        return "a list of networks such as [\"10.1.2.3\"], or \"any\"";
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        return "a list of names such as [\"lan0\"]";
    } else {
        return "a text in quotes";
    }
}

/// One key's node on its way into the configuration.
class Reader {
   public:
    Reader(std::string_view what, Bounds bounds) : what_(what), bounds_(bounds) {}

    template <class T>
    void read(const toml::node& node, T& place) {
        T value{};
        const std::size_t before = errors_.size();
        if (!fill(node, value) && errors_.size() == before) {
            wrong(node, std::string(type_name(node)) + " does not fit; expected " + wanted(place, bounds_));
        }
        if (errors_.empty()) place = std::move(value);
    }

    [[nodiscard]] std::vector<ConfigError> take_errors() { return std::move(errors_); }

   private:
    // Each returns false if the node's type is not the right one; a complaint about the value is its own.
    bool fill(const toml::node& node, std::string& out) {
        const auto text = node.value_exact<std::string>();
        if (text) out = *text;
        return text.has_value();
    }

    bool fill(const toml::node& node, bool& out) {
        const auto value = node.value_exact<bool>();
        if (value) out = *value;
        return value.has_value();
    }

    bool fill(const toml::node& node, OutsideAddress& out) {
        const auto text = node.value_exact<std::string>();
        if (text) {
            if (*text == "auto") return true;
            out.all = outside_address(*text);
            if (!out.all) wrong(node, in_quotes(*text) + " is no such address; expected " + wanted(out, bounds_));
            return true;
        }
        return each_text(node, "a text such as \"wan0=203.0.113.1\"",
                         [&](const toml::node& item, const std::string& one) {
                             const std::size_t equals = one.find('=');
                             const std::string interface = one.substr(0, equals);
                             const auto address = equals == std::string::npos
                                                      ? std::nullopt
                                                      : outside_address(std::string_view(one).substr(equals + 1));
                             if (address && is_interface_name(interface)) {
                                 out.named.push_back({interface, *address});
                                 return;
                             }
                             wrong(item, in_quotes(one) +
                                             " is no interface with its IPv4 address; expected a text such "
                                             "as \"wan0=203.0.113.1\"");
                         });
    }

    template <class T>
    std::enable_if_t<std::is_integral_v<T>, bool> fill(const toml::node& node, T& out) {
        const auto number = node.value_exact<std::int64_t>();
        if (!number) return false;
        if (*number < 0 || !in_bounds(static_cast<std::uint64_t>(*number))) {
            wrong(node, std::to_string(*number) + " is out of range; expected " + wanted(out, bounds_));
        } else {
            out = static_cast<T>(*number);
        }
        return true;
    }

    template <class T>
    std::enable_if_t<std::is_enum_v<T>, bool> fill(const toml::node& node, T& out) {
        const auto text = node.value_exact<std::string>();
        if (!text) return false;
        for (const auto& word : words_of(out)) {
            if (word.text != *text) continue;
            out = word.value;
            return true;
        }
        wrong(node, in_quotes(*text) + " is not known; expected " + wanted(out, bounds_));
        return true;
    }

    bool fill(const toml::node& node, alg::Duration& out) {
        const auto text = node.value_exact<std::string>();
        if (!text) return false;
        const auto milliseconds = parse_duration(*text);
        if (!milliseconds || !in_bounds(*milliseconds)) {
            wrong(node, in_quotes(*text) + (milliseconds ? " is out of range" : " is no duration") + "; expected " +
                            wanted(out, bounds_));
        } else {
            out = std::chrono::milliseconds(*milliseconds);
        }
        return true;
    }

    bool fill(const toml::node& node, NumberRange& out) {
        if (node.is_integer()) {
            if (!fill(node, out.first)) return false;
            out.last = out.first;
            return true;
        }
        const auto text = node.value_exact<std::string>();
        if (!text) return false;
        const std::string_view view = *text;
        const std::size_t dash = view.find('-');
        const auto first = alg::parse_number(view.substr(0, dash), UINT16_MAX);
        const auto last = dash == std::string_view::npos ? first : alg::parse_number(view.substr(dash + 1), UINT16_MAX);
        if (!first || !last || !in_bounds(*first) || !in_bounds(*last)) {
            wrong(node, in_quotes(*text) + " is no such range; expected " + wanted(out, bounds_));
        } else if (*first > *last) {
            wrong(node, in_quotes(*text) + " ends before it begins; write the smaller number first");
        } else {
            out = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
        }
        return true;
    }

    bool fill(const toml::node& node, HostList& out) {
        const auto text = node.value_exact<std::string>();
        if (!text) return fill(node, out.prefixes);
        out.any = *text == "any";
        if (!out.any) wrong(node, in_quotes(*text) + " stands alone; expected " + wanted(out, bounds_));
        return true;
    }

    bool fill(const toml::node& node, std::vector<alg::Prefix>& out) {
        return each_text(
            node, "a network such as \"10.0.0.0/8\"", [&](const toml::node& item, const std::string& text) {
                const auto prefix = alg::Prefix::parse(text);
                if (prefix) {
                    out.push_back(*prefix);
                    return;
                }
                wrong(item, in_quotes(text) +
                                " is no network; expected an address with a length and no host bits set, such "
                                "as \"10.0.0.0/8\", or a single address");
            });
    }

    bool fill(const toml::node& node, std::vector<std::string>& out) {
        return each_text(node, "a name such as \"lan0\"", [&](const toml::node& item, const std::string& text) {
            if (is_interface_name(text)) {
                out.push_back(text);
                return;
            }
            wrong(item,
                  in_quotes(text) + " is no interface name; expected 1 to 15 characters without blanks or slashes");
        });
    }

    bool fill(const toml::node& node, std::vector<std::uint16_t>& out) {
        const toml::array* list = node.as_array();
        if (list == nullptr) return false;
        for (const toml::node& item : *list) {
            std::uint16_t number = 0;
            if (!fill(item, number)) {
                wrong(item, std::string(type_name(item)) + " in the list; expected " + wanted(number, bounds_));
                continue;
            }
            if (std::find(out.begin(), out.end(), number) == out.end()) out.push_back(number);
        }
        return true;
    }

    bool fill(const toml::node& node, PortList& out) {
        const toml::array* list = node.as_array();
        if (list == nullptr) return false;
        for (const toml::node& item : *list) {
            NumberRange range;
            if (!fill(item, range)) {
                wrong(item, std::string(type_name(item)) + " in the list; expected " + wanted(range, bounds_));
                continue;
            }
            if (std::find(out.ranges.begin(), out.ranges.end(), range) == out.ranges.end()) out.ranges.push_back(range);
        }
        return true;
    }

    template <class Take>
    bool each_text(const toml::node& node, std::string_view expected, Take take) {
        const toml::array* list = node.as_array();
        if (list == nullptr) return false;
        for (const toml::node& item : *list) {
            const auto text = item.value_exact<std::string>();
            if (text) {
                take(item, *text);
            } else {
                wrong(item, std::string(type_name(item)) + " in the list; expected " + std::string(expected));
            }
        }
        return true;
    }

    [[nodiscard]] bool in_bounds(std::uint64_t number) const {
        return number >= bounds_.least && number <= bounds_.most;
    }

    void wrong(const toml::node& node, const std::string& text) {
        errors_.push_back({node.source().begin.line, std::string(what_) + ": " + text});
    }

    std::string_view what_;
    Bounds bounds_;
    std::vector<ConfigError> errors_;
};

template <class T>
[[nodiscard]] std::string format(const T& value) {
    if constexpr (std::is_enum_v<T>) {
        for (const auto& word : words_of(value)) {
            if (word.value == value) return in_quotes(word.text);
        }
        return {};
    } else if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
        return std::to_string(value);
    } else if constexpr (std::is_same_v<T, alg::Duration>) {
        const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
        return in_quotes(in_duration(static_cast<std::uint64_t>(milliseconds)));
    } else if constexpr (std::is_same_v<T, NumberRange>) {
        const std::string first = std::to_string(value.first);
        return in_quotes(value.first == value.last ? first : first + '-' + std::to_string(value.last));
    } else if constexpr (std::is_same_v<T, alg::Prefix>) {
        return in_quotes(value.to_string());
    } else {
        return in_quotes(value);
    }
}

template <class T>
[[nodiscard]] std::string format(const std::vector<T>& values) {
    std::string out = "[";
    for (const T& value : values) out += (out.size() > 1 ? ", " : "") + format(value);
    return out + ']';
}

[[nodiscard]] std::string format(const PortList& ports) {
    std::string out = "[";
    for (const NumberRange& range : ports.ranges) {
        out += (out.size() > 1 ? ", " : "") + (range.first == range.last ? std::to_string(range.first) : format(range));
    }
    return out + ']';
}

[[nodiscard]] std::string format(const HostList& hosts) {
    return hosts.any ? "\"any\"" : format(hosts.prefixes);
}

[[nodiscard]] std::string format(const OutsideAddress& address) {
    if (address.all) return in_quotes(address.all->to_string());
    if (address.named.empty()) return "\"auto\"";
    std::vector<std::string> texts;
    texts.reserve(address.named.size());
    for (const auto& named : address.named) texts.push_back(named.interface + '=' + named.address.to_string());
    return format(texts);
}

}  // namespace

std::vector<ConfigError> read_value(const toml::node& node, const Slot& slot, Bounds bounds, std::string_view what,
                                    Config& config) {
    Reader reader(what, bounds);
    std::visit([&](auto member) { reader.read(node, member(config)); }, slot);
    return reader.take_errors();
}

std::string format_slot(const Config& config, const Slot& slot) {
    Config copy = config;  // the slots lead into a Config that can be changed; this one is not
    return std::visit([&](auto member) { return format(member(copy)); }, slot);
}

std::string describe_type(const Slot& slot, Bounds bounds) {
    Config any;
    return std::visit([&](auto member) { return wanted(member(any), bounds); }, slot);
}

}  // namespace messenger::daemon
