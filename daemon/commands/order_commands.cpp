// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/order_commands.h"

#include <string>

#include "daemon/commands/find_call.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] alg::IpAddress host_of(const CommandArguments& arguments) {
    const std::string text = arguments.required_text("host");
    const auto host = alg::IpAddress::parse(text);
    if (!host) throw CommandRefused('"' + sanitize(text) + "\" is no address; names are not looked up");
    return *host;
}

[[nodiscard]] json close_call(const DaemonParts& parts, Steering& steering, const CommandArguments& arguments) {
    CallRecord& record = find_call(parts.journal, arguments.required_text("id"));
    std::size_t open = 0;
    for (const PinholeRecord& pinhole : record.pinholes) open += pinhole.open ? 1U : 0U;
    const std::string id = record.call_id;
    if (!steering.close(record, parts.loop.now())) throw CommandRefused("the call has ended already");
    return {{"id", id}, {"closed", open}};
}

[[nodiscard]] json blocked_hosts(const Steering& steering) {
    json hosts = json::array();
    for (const alg::IpAddress& host : steering.blocked()) hosts.push_back(host.to_string());
    return hosts;
}

}  // namespace

void add_order_commands(CommandTable& commands, const DaemonParts& parts, Steering& steering) {
    commands.add("close", [&parts, &steering](const CommandArguments& arguments) {
        return close_call(parts, steering, arguments);
    });
    commands.add("block", [&parts, &steering](const CommandArguments& arguments) {
        const alg::IpAddress host = host_of(arguments);
        const std::size_t before = parts.engine.pinholes().size();
        const bool changed = steering.block(host, parts.loop.now());
        return json{{"host", host.to_string()},
                    {"changed", changed},
                    {"closed", before - parts.engine.pinholes().size()},
                    {"blocked", blocked_hosts(steering)}};
    });
    commands.add("unblock", [&steering](const CommandArguments& arguments) {
        const alg::IpAddress host = host_of(arguments);
        const bool changed = steering.unblock(host);
        return json{{"host", host.to_string()}, {"changed", changed}, {"blocked", blocked_hosts(steering)}};
    });
    commands.add("observe", [&parts, &steering](const CommandArguments& arguments) {
        const bool changed = steering.observe(arguments.flag("on"), parts.loop.now());
        return json{{"observe", steering.observing()}, {"changed", changed}};
    });
}

}  // namespace messenger::daemon
