// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Gateway that says what may be opened, at the start and after a reload.
#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "daemon/config/config_file.h"
#include "daemon/config/reloadable.h"
#include "daemon/gateway/engine_policy.h"
#include "daemon/gateway/gateway.h"
#include "daemon/process/clock.h"
#include "daemon/process/local_ports.h"
#include "daemon/process/notify.h"

namespace messenger::daemon {

alg::Policy Gateway::read_policy() {
    const auto addresses = list_interface_addresses();
    for (const std::string& missing : find_networks(addresses, config_.network.inside_interfaces).missing) {
        log_.warning(
            "interfaces",
            "inside interface {} does not exist, or has no address: hosts behind it get no pinholes until it has one",
            missing);
    }
    alg::Policy policy = make_policy(config_, addresses);
    if (!config_.nat.interfaces.empty()) reserve_bound_ports(policy);
    return policy;
}

/// What listens on this host keeps its port: translation would come before it.
void Gateway::reserve_bound_ports(alg::Policy& policy) {
    const auto bound = list_bound_ports();
    if (!bound) {
        log_.warning("nat",
                     "the sockets of this host cannot be read in /proc/net: an inside host may get the outside port of "
                     "a service of this host; list such ports in nat.reserved_ports");
        return;
    }
    auto& reserved = policy.reserved_ports;
    reserved.insert(reserved.end(), bound->tcp.begin(), bound->tcp.end());
    std::sort(reserved.begin(), reserved.end());
    passing_ports_.clear();
    std::set_difference(bound->udp.begin(), bound->udp.end(), reserved.begin(), reserved.end(),
                        std::back_inserter(passing_ports_));
    reserved.insert(reserved.end(), passing_ports_.begin(), passing_ports_.end());
    std::sort(reserved.begin(), reserved.end());
}

/// The policy with what the operator has ordered since the start.
void Gateway::refresh_policy() {
    alg::Policy policy = read_policy();
    policy.blocked = steering_.blocked();
    engine_.set_policy(policy);
    refresh_rules();
}

/// By which the warden judges, too, once it has read the same file and looked at this host.
void Gateway::refresh_rules() {
    rules_.emplace(config_, list_interface_addresses(), nullptr);
    sync_.set_rules(*rules_);
}

std::vector<std::string> Gateway::reload() {
    notify_reloading();
    const ConfigResult result = read_config_file(config_file_);
    std::vector<std::string> errors;
    for (const ConfigError& error : result.errors) errors.push_back(error.to_string(config_file_));
    if (!errors.empty()) {
        log_.error("reload", "{}: not read again, the old configuration holds", config_file_);
        for (const std::string& error : errors) log_.error("reload", "{}", error);
    } else {
        take_reloadable(*result.config, config_);
        waiting_keys_ = differing_keys(config_, *result.config);
        // An operator may have ordered already what the next start is to begin with.
        if (result.config->policy.observe == steering_.observing()) std::erase(waiting_keys_, "policy.observe");
        warden_->order_reload();  // first: what it does not allow yet would be turned down
        log_.set_level(config_.log.level);
        refresh_policy();
        name_inside_interfaces();
        close_forbidden();
        log_.notice("reload",
                    "{}: sections network, policy and log, and sip.early_media, hold from now on; the others "
                    "need a restart, which keeps calls",
                    config_file_);
        for (const std::string& key : waiting_keys_) {
            log_.warning("reload", "{} has another value in {} than this daemon runs with: restart needed", key,
                         config_file_);
        }
    }
    notify_ready();
    return errors;
}

/// What was opened under another configuration. Not when an address has changed: that may come back in a moment.
void Gateway::close_forbidden() {
    const std::size_t count = sync_.stage_end_of_forbidden(engine_, read_clock());
    if (const auto closed = sync_.commit(); !closed) report(closed.error());
    if (count == 0) return;
    log_.warning("reload",
                 "{} pinholes and call-backs are closed: network or policy.fixed_ranges do not allow them as they "
                 "did before; what running calls had there is cut off",
                 count);
}

}  // namespace messenger::daemon
