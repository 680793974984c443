// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/gateway.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "daemon/commands/bindings_command.h"
#include "daemon/commands/calls_command.h"
#include "daemon/commands/metrics_command.h"
#include "daemon/commands/order_commands.h"
#include "daemon/commands/pinholes_command.h"
#include "daemon/commands/status_command.h"
#include "daemon/gateway/part_options.h"
#include "daemon/gateway/schema_options.h"
#include "daemon/metrics/metrics.h"
#include "daemon/process/clock.h"
#include "daemon/process/kept_descriptor.h"
#include "daemon/process/notify.h"
#include "daemon/process/privileges.h"

namespace messenger::daemon {

namespace {

constexpr int kBatchesPerRound = 8;  // then timers and the other descriptors have their turn

[[nodiscard]] alg::HashKey random_key() {
    std::array<std::uint64_t, 2> words{};
    if (getrandom(words.data(), sizeof words, 0) != static_cast<ssize_t>(sizeof words)) {
        throw std::runtime_error("no random numbers from the kernel");
    }
    return {words[0], words[1]};
}

}  // namespace

Gateway::Gateway(const Config& config, std::string config_file, Log& log)
    : config_(config),
      config_file_(std::move(config_file)),
      log_(log),
      started_(read_clock()),
      control_(loop_, control_options(config),
               [this](const ControlRequest& request) { return commands_.answer(request); }),
      kernel_(open_kernel(config, log)),
      engine_(read_policy(), config.limits, random_key()),
      known_hosts_([this](std::span<const nft::Place> places) { return warden_->ask_about_hosts(places); },
                   [this] { warden_->forget_hosts(); }, random_key()),
      sync_(kernel_.ruleset, kernel_.schema, kernel_.conntrack, sync_options(config, kernel_.schema.options())),
      outside_(config.nat),
      tracking_(kernel_.conntrack),
      translations_(kernel_.conntrack, tracking_),
      edited_(kernel_.conntrack, read_connection_times()),
      events_(log),
      one_way_log_(log),
      media_(kernel_.ruleset, kernel_.conntrack, {config.journal.one_way, config.passage.mode == Passage::admit}),
      journal_(engine_, media_, {config.journal.recent_calls, config.journal.bytes}, random_key()),
      event_stream_(control_, sync_),
      observers_{&events_, &journal_, &event_stream_},
      one_way_observers_{&one_way_log_, &event_stream_},
      queue_(queue_options(config), take_kept_descriptors()),
      unread_(kernel_.schema, queue_),
      keeper_({engine_, sync_, kernel_.schema, unread_, loop_, log}),
      sources_([this](const alg::IpAddress& host) { return routes_.interface_to(host); }, random_key()),
      pipeline_(engine_, sync_, observers_, pipeline_options(config)),
      gathering_(config.queue.gather),
      closed_looks_(loop_, sync_, engine_, [this](const std::optional<nft::NftError>& error) { report(error); }),
      table_handover_(config.control.socket + ".sets", {engine_, sync_, keeper_, kernel_.schema, log_}),
      steering_({engine_, pipeline_, sync_, journal_, events_, event_stream_, log},
                [this](const std::optional<nft::NftError>& error) { report(error); }),
      parts_{config_,  started_, loop_,     kernel_.features,  kernel_.ruleset, kernel_.schema, engine_,   sync_,
             outside_, events_,  queue_,    queue_statistics_, gathering_,      unread_,        pipeline_, control_,
             journal_, media_,   steering_, latencies_,        waiting_keys_,   tracking_,      warden_},
      expiry_timer_(loop_.add_timer([this] {
          keeper_.catch_up();
          report(pipeline_.expire(loop_.now()));
      })),
      look_timer_(loop_.add_timer([this] { media_.look(engine_, one_way_observers_, loop_.now()); })),
      watchdog_timer_(loop_.add_timer([this] { feed_watchdog(); })),
      metrics_timer_(loop_.add_timer([this] { write_metrics(); })),
      renewal_timer_(loop_.add_timer([this] { renew_edited_connections(); })) {
    // The queues are bound before the rules that feed them, so no packet passes unread for want of a listener.
    keeper_.set_watch(std::move(kernel_.watch));
    part_with_rights();
    outside_.refresh();
    report_outside_changes();
    sync_.set_outside(outside_);
    sync_.set_policy(engine_.policy());
    refresh_rules();
    sync_.set_known_hosts(known_hosts_);
    table_handover_.take(kernel_.generation);
    const Restored restored = expect(sync_.restore(engine_, read_clock(), passing_ports_));
    journal_.adopt(read_clock());
    pipeline_.set_source_check(sources_);
    if (config_.passage.mode == Passage::admit) pipeline_.set_tracking_check(tracking_);
    name_inside_interfaces();
    if (!outside_.empty()) {
        pipeline_.set_nat(outside_, translations_);
        pipeline_.set_edited_connections(edited_);
        handover_.emplace(config_.control.socket + ".connections",
                          ConnectionHandover::Parts{engine_, pipeline_, sync_, edited_, kernel_.conntrack, log_});
        if (const auto taken = handover_->take_over(marks_of(config_).edited(), read_clock()); !taken) {
            throw std::runtime_error(taken.error().message());
        }
    }
    if (queue_.is_adopted()) drain_adopted_queue();
    const bool goes_on = expect(kernel_.schema.is_alike());
    if (goes_on) {
        static_cast<void>(expect(sync_.take_over(engine_, read_clock())));
        if (const auto over = sync_.end_handover(); !over) report(over.error());
    } else if (const auto installed = sync_.reinstall(engine_, read_clock()); !installed) {
        throw std::runtime_error(installed.error().message());
    }
    unread_.begin();
    // What was read to take over thousands of calls is not needed again.
    static_cast<void>(::malloc_trim(0));
    if (goes_on) log_.notice("start", "the table inet {} is as it has to be, and stays", nft::kTable);
    if (restored.pinholes > 0) {
        log_.notice("start", "took over {} pinholes of running calls from the kernel", restored.pinholes);
    }
    warn_of_lost(restored);
    const QueueFeatures& granted = queue_.features();
    log_.notice("start", "NFQUEUE: fail-open {}, conntrack with packets {}", granted.fail_open ? "yes" : "no",
                granted.conntrack ? "yes" : "no");
    warn_of_tls();
    watch_everything();
    add_commands();
    if (!config.metrics.textfile.empty()) textfile_.emplace(config.metrics.textfile);
    if (config.policy.observe) static_cast<void>(steering_.observe(true, read_clock()));
}

/// Before anything is read that came from outside: packets that wait in the queue, comments of the table. From here on
/// the warden does what takes CAP_NET_ADMIN.
void Gateway::part_with_rights() {
    WardenDuty duty;
    duty.ruleset = kernel_.ruleset.socket().fd();
    duty.schema = kernel_.schema.socket().fd();
    duty.conntrack = kernel_.conntrack.socket().fd();
    duty.queue = queue_.fd();
    duty.schema_options = kernel_.schema.options();
    duty.config = config_;
    duty.config_file = config_file_;
    warden_.emplace(std::move(duty), log_);
    kernel_.ruleset.socket().send_through(warden_->gate(WardenChannel::ruleset));
    kernel_.schema.socket().send_through(warden_->gate(WardenChannel::schema));
    kernel_.conntrack.socket().send_through(warden_->gate(WardenChannel::conntrack));
    queue_.send_through([this](std::span<const std::byte> verdicts) { return warden_->post_verdicts(verdicts); });
    keep_no_capability();
}

/// Decides about the packets that waited between the process before and this one. Before the table is made anew: the
/// kernel drops every queued packet when a base chain goes. What comes between here and there is lost, and repeated by
/// its sender.
void Gateway::drain_adopted_queue() {
    const nft::SchemaState state = expect(kernel_.schema.verify());
    if (state.kind != nft::SchemaState::Kind::intact) {
        log_.notice("start", "packets that waited for this start are lost, for the table is another one: {}",
                    state.detail);
        return;
    }
    std::size_t count = 0;
    for (std::size_t left = config_.queue.length; left > 0;) {
        const auto packets = queue_.receive();
        if (packets.empty()) break;
        count += packets.size();
        left -= std::min(left, packets.size());
        report(pipeline_.on_batch(packets, queue_, read_clock()));
        queue_.flush();
    }
    log_.notice("start", "{} packets had waited for this start", count);
}

bool Gateway::report_outside_changes() {
    const std::vector<OutsideInterfaces::Change> changes = outside_.take_changes();
    for (const OutsideInterfaces::Change& change : changes) {
        if (change.before && outside_.is_gone(*change.before)) {
            if (const auto forgotten = sync_.forget_flows(*change.before); !forgotten) report(forgotten.error());
        }
        if (!change.exists) {
            log_.warning("nat",
                         "outside interface {} does not exist: once it does, messages through it are edited; see "
                         "nat.interfaces if it has another name",
                         change.interface);
        } else if (!change.after) {
            log_.warning("nat",
                         "outside interface {} has no IPv4 address: messages through it pass unedited until it has one",
                         change.interface);
        } else if (change.before && change.before != change.after) {
            log_.warning("nat",
                         "outside interface {} has changed from {} to {}: calls that were set up through the old "
                         "address keep what their peers send to the new one; clients have to register again",
                         change.interface, change.before->to_string(), change.after->to_string());
        } else {
            log_.notice("nat", "outside interface {} has {}", change.interface, change.after->to_string());
        }
    }
    return !changes.empty();
}

void Gateway::follow_outside_addresses() {
    outside_.refresh();
    // What names an address that is gone goes, and comes back with it.
    if (report_outside_changes()) keeper_.reinstall("an outside address has changed");
}

void Gateway::add_commands() {
    add_status_command(commands_, parts_);
    add_pinholes_command(commands_, parts_);
    add_bindings_command(commands_, parts_);
    add_calls_commands(commands_, parts_);
    add_metrics_command(commands_, parts_);
    add_order_commands(commands_, parts_, steering_);
    commands_.add("reload", [this](const CommandArguments& /*arguments*/) {
        const std::vector<std::string> errors = reload();
        if (errors.empty()) return nlohmann::json{{"file", config_file_}, {"restart_needed", waiting_keys_}};
        std::string text = "not read again, the old configuration holds";
        for (const std::string& error : errors) text += "; " + error;
        throw CommandRefused(text);
    });
}

/// Hosts behind interfaces that the operator has named are inside whatever the routes say. Their numbers change.
void Gateway::name_inside_interfaces() {
    std::vector<std::uint32_t> inside;
    const auto& named = config_.network.inside_interfaces;
    for (const Link& link : routes_.links()) {
        if (std::find(named.begin(), named.end(), link.name) != named.end()) inside.push_back(link.index);
    }
    sources_.set_inside(std::move(inside));
}

void Gateway::watch_everything() {
    loop_.watch(queue_.fd(), EPOLLIN, [this](std::uint32_t) { on_packets(); });
    keeper_.follow_changes();
    loop_.watch(warden_->fd(), EPOLLRDHUP, [](std::uint32_t) {
        throw std::runtime_error(
            "the process that keeps CAP_NET_ADMIN for this one has ended; without it nothing can be opened or closed");
    });
    loop_.watch(interfaces_.fd(), EPOLLIN, [this](std::uint32_t) {
        if (!interfaces_.take_changes()) return;
        refresh_policy();  // first: a new table has what may be opened now
        name_inside_interfaces();
        follow_outside_addresses();
    });
    for (const int signal : {SIGTERM, SIGINT}) {
        loop_.on_signal(signal, [this] { loop_.stop(); });
    }
    loop_.on_signal(SIGHUP, [this] { static_cast<void>(reload()); });
    loop_.after_each_round([this] {
        loop_.set_timer(expiry_timer_, engine_.next_expiry());
        media_.plan_look(loop_.now());
        loop_.set_timer(look_timer_, media_.next_look());
        loop_.set_timer(renewal_timer_, edited_.next_renewal());
        closed_looks_.end_round(gathering_.interval() != alg::Duration::zero());
    });
}

void Gateway::run() {
    install_syscall_filter();
    loop_.set_timer(expiry_timer_, engine_.next_expiry());
    media_.plan_look(read_clock());
    loop_.set_timer(look_timer_, media_.next_look());
    loop_.set_timer(renewal_timer_, edited_.next_renewal());
    feed_watchdog();
    if (textfile_) write_metrics();
    notify_ready();
    log_.notice("start", "ready: SIP on the configured ports passes through queue {}", config_.queue.signalling.first);
    loop_.run();
    notify_stopping();
    if (handover_) {
        pipeline_.drop_held();
        queue_.flush();
        if (const auto left = handover_->leave_behind(); !left) report(left.error());
    }
    table_handover_.leave();
    // Kept open if another process of this service follows at once: what comes in between waits for it. Otherwise the
    // queues end with this process, and packets pass them by.
    keep_descriptor(queue_.hand_over());
    log_.notice("stop",
                "stopped; the table stays: running calls go on until their media falls silent, new ones open nothing");
}

void Gateway::on_packets() {
    for (int batch = 0; batch < kBatchesPerRound; ++batch) {
        const auto packets = queue_.receive();
        if (packets.empty()) break;
        const alg::TimePoint begun = read_clock();
        const std::uint64_t changes = pipeline_.counters().changes;
        report(pipeline_.on_batch(packets, queue_, loop_.now()));
        latencies_.batch.add(read_clock() - begun);
        queue_.flush();
        latencies_.verdict.add(read_clock() - begun, packets.size());
        gathering_.add(begun, packets.size(), pipeline_.counters().changes - changes);
        if (packets.size() == QueueSocket::kBatch) continue;
        // Most likely no more wait, and if some do, the loop tells: asking would cost each lone packet a system call.
        loop_.rest_until(gathering_.next());
        break;
    }
    warn_of_unproven();
    warn_of_untracked();
}

void Gateway::renew_edited_connections() {
    if (const auto renewed = edited_.renew(loop_.now()); !renewed) {
        log_.warning("conntrack",
                     "edited TCP connections that are silent for minutes may be forgotten; tried again soon: {}",
                     renewed.error().message());
    }
}

void Gateway::write_metrics() {
    if (!textfile_->write(metrics_text(collect_metrics(parts_)))) {
        log_.warning("metrics", "{} was not written: the process that does it is gone or slow",
                     config_.metrics.textfile);
    }
    loop_.set_timer(metrics_timer_, read_clock() + config_.metrics.interval);
}

void Gateway::feed_watchdog() {
    const auto interval = find_watchdog_interval();
    if (!interval) return;
    notify_watchdog();
    loop_.set_timer(watchdog_timer_, read_clock() + *interval);
}

void remove_table() {
    nft::Schema schema(expect(nft::NetlinkSocket::open()), {});
    if (const auto removed = schema.remove(); !removed) throw std::runtime_error(removed.error().message());
}

}  // namespace messenger::daemon
