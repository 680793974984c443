// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/bindings_command.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t kBindingsShown = 1000;
constexpr std::size_t kMostBindingsShown = 5000;  // packets wait while they are described

[[nodiscard]] std::int64_t seconds_until(alg::TimePoint until, alg::TimePoint now) {
    return std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(until - now).count());
}

[[nodiscard]] std::string_view name_of(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "tcp" : "udp";
}

/// The keys of a table, of which the first `limit` by inside address are in order.
template <class Key, class Table>
[[nodiscard]] std::vector<Key> first_keys(const Table& table, std::size_t limit) {
    std::vector<Key> keys;
    keys.reserve(table.size());
    for (const auto& [key, value] : table) keys.push_back(key);
    const auto by_inside = [](const Key& a, const Key& b) {
        return std::tie(a.inside, a.transport, a) < std::tie(b.inside, b.transport, b);
    };
    const std::size_t shown = std::min(limit, keys.size());
    std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown), keys.end(), by_inside);
    keys.resize(shown);
    return keys;
}

/// What is open at the inside endpoints: a binding itself does not know what it is for.
class Purposes {
   public:
    explicit Purposes(const alg::PinholeTable& pinholes) {
        for (const auto& [key, pinhole] : pinholes.all()) {
            json& names = by_inside_[{key.transport, key.inside}];
            const std::string name =
                std::string(alg::name(pinhole.purpose.kind)) + ' ' + std::string(alg::name(pinhole.purpose.role));
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        }
    }
    [[nodiscard]] json of(alg::Transport transport, const alg::Endpoint& inside) const {
        const auto found = by_inside_.find({transport, inside});
        return found == by_inside_.end() ? json::array() : found->second;
    }

   private:
    std::map<std::pair<alg::Transport, alg::Endpoint>, json> by_inside_;
};

[[nodiscard]] std::string interface_of(const DaemonParts& parts, const alg::IpAddress& outside) {
    std::string names;
    parts.outside.each_with(outside, [&names](std::string_view name) {
        if (!names.empty()) names += ',';
        names += name;
    });
    return names;
}

[[nodiscard]] json describe_binding(const DaemonParts& parts, const alg::BindingKey& key,
                                    const alg::BindingTable::Binding& binding, const Purposes& purposes) {
    const alg::TimePoint now = parts.loop.now();
    json ids = json::array();
    std::optional<alg::TimePoint> since;
    for (const std::uint64_t call_key : binding.calls) {
        const alg::Call* call = parts.engine.calls().find(call_key);
        if (call == nullptr) continue;
        ids.push_back(std::string(call->id()));
        since = std::min(since.value_or(call->started), call->started);
    }
    json object = {{"proto", name_of(key.transport)},
                   {"inside", key.inside.to_string()},
                   {"outside", alg::Endpoint{key.outside, binding.port}.to_string()},
                   {"interface", interface_of(parts, key.outside)},
                   {"purposes", purposes.of(key.transport, key.inside)},
                   {"call_ids", std::move(ids)},
                   {"contact", binding.listens_until.has_value()},
                   {"lingering", !alg::BindingTable::is_held(binding)}};
    if (since) object["age_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(now - *since).count();
    if (binding.listens_until) object["listens_seconds"] = seconds_until(*binding.listens_until, now);
    if (binding.lingers_until) object["free_in_seconds"] = seconds_until(*binding.lingers_until, now);
    return object;
}

[[nodiscard]] json describe_callback(const alg::CallbackTable::Key& key, const alg::CallbackTable::Callback& callback,
                                     alg::TimePoint now) {
    json object = {{"proto", name_of(key.transport)},
                   {"inside", key.inside.to_string()},
                   {"remote", key.remote.to_string()},
                   {"expires_seconds", seconds_until(callback.until, now)}};
    if (callback.outside) object["outside"] = callback.outside->to_string();
    return object;
}

[[nodiscard]] json describe_bindings(const DaemonParts& parts, std::size_t limit) {
    const alg::BindingTable& table = parts.engine.bindings();
    const auto& callback_table = parts.engine.callbacks().all();
    const Purposes purposes(parts.engine.pinholes());
    json bindings = json::array();
    for (const auto& key : first_keys<alg::BindingKey>(table.all(), limit)) {
        bindings.push_back(describe_binding(parts, key, *table.find(key), purposes));
    }
    json callbacks = json::array();
    for (const auto& key : first_keys<alg::CallbackTable::Key>(callback_table, limit)) {
        callbacks.push_back(describe_callback(key, callback_table.at(key), parts.loop.now()));
    }
    const std::size_t left_out = table.size() + callback_table.size() - bindings.size() - callbacks.size();
    return {{"bindings", std::move(bindings)}, {"callbacks", std::move(callbacks)}, {"left_out", left_out}};
}

}  // namespace

void add_bindings_command(CommandTable& commands, const DaemonParts& parts) {
    commands.add("bindings", [&parts](const CommandArguments& arguments) {
        return describe_bindings(parts, arguments.number("limit", kBindingsShown, kMostBindingsShown));
    });
}

}  // namespace messenger::daemon
