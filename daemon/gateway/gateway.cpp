// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/gateway.h"

#include <sys/epoll.h>
#include <sys/random.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "daemon/gateway/engine_policy.h"
#include "daemon/process/clock.h"
#include "daemon/process/notify.h"
#include "daemon/process/privileges.h"

namespace messenger::daemon {

namespace {

constexpr auto kSweepDelay = std::chrono::milliseconds(20);
constexpr auto kRepairDelay = std::chrono::milliseconds(200);
constexpr int kBatchesPerRound = 8;  // then timers and the other descriptors have their turn

template <class T>
[[nodiscard]] T expect(nft::Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    return *std::move(result);
}

[[nodiscard]] alg::HashKey random_key() {
    std::array<std::uint64_t, 2> words{};
    if (getrandom(words.data(), sizeof words, 0) != static_cast<ssize_t>(sizeof words)) {
        throw std::runtime_error("no random numbers from the kernel");
    }
    return {words[0], words[1]};
}

[[nodiscard]] nft::MarkLayout marks_of(const Config& config) {
    return {config.marks.base_bit};
}

[[nodiscard]] nft::SchemaOptions schema_options(const Config& config, nft::QueueKind queue_kind) {
    nft::SchemaOptions options;
    options.queue_kind = queue_kind;
    const NumberRange& range = config.queue.signalling;
    options.signalling_queue = {range.first, static_cast<std::uint16_t>(range.last - range.first + 1)};
    if (config.passage.mode == Passage::admit) options.admit_queue = config.queue.admit;
    if (config.passage.mode == Passage::mark) options.passage_mark = {config.passage.mark, config.passage.mark_mask};
    options.marks = marks_of(config);
    options.media_silence = std::chrono::duration_cast<std::chrono::milliseconds>(config.limits.media_silence);
    options.stream_silence = std::chrono::duration_cast<std::chrono::milliseconds>(config.limits.stream_silence);
    return options;
}

[[nodiscard]] PinholeSync::Options sync_options(const Config& config, const nft::SchemaOptions& schema) {
    PinholeSync::Options options;
    options.marks = marks_of(config);
    options.admit = config.passage.mode == Passage::admit;
    options.admitted = schema.admitted_silence;
    options.first_packet = std::chrono::duration_cast<std::chrono::seconds>(config.limits.first_packet);
    options.sip_ports = config.sip.ports;
    return options;
}

[[nodiscard]] QueueOptions queue_options(const Config& config) {
    QueueOptions options;
    const NumberRange& range = config.queue.signalling;
    options.queues.resize(static_cast<std::size_t>(range.last - range.first) + 1);
    std::iota(options.queues.begin(), options.queues.end(), range.first);
    if (config.passage.mode == Passage::admit) options.queues.push_back(config.queue.admit);
    options.length = config.queue.length;
    options.fail_open = config.queue.on_overload == Fallback::accept;
    options.fallback = config.queue.fallback == Fallback::accept ? Verdict::Action::accept : Verdict::Action::drop;
    return options;
}

[[nodiscard]] Pipeline::Options pipeline_options(const Config& config) {
    Pipeline::Options options;
    options.marks = marks_of(config);
    if (config.passage.mode == Passage::admit) options.admit_queue = config.queue.admit;
    options.fallback = config.queue.fallback == Fallback::accept ? Verdict::Action::accept : Verdict::Action::drop;
    return options;
}

}  // namespace

Gateway::Kernel Gateway::open_kernel(const Config& config, Log& log) {
    const nft::Features features = expect(nft::probe_features());
    log.notice("start", "kernel: {}", features.to_string());
    const auto queue_kind = features.queue_kind();
    if (!queue_kind) {
        throw std::runtime_error(
            "this kernel can hand packets to no queue: it needs nft_queue, or nft_compat with xt_NFQUEUE");
    }
    if (config.passage.mode == Passage::admit && !features.conntrack_create) {
        throw std::runtime_error(
            "this kernel lets nobody make conntrack entries (CONFIG_NF_CT_NETLINK); set passage.mode = \"mark\" and "
            "accept that mark in your firewall");
    }
    return {nft::KernelRuleset(expect(nft::NetlinkSocket::open())),
            nft::Schema(expect(nft::NetlinkSocket::open()), schema_options(config, *queue_kind)),
            nft::Conntrack(expect(nft::NetlinkSocket::open()))};
}

Gateway::Gateway(const Config& config, std::string config_file, Log& log)
    : config_(config),
      config_file_(std::move(config_file)),
      log_(log),
      kernel_(open_kernel(config, log)),
      engine_(read_policy(), config.limits, random_key()),
      sync_(kernel_.ruleset, kernel_.schema, kernel_.conntrack, sync_options(config, kernel_.schema.options())),
      events_(log),
      queue_(queue_options(config)),
      pipeline_(engine_, sync_, events_, pipeline_options(config)),
      expiry_timer_(loop_.add_timer([this] { report(pipeline_.expire(loop_.now())); })),
      sweep_timer_(loop_.add_timer([this] {
          sweep_armed_ = false;
          report(pipeline_.sweep());
      })),
      repair_timer_(loop_.add_timer([this] { reinstall("its last change failed"); })),
      watchdog_timer_(loop_.add_timer([this] { feed_watchdog(); })) {
    // The queues are bound before the rules that feed them, so no packet passes unread for want of a listener.
    const std::size_t taken_over = expect(sync_.take_over(engine_, read_clock()));
    if (taken_over > 0) {
        log_.notice("start", "took over {} pinholes of running calls from the kernel", taken_over);
    }
    const std::array<std::uint32_t, 2> own{kernel_.ruleset.portid(), kernel_.schema.portid()};
    watch_.emplace(expect(nft::RulesetWatch::open(expect(nft::NetlinkSocket::open()), own)));
    const QueueFeatures& granted = queue_.features();
    log_.notice("start", "NFQUEUE: fail-open {}, GSO {}, conntrack with packets {}", granted.fail_open ? "yes" : "no",
                granted.gso ? "yes" : "no", granted.conntrack ? "yes" : "no");
    watch_everything();
}

alg::Policy Gateway::read_policy() {
    const auto addresses = list_interface_addresses();
    for (const std::string& missing : find_networks(addresses, config_.network.inside_interfaces).missing) {
        log_.warning("interfaces",
                     "inside interface {} has no address: hosts behind it get no pinholes until it has one", missing);
    }
    return make_policy(config_, addresses);
}

void Gateway::watch_everything() {
    loop_.watch(queue_.fd(), EPOLLIN, [this](std::uint32_t) { on_packets(); });
    loop_.watch(watch_->fd(), EPOLLIN, [this](std::uint32_t) { on_ruleset_change(); });
    loop_.watch(interfaces_.fd(), EPOLLIN, [this](std::uint32_t) {
        if (interfaces_.take_changes()) engine_.set_policy(read_policy());
    });
    for (const int signal : {SIGTERM, SIGINT}) {
        loop_.on_signal(signal, [this] { loop_.stop(); });
    }
    loop_.on_signal(SIGHUP, [this] { reload(); });
    loop_.after_each_round([this] {
        loop_.set_timer(expiry_timer_, engine_.next_expiry());
        if (sync_.needs_sweep() && !sweep_armed_) {
            sweep_armed_ = true;
            loop_.set_timer(sweep_timer_, loop_.now() + kSweepDelay);
        }
    });
}

void Gateway::run() {
    keep_only_net_admin();
    install_syscall_filter();
    loop_.set_timer(expiry_timer_, engine_.next_expiry());
    feed_watchdog();
    notify_ready();
    log_.notice("start", "ready: SIP on the configured ports passes through queue {}", config_.queue.signalling.first);
    loop_.run();
    notify_stopping();
    log_.notice("stop",
                "stopped; the table stays: running calls go on until their media falls silent, new ones open nothing");
}

void Gateway::on_packets() {
    for (int batch = 0; batch < kBatchesPerRound; ++batch) {
        const auto packets = queue_.receive();
        if (packets.empty()) break;
        report(pipeline_.on_batch(packets, queue_, loop_.now()));
        queue_.flush();
    }
}

void Gateway::on_ruleset_change() {
    if (!watch_->changed()) return;
    const auto state = kernel_.schema.verify();
    if (!state) {
        report(state.error());
        return;
    }
    if (state->kind != nft::SchemaState::Kind::intact) reinstall(state->detail);
}

void Gateway::reinstall(std::string_view why) {
    const auto installed = sync_.reinstall(engine_, loop_.now());
    if (!installed) {
        report(installed.error());
        return;
    }
    log_.warning("table", "the table inet {} was put back with {} pinholes: {}", nft::kTable, engine_.pinholes().size(),
                 why);
}

void Gateway::report(const std::optional<nft::NftError>& error) {
    if (!error) return;
    log_.error("kernel", "{}", error->message());
    // Whatever it was, what the kernel has may now differ from what is wanted: make it the same soon.
    if (error->failure != nft::Failure::set_full) loop_.set_timer(repair_timer_, loop_.now() + kRepairDelay);
}

void Gateway::reload() {
    notify_reloading();
    std::ifstream in(config_file_, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const ConfigResult result = parse_config(text);
    if (!in || !result.config) {
        log_.error("reload", "{}: not read again, the old configuration holds", config_file_);
        for (const ConfigError& error : result.errors) log_.error("reload", "{}", error.to_string(config_file_));
    } else {
        // What the kernel's table, the queues and the tables of the engine were made with stays until a restart.
        config_.network = result.config->network;
        config_.sip.early_media = result.config->sip.early_media;
        config_.policy = result.config->policy;
        config_.log = result.config->log;
        log_.set_level(config_.log.level);
        engine_.set_policy(read_policy());
        log_.notice("reload",
                    "{}: sections network, policy and log, and sip.early_media, hold from now on; the others "
                    "need a restart, which keeps calls",
                    config_file_);
    }
    notify_ready();
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
