// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/daemon_checks.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/control/control_client.h"
#include "daemon/gateway/schema_options.h"
#include "daemon/queue/queue_statistics.h"
#include "nft/features.h"
#include "nft/kernel_ruleset.h"
#include "nft/netlink_socket.h"
#include "nft/schema.h"

namespace messenger::daemon {

namespace {

using Severity = Finding::Severity;

/// What the running daemon says of itself; absent if none answers.
[[nodiscard]] std::optional<nlohmann::json> ask_status(const Config& config) {
    try {
        ControlResponse response = ask_daemon(config.control.socket, {"status", nlohmann::json::object()});
        if (response.ok) return std::move(response.result);
    } catch (const std::system_error&) {
        return std::nullopt;
    }
    return std::nullopt;
}

/// The ports at which the packet path takes SIP, beside the file. They are read at the start only.
void check_sip_ports(const Config& config, Findings& findings) {
    auto socket = nft::NetlinkSocket::open();
    if (!socket) return;
    const auto elements = nft::KernelRuleset(*std::move(socket)).list(nft::SetId::sip_ports);
    if (!elements) return;
    std::set<nft::Key> read;
    for (const nft::StoredElement& one : *elements) read.insert(one.element.key);
    std::set<nft::Key> wanted;
    for (const std::uint16_t port : config.sip.ports) {
        for (const nft::Protocol protocol : {nft::Protocol::udp, nft::Protocol::tcp}) {
            wanted.insert(nft::Key::port(protocol, port));
        }
    }
    std::string difference;
    const auto tell_missing = [&difference](const std::set<nft::Key>& from, const std::set<nft::Key>& in,
                                            const char* what) {
        std::vector<std::string> missing;
        for (const nft::Key& key : from) {
            if (!in.contains(key)) missing.push_back(key.to_string(nft::SetId::sip_ports));
        }
        if (!missing.empty()) difference += fmt::format("; {}: {}", what, fmt::join(missing, ", "));
    };
    tell_missing(wanted, read, "not read");
    tell_missing(read, wanted, "read, though not in the file");
    if (difference.empty()) return;
    findings.push_back({Severity::warning,
                        "other_sip_ports",
                        "the daemon runs with other sip.ports than the file has" + difference,
                        "A restart is needed: sip.ports is not read again by a reload. SIP at a port that is not read "
                        "opens nothing.",
                        {"systemctl restart messenger-alg    # keeps calls"}});
}

void check_table(const Config& config, const std::optional<nft::Features>& features, bool runs, Findings& findings) {
    auto socket = nft::NetlinkSocket::open();
    if (!features || !features->queue_kind() || !socket) return;  // check_features() has told
    nft::Schema schema(*std::move(socket), schema_options(config, *features, *features->queue_kind()));
    const auto state = schema.verify();
    if (!state) return;
    if (state->kind == nft::SchemaState::Kind::intact && runs) check_sip_ports(config, findings);
    if (auto finding = judge_table(*state, runs)) findings.push_back(*std::move(finding));
}

void check_queues(const Config& config, bool runs, Findings& findings) {
    const auto queues = QueueStatisticsReader().read();
    if (!queues) {
        findings.push_back({Severity::unknown,
                            "queues_unknown",
                            fmt::format("{} cannot be read", kQueueStatisticsFile),
                            "Whether somebody reads the queues is not known.",
                            {}});
        return;
    }
    const auto find = [&queues](std::uint16_t number) {
        return std::find_if(queues->begin(), queues->end(),
                            [number](const QueueStatistics& one) { return one.queue == number; });
    };
    std::vector<std::uint16_t> wanted;
    for (unsigned number = config.queue.signalling.first; number <= config.queue.signalling.last; ++number) {
        wanted.push_back(static_cast<std::uint16_t>(number));
    }
    if (config.passage.mode == Passage::admit) wanted.push_back(config.queue.admit);
    for (const std::uint16_t number : wanted) {
        const auto queue = find(number);
        if (queue == queues->end()) {
            if (!runs) continue;
            findings.push_back({Severity::failure,
                                "queue_without_reader",
                                fmt::format("nobody reads queue {}, though the daemon runs", number),
                                "What goes there passes unread: the daemon runs with other queue numbers, or hangs.",
                                {"systemctl restart messenger-alg"}});
        } else if (!runs) {
            findings.push_back({Severity::failure,
                                "queue_taken",
                                fmt::format("another program reads queue {}", number),
                                "messenger-algd cannot start: each queue has one reader.",
                                {"cat /proc/net/netfilter/nfnetlink_queue    # column 2: its port id, often the pid",
                                 "# set queue.signalling and queue.admit to numbers that nobody has"}});
        } else if (queue->queue_dropped.value_or(0) != 0 || queue->user_dropped != 0) {
            findings.push_back(
                {Severity::warning,
                 "queue_dropped",
                 fmt::format("queue {} has dropped packets: {} because it was full, {} for want of buffer", number,
                             queue->queue_dropped.value_or(0), queue->user_dropped),
                 "SIP was lost; clients sent it again, later.",
                 {"# raise queue.length, and see messenger-algctl metrics for the time of a verdict"}});
        }
    }
}

/// The daemon's own answer beside the file.
void compare(const nlohmann::json& status, const Config& config, const std::string& config_file, Findings& findings) {
    const std::string passage = config.passage.mode == Passage::admit ? "admit" : "mark";
    if (status.value("passage", passage) != passage || status.value("observe", false)) {
        const bool observes = status.value("observe", false);
        findings.push_back({Severity::warning,
                            observes ? "observing" : "other_configuration",
                            observes ? "the daemon only looks on" : "the daemon runs with another passage.mode",
                            observes ? "Nothing is opened: no call has media that your rules do not let pass anyway."
                                     : "The file has been changed since its start.",
                            {observes ? "messenger-algctl observe off" : "systemctl restart messenger-alg"}});
    }
    std::error_code failed;
    const auto changed = std::filesystem::last_write_time(config_file, failed);
    if (failed) return;
    const auto age = std::filesystem::file_time_type::clock::now() - changed;
    if (age < std::chrono::seconds(status.value("uptime_seconds", std::int64_t{0}) - 1)) {
        findings.push_back({Severity::note,
                            "newer_configuration",
                            fmt::format("{} is newer than the daemon's start", config_file),
                            "If it was not read again since then, the old configuration holds.",
                            {"messenger-algctl reload    # and restart for the sections that it names"}});
    }
}

}  // namespace

std::optional<Finding> judge_table(const nft::SchemaState& state, bool runs) {
    switch (state.kind) {
        case nft::SchemaState::Kind::intact: return std::nullopt;
        case nft::SchemaState::Kind::missing:
            if (!runs) return std::nullopt;  // one finding for one cause
            return Finding{Severity::failure,
                           "table_missing",
                           "the table inet messenger_alg is not there, though the daemon runs",
                           "Nothing is read and nothing is opened until the daemon has made it again, which it tries "
                           "once a second at least. What was open is known to this process alone: a restart would cut "
                           "the running calls, and nobody could call registered clients until they register again.",
                           {"journalctl -u messenger-alg -n 20    # why it is not made again"}};
        case nft::SchemaState::Kind::damaged: break;
    }
    return Finding{runs ? Severity::failure : Severity::warning,
                   "table_differs",
                   "the table inet messenger_alg is not as this configuration makes it: " + state.detail,
                   "The daemon runs with another configuration, is of another version, or somebody changed the table.",
                   {"systemctl restart messenger-alg    # keeps calls"}};
}

std::optional<nft::Features> check_features(const Config& config, Findings& findings) {
    const auto features = nft::probe_features();
    if (!features) {
        findings.push_back({Severity::unknown,
                            "features_unknown",
                            features.error().message(),
                            "What this kernel can do is not known.",
                            {}});
        return std::nullopt;
    }
    const auto need = [&findings](bool there, const char* name, const char* what, const char* why, const char* to_do) {
        if (!there) findings.push_back({Severity::failure, name, what, why, {to_do}});
    };
    need(features->queue_kind().has_value(), "no_queue", "this kernel can hand packets to no queue",
         "The daemon does not start: it reads SIP from one.", "modprobe nft_queue    # or xt_NFQUEUE with nft_compat");
    need(features->conntrack_create || config.passage.mode != Passage::admit, "no_conntrack_create",
         "this kernel lets nobody make conntrack entries (CONFIG_NF_CT_NETLINK)",
         "The daemon does not start with passage.mode = \"admit\".",
         "modprobe nf_conntrack_netlink    # or passage.mode = \"mark\", and a rule that accepts the mark");
    need(features->nat_map || config.nat.interfaces.empty(), "no_nat_map",
         "this kernel cannot translate by maps (nft_nat)", "The daemon does not start with [nat].", "modprobe nft_nat");
    if (!features->tcp_reset && !config.nat.interfaces.empty()) {
        findings.push_back({Severity::warning,
                            "no_tcp_reset",
                            "this kernel has no nft_reject",
                            "After a crash of the daemon, SIP connections over TCP that it had edited hang until their "
                            "own timeouts instead of being reset.",
                            {"modprobe nft_reject_inet"}});
    }
    return *features;
}

void check_daemon(const Config& config, const std::string& config_file, const std::optional<nft::Features>& features,
                  Findings& findings) {
    const auto status = ask_status(config);
    if (status) {
        compare(*status, config, config_file, findings);
    } else {
        findings.push_back({Severity::failure,
                            "not_running",
                            "messenger-algd does not run, or does not answer",
                            "SIP passes unread, and no call opens anything.",
                            {"systemctl enable --now messenger-alg", "journalctl -u messenger-alg -n 20"}});
    }
    check_table(config, features, status.has_value(), findings);
    check_queues(config, status.has_value(), findings);
}

}  // namespace messenger::daemon
