// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/status_text.h"

#include <iterator>

#include <fmt/format.h>

#include "daemon/ctl/tell.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] std::string_view yes_no(const json& object, std::string_view name) {
    return flag(object, name) ? "yes" : "no";
}

void tell_queues(std::string& out, const json& status) {
    for (const json& queue : field(status, "queues")) {
        const json& full = field(queue, "dropped_full");
        fmt::format_to(std::back_inserter(out),
                       "queue {:<6} {} waiting; dropped: {} because it was full, {} for want of buffer\n",
                       number(queue, "queue"), number(queue, "waiting"),
                       full.is_number_unsigned() ? std::to_string(number(queue, "dropped_full")) : "(not known)",
                       number(queue, "dropped_buffer"));
    }
}

[[nodiscard]] std::string tell_ports(const json& interface, std::string_view transport) {
    const json& ports = field(interface, transport);
    return fmt::format("{} ports: {} used, {} lingering, {} free", transport, number(ports, "used"),
                       number(ports, "lingering"), number(ports, "free"));
}

void tell_nat(std::string& out, const json& status) {
    const json& nat = field(status, "nat");
    if (!nat.is_object()) return;
    for (const json& one : field(nat, "interfaces")) {
        const bool has_address = field(one, "address").is_string();
        const bool other = has_address && field(one, "advertised") != field(one, "address");
        fmt::format_to(std::back_inserter(out), "outside      {}: {}{}; {}; {}\n", shown(one, "name"),
                       has_address ? shown(one, "address") : "NO ADDRESS",
                       other ? ", known outside as " + shown(one, "advertised") : "", tell_ports(one, "udp"),
                       tell_ports(one, "tcp"));
    }
    const auto count = [&nat](std::string_view name) { return number(nat, name); };
    fmt::format_to(std::back_inserter(out), "bindings     {}, {} call-backs; {} times there was no port\n",
                   count("bindings"), count("callbacks"), count("exhausted"));
    fmt::format_to(std::back_inserter(out),
                   "edited       {} messages ({} put in), {} TCP connections; {} not, though due\n",
                   count("edited_messages"), format_bytes(count("edited_bytes")), count("edited_connections"),
                   count("unedited_messages"));
    fmt::format_to(
        std::back_inserter(out),
        "held         {} packets now, {} ever; given up: {} for too many, {} for too long; {} flows that the "
        "kernel does not translate\n",
        count("held"), count("held_total"), count("too_much_held"), count("held_too_long"), count("not_translated"));
    fmt::format_to(std::back_inserter(out), "guard        {} segments reset their connection, {} waited for a daemon\n",
                   count("guard_reset"), count("guard_waited"));
}

/// What holds a binding, and for how long.
[[nodiscard]] std::string tell_holder(const json& binding) {
    if (flag(binding, "lingering")) {
        return fmt::format("LINGERS, free again in {} s", number(binding, "free_in_seconds"));
    }
    std::string text;
    for (const json& purpose : field(binding, "purposes")) {
        if (!text.empty()) text += ", ";
        text += shown(json{{"purpose", purpose}}, "purpose");
    }
    if (flag(binding, "contact")) {
        if (!text.empty()) text += ", ";
        text += fmt::format("a contact, {} more", format_age(number(binding, "listens_seconds")));
    }
    if (text.empty()) text = "held";
    const json& age = field(binding, "age_seconds");
    if (age.is_number_unsigned()) text += ", for " + format_age(number(binding, "age_seconds"));
    return text;
}

[[nodiscard]] std::string tell_state(const json& pinhole) {
    if (flag(pinhole, "in_kernel")) return fmt::format("{} s left", shown(pinhole, "expires_seconds"));
    return flag(pinhole, "observed") ? "would be open: only looking on" : "not in the kernel";
}

[[nodiscard]] std::string tell_traffic(const json& pinhole) {
    const json& in = field(pinhole, "in");
    const json& out = field(pinhole, "out");
    return fmt::format("in {} packets {}, out {} packets {}", number(in, "packets"), format_bytes(number(in, "bytes")),
                       number(out, "packets"), format_bytes(number(out, "bytes")));
}

}  // namespace

std::string tell_status(const json& status) {
    std::string out;
    const auto line = [&out](std::string_view name, const std::string& value) {
        fmt::format_to(std::back_inserter(out), "{:<12} {}\n", name, value);
    };
    const json& counters = field(status, "counters");
    const json& features = field(status, "features");
    const auto counter = [&counters](std::string_view name) { return number(counters, name); };
    line("version", shown(status, "version"));
    line("running for", format_age(number(status, "uptime_seconds")));
    line("calls", fmt::format("{}", number(status, "calls")));
    const std::uint64_t observed = number(status, "observed_pinholes");
    line("pinholes", fmt::format("{}{}", number(status, "pinholes"),
                                 observed == 0 ? "" : fmt::format(", {} of which only would be open", observed)));
    line("registered", fmt::format("{}", number(status, "registrations")));
    line("connections", fmt::format("{} over TCP, {} over TLS that keep static ranges open",
                                    number(status, "connections"), number(status, "tls_connections")));
    line("messages", fmt::format("{}, {} not understood", counter("messages"), counter("not_understood")));
    const std::string only_said =
        counter("observed") == 0 ? "" : fmt::format(" ({} only said to be, while looking on)", counter("observed"));
    line("decisions",
         fmt::format("{} opened{}, {} closed, {} refused, {} TCP connections that are no SIP", counter("opened"),
                     only_said, counter("closed"), counter("refused"), counter("opaque")));
    if (flag(status, "table_missing")) {
        line("ATTENTION",
             "the table is not there, or not whole, and cannot be made: calls get no media; the log says why");
    }
    if (flag(status, "observe")) line("ATTENTION", "only looking on: nothing is opened; see messenger-algctl observe");
    for (const json& key : field(status, "restart_needed")) {
        line("ATTENTION", shown(json{{"key", key}}, "key") +
                              " has another value in the configuration than the daemon runs with: restart needed");
    }
    for (const json& host : field(status, "blocked")) line("blocked", shown(json{{"host", host}}, "host"));
    line("one-way", fmt::format("{} audio streams", number(status, "one_way")));
    line("passage", shown(status, "passage"));
    tell_nat(out, status);
    tell_queues(out, status);
    line("unread", fmt::format("{} wait; {} packets found a queue full and were never read",
                               format_bytes(number(status, "unread_bytes")), number(status, "unread_packets")));
    line("kernel", fmt::format("queue {}; can make conntrack entries: {}; destroys elements: {}; updates timeouts: {}; "
                               "labels flows: {}",
                               shown(features, "queue"), yes_no(features, "conntrack_create"),
                               yes_no(features, "destroy_element"), yes_no(features, "timeout_update"),
                               yes_no(features, "flow_labels")));
    line("NFQUEUE", fmt::format("fail-open {}, conntrack with packets {}", yes_no(features, "queue_fail_open"),
                                yes_no(features, "queue_conntrack")));
    line("work", fmt::format("{} packets, {} transactions, {} flows admitted before their first packet, {} at it",
                             counter("packets"), counter("transactions"), counter("seeded"), counter("admitted")));
    line("failures",
         fmt::format("{} transactions, {} flows not known to conntrack, {} fallback verdicts, {} verdicts refused, "
                     "{} overruns, table made {} times",
                     counter("failures"), counter("not_seeded"), counter("fallbacks"), counter("verdict_errors"),
                     counter("queue_overruns"), counter("reinstalls")));
    return out;
}

std::string tell_pinholes(const json& answer) {
    std::string out;
    for (const json& pinhole : field(answer, "pinholes")) {
        fmt::format_to(std::back_inserter(out), "{} {} from {}: {} {}{}; {}; {}\n", shown(pinhole, "proto"),
                       shown(pinhole, "inside"),
                       field(pinhole, "remote") == "*" ? "any host" : shown(pinhole, "remote"), shown(pinhole, "kind"),
                       shown(pinhole, "role"), flag(pinhole, "on_hold") ? ", on hold" : "", tell_state(pinhole),
                       tell_traffic(pinhole));
        for (const json& id : field(pinhole, "call_ids")) {
            fmt::format_to(std::back_inserter(out), "    call {}\n", shown(json{{"id", id}}, "id", 200));
        }
    }
    if (out.empty()) out = "Nothing is open.\n";
    if (const auto left_out = number(answer, "left_out"); left_out != 0) {
        fmt::format_to(std::back_inserter(out), "... and {} more; see --limit\n", left_out);
    }
    return out;
}

std::string tell_bindings(const json& answer) {
    std::string out;
    for (const json& binding : field(answer, "bindings")) {
        fmt::format_to(std::back_inserter(out), "{} {} is {} at {}: {}\n", shown(binding, "proto"),
                       shown(binding, "inside"), shown(binding, "outside"), shown(binding, "interface"),
                       tell_holder(binding));
        for (const json& id : field(binding, "call_ids")) {
            fmt::format_to(std::back_inserter(out), "    call {}\n", shown(json{{"id", id}}, "id", 200));
        }
    }
    for (const json& callback : field(answer, "callbacks")) {
        fmt::format_to(std::back_inserter(out), "{} {}{}: {} may call, {} more\n", shown(callback, "proto"),
                       shown(callback, "inside"),
                       field(callback, "outside").is_string() ? ", outside " + shown(callback, "outside") : "",
                       shown(callback, "remote"), format_age(number(callback, "expires_seconds")));
    }
    if (out.empty()) out = "No bindings, no call-backs.\n";
    if (const auto left_out = number(answer, "left_out"); left_out != 0) {
        fmt::format_to(std::back_inserter(out), "... and {} more; see --limit\n", left_out);
    }
    return out;
}

std::string tell_reload(const json& answer) {
    std::string out = fmt::format(
        "{} was read: sections network, policy and log, and sip.early_media, hold from now on. The others need a "
        "restart, which keeps calls.\n",
        shown(answer, "file", 1000));
    for (const json& key : field(answer, "restart_needed")) {
        fmt::format_to(std::back_inserter(out), "{}: restart needed\n", shown(json{{"key", key}}, "key"));
    }
    return out;
}

}  // namespace messenger::daemon
