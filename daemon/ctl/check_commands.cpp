// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/check_commands.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/config/config_file.h"
#include "daemon/ctl/check_text.h"
#include "daemon/ctl/daemon_link.h"
#include "daemon/doctor/daemon_checks.h"
#include "daemon/doctor/host_checks.h"
#include "daemon/doctor/passage_checks.h"
#include "daemon/doctor/trial_plan.h"
#include "daemon/trial/interruption.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

struct CheckArguments {
    std::string config;
    std::string inside_interface;
    std::string outside_interface;
    std::string inside;
    std::string server;
    std::string peer;
    std::string daemon;
    bool json = false;
};

/// The command line is wrong.
class UsageError : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// Everything that both commands begin with.
struct Check {
    std::string config_file;
    Config config;
    LiveHost host;
    nft::RulesetCopy rules;
    TrialPlan plan;
    std::string daemon;
};

[[nodiscard]] std::optional<alg::IpAddress> address_of(const std::string& text, const char* option) {
    if (text.empty()) return std::nullopt;
    const auto address = alg::IpAddress::parse(text);
    if (!address) throw UsageError(fmt::format("{}: \"{}\" is no address", option, text));
    return address;
}

/// The messenger-algd to try.
[[nodiscard]] std::string daemon_of(const std::string& wished) {
    if (wished.empty()) return find_daemon(MESSENGER_DAEMON);
    std::error_code failed;
    const auto status = std::filesystem::status(wished, failed);
    const auto complain = [&wished](const char* why) { throw UsageError(fmt::format("--daemon {}: {}", wished, why)); };
    if (!std::filesystem::exists(status)) complain("there is no such file");
    if (!std::filesystem::is_regular_file(status) || ::access(wished.c_str(), X_OK) != 0) {
        complain("this is no program that can be run");
    }
    return std::filesystem::absolute(wished);
}

[[nodiscard]] Config config_or_throw(const std::string& file) {
    ConfigResult result = read_config_file(file);
    if (result.config) return *std::move(result.config);
    std::string errors;
    for (const ConfigError& error : result.errors) {
        if (!errors.empty()) errors += '\n';
        errors += error.to_string(file);
    }
    throw std::runtime_error(errors);
}

template <class T>
[[nodiscard]] T expect(nft::Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    return *std::move(result);
}

/// Throws std::runtime_error with what to tell, UsageError if the command line is to blame.
[[nodiscard]] Check begin_check(const CheckArguments& arguments) {
    const TrialWishes wishes{arguments.inside_interface, arguments.outside_interface,
                             address_of(arguments.inside, "--inside"), address_of(arguments.server, "--server"),
                             address_of(arguments.peer, "--peer")};
    std::string daemon = daemon_of(arguments.daemon);
    if (::geteuid() != 0)
        throw std::runtime_error("this needs root: it reads every rule, and makes network namespaces");
    const std::string file = arguments.config.empty() ? std::string(kDefaultConfig) : arguments.config;
    Config config = config_or_throw(file);
    auto socket = expect(nft::NetlinkSocket::open());
    LiveHost host;
    if (const auto wrong = check_wishes(host, config, wishes); !wrong.empty()) {
        throw UsageError(fmt::format("{}", fmt::join(wrong, "\n")));
    }
    TrialPlan plan = plan_trials(host, config, wishes);
    return {file,
            std::move(config),
            std::move(host),
            expect(nft::RulesetCopy::read(socket)),
            std::move(plan),
            std::move(daemon)};
}

[[nodiscard]] TrialOptions options_for(const Check& check, const TrialPlaces& places) {
    return {check.config, check.daemon, places, {alg::Transport::udp, alg::Transport::tcp}};
}

[[nodiscard]] json describe_leg(const Leg& leg, const RuleText& rule_text) {
    json object = {
        {"name", leg.name}, {"transport", leg.transport}, {"text", leg.text}, {"outcome", name(leg.outcome)}};
    if (!leg.detail.empty()) object["detail"] = leg.detail;
    if (leg.culprit) object["stopped_by"] = describe(*leg.culprit, rule_text);
    const bool good = leg.outcome == Leg::Outcome::good;
    if (leg.untracked && !good) object["untracked_by"] = describe(*leg.untracked, rule_text);
    return object;
}

[[nodiscard]] json describe_trial(const TrialPlaces& places, const TrialResult& result, const RuleText& rule_text) {
    json legs = json::array();
    for (const Leg& leg : result.legs) legs.push_back(describe_leg(leg, rule_text));
    json not_copied = json::array();
    for (const auto& refusal : result.not_copied) {
        not_copied.push_back({{"table", to_string(refusal.table)}, {"reason", refusal.reason}});
    }
    json object = {{"family", places.ipv6() ? "IPv6" : "IPv4"},
                   {"inside_interface", places.inside_interface},
                   {"outside_interface", places.outside_interface},
                   {"inside", places.inside.to_string()},
                   {"server", places.server.to_string()},
                   {"peer", places.peer.to_string()},
                   {"translated", result.translated},
                   {"not_copied", std::move(not_copied)},
                   {"legs", std::move(legs)}};
    if (!result.failure.empty()) object["failure"] = result.failure;
    if (!result.daemon_log.empty()) object["daemon_log"] = result.daemon_log;
    return object;
}

[[nodiscard]] int print_report(const json& report, bool as_json, const Teller& tell) {
    const std::string text = as_json ? to_safe_json(report) + '\n' : tell(report);
    if (!print_text(text)) return kExitFailed;
    const std::string result = report.at("result");
    if (result == "good") return kExitDone;
    return result == "unknown" ? kExitUnknown : kExitTrouble;
}

[[nodiscard]] json describe_finding(const Finding& finding) {
    return {{"severity", name(finding.severity)},
            {"name", finding.name},
            {"what", finding.what},
            {"why", finding.why},
            {"to_do", finding.to_do}};
}

[[nodiscard]] const char* result_of(const Findings& findings) {
    const auto has = [&findings](Finding::Severity severity) {
        return std::any_of(findings.begin(), findings.end(),
                           [severity](const Finding& one) { return one.severity == severity; });
    };
    if (has(Finding::Severity::failure)) return "failures";
    if (has(Finding::Severity::warning)) return "warnings";
    return has(Finding::Severity::unknown) ? "unknown" : "good";
}

[[nodiscard]] int run_doctor(const CheckArguments& arguments) {
    const Check check = begin_check(arguments);
    Findings findings;
    std::optional<nft::Features> features;
    NetworkNamespace().enter([&] { features = check_features(check.config, findings); });
    check_daemon(check.config, check.config_file, features, findings);
    check_interfaces(check.host, check.config, findings);
    check_forwarding(check.host, check.config, findings);
    check_conntrack(findings);
    check_other_gateways(check.rules, findings);
    check_ways_around(check.rules, findings);
    for (const std::string& problem : check.plan.problems) {
        findings.push_back(
            {Finding::Severity::unknown, "not_tried", problem, "Calls of these hosts were not tried.", {}});
    }
    json trials = json::array();
    RuleListing listing;
    const RuleText rule_text = [&listing](const nft::RulePlace& place) { return listing.text_of(place); };
    for (const TrialPlaces& places : check.plan.trials) {
        const TrialOptions options = options_for(check, places);
        const TrialResult result = try_calls(options, check.host, check.rules);
        judge_trial(result, options, check.rules, rule_text, findings);
        trials.push_back(describe_trial(places, result, rule_text));
    }
    // The gravest first.
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    json list = json::array();
    for (const Finding& finding : findings) list.push_back(describe_finding(finding));
    return print_report({{"findings", std::move(list)}, {"trials", std::move(trials)}, {"result", result_of(findings)}},
                        arguments.json, tell_doctor);
}

[[nodiscard]] int run_selftest(const CheckArguments& arguments) {
    const Check check = begin_check(arguments);
    json trials = json::array();
    bool bad = false;
    bool unknown = !check.plan.problems.empty();
    RuleListing listing;
    const RuleText rule_text = [&listing](const nft::RulePlace& place) { return listing.text_of(place); };
    for (const TrialPlaces& places : check.plan.trials) {
        const TrialResult result = try_calls(options_for(check, places), check.host, check.rules);
        const auto has = [&result](Leg::Outcome outcome) {
            return std::any_of(result.legs.begin(), result.legs.end(),
                               [outcome](const Leg& leg) { return leg.outcome == outcome; });
        };
        bad = bad || !result.failure.empty() || has(Leg::Outcome::bad);
        unknown = unknown || has(Leg::Outcome::unknown) || !result.not_copied.empty();
        trials.push_back(describe_trial(places, result, rule_text));
    }
    const char* result = bad ? "failures" : (unknown ? "unknown" : "good");
    return print_report({{"trials", std::move(trials)}, {"problems", check.plan.problems}, {"result", result}},
                        arguments.json, tell_selftest);
}

[[nodiscard]] int run_or_complain(const CheckArguments& arguments, int (*check)(const CheckArguments& arguments)) {
    int signal = 0;
    try {
        const Interruption interruption;
        return check(arguments);
    } catch (const UsageError& error) {
        fmt::print(stderr, "messenger-algctl: {}\n", error.what());
        return kExitUsage;
    } catch (const Interrupted& interrupted) {
        signal = interrupted.signal();
    }
    // As if it had not been held up.
    static_cast<void>(::raise(signal));
    return kExitFailed;
}

void add_check(CLI::App& app, Run& run, const char* name, const char* description,
               int (*check)(const CheckArguments& arguments)) {
    CLI::App* command = app.add_subcommand(name, description);
    const auto arguments = std::make_shared<CheckArguments>();
    const auto option = [&](const char* flag, std::string& to, const char* text, const char* type) {
        command->add_option(flag, to, text)->type_name(type);
    };
    command->add_flag("--json", arguments->json, "JSON on one line, for programs.");
    option("--config", arguments->config, "The configuration to check. Default: the host's own.", "FILE");
    option("--inside-interface", arguments->inside_interface, "Where the calling host is. Default: found out.", "NAME");
    option("--outside-interface", arguments->outside_interface, "Where its calls go. Default: found out.", "NAME");
    option("--inside", arguments->inside, "The address of the calling host. Default: a high one of its network.",
           "ADDRESS");
    option("--server", arguments->server, "The address of the SIP server, if your rules name it.", "ADDRESS");
    option("--peer", arguments->peer, "The address of the called host, if your rules name it.", "ADDRESS");
    option("--daemon", arguments->daemon, "The messenger-algd to try. Default: the installed one.", "FILE");
    command->callback(
        [arguments, check, &run] { run = [arguments, check] { return run_or_complain(*arguments, check); }; });
}

}  // namespace

void add_check_commands(CLI::App& app, Run& run) {
    add_check(app, run, "doctor",
              "What is wrong with this host, as far as calls depend on it: why it matters, and what to do.",
              run_doctor);
    add_check(app, run, "selftest",
              "Calls through a copy of the live rules, in a network of their own: each step, and what stops it.",
              run_selftest);
}

}  // namespace messenger::daemon
