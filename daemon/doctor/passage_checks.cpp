// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/passage_checks.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "daemon/doctor/remedy.h"

namespace messenger::daemon {

namespace {

using Severity = Finding::Severity;

/// What stands behind the name of a leg.
struct LegMeaning {
    std::string_view leg;
    std::string_view finding;
    std::string_view what;
    std::string_view why;
    Wanted wanted;
};

constexpr std::array kMeanings{
    LegMeaning{"signalling_out", "signalling_blocked", "SIP from inside does not get out",
               "No call is made, with messenger-alg or without: it never replaces your own rule for SIP.",
               Wanted::signalling},
    LegMeaning{"register", "signalling_blocked", "SIP from inside does not get out", "No client can sign in.",
               Wanted::signalling},
    LegMeaning{"signalling_back", "answers_blocked", "the answers to SIP from inside do not come back",
               "Every call stays without an answer.", Wanted::established},
    LegMeaning{"registered", "answers_blocked", "the answers to SIP from inside do not come back",
               "No client can sign in.", Wanted::established},
    LegMeaning{"media_in", "media_in_blocked", "media from outside does not get in, though a call has announced it",
               "The inside user hears nothing.", Wanted::established},
    LegMeaning{"media_out", "media_out_blocked", "media from inside does not get out", "The peer hears nothing.",
               Wanted::established},
    LegMeaning{"rtcp_in", "media_in_blocked", "RTCP from outside does not get in", "Some clients end such calls.",
               Wanted::established},
    LegMeaning{"rtcp_out", "media_out_blocked", "RTCP from inside does not get out", "Some peers end such calls.",
               Wanted::established},
    LegMeaning{"callback", "callback_blocked", "a registrar's call on a connection of its own does not get in",
               "Clients of such servers (Live Communications Server over TCP) are not called.", Wanted::established},
};

[[nodiscard]] const LegMeaning* meaning_of(const Leg& leg) {
    // A TCP connection from inside that is not made, for its answers do not come back.
    const bool begins = leg.name == "signalling_out" || leg.name == "register";
    const bool answer = begins && leg.culprit && leg.culprit->from_outside;
    const std::string_view name = answer ? "signalling_back" : std::string_view(leg.name);
    const auto found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                    [name](const LegMeaning& meaning) { return meaning.leg == name; });
    return found == kMeanings.end() ? nullptr : &*found;
}

/// Signalling reaches the daemon unmarked; what it lets pass is known by conntrack, or by the mark.
[[nodiscard]] Wanted wanted_for(const LegMeaning& meaning, const Config& config) {
    const bool media = meaning.finding != "answers_blocked";
    if (meaning.wanted == Wanted::established && media && config.passage.mode == Passage::mark) return Wanted::marked;
    return meaning.wanted;
}

class Judge {
   public:
    Judge(const TrialResult& trial, const TrialOptions& options, const nft::RulesetCopy& rules,
          const RuleText& rule_text, Findings& findings)
        : trial_(trial), options_(options), rules_(rules), rule_text_(rule_text), findings_(findings) {}

    void judge() {
        if (!trial_.failure.empty()) {
            add(Severity::unknown, "not_tried", "no call could be tried" + where() + ": " + trial_.failure,
                "Whether calls pass your rules is not known.", {});
            return;
        }
        for (const auto& refusal : trial_.not_copied) {
            add(Severity::unknown, "not_copied",
                fmt::format("table {} could not be copied ({})", to_string(refusal.table), refusal.reason),
                "What it stops is not tried here: calls may fail that passed without it.", {});
        }
        // First: where addresses are not edited, media fails as well.
        judge_translation();
        for (const Leg& leg : trial_.legs) judge(leg);
    }

   private:
    [[nodiscard]] std::string where() const {
        const TrialPlaces& places = options_.places;
        return fmt::format(" ({}, {} to {})", places.ipv6() ? "IPv6" : "IPv4", places.inside_interface,
                           places.outside_interface);
    }
    void add(Severity severity, std::string_view name, std::string what, std::string_view why,
             std::vector<std::string> to_do) {
        // One cause, one finding: UDP and TCP, RTP and RTCP mostly meet the same rule.
        const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const Finding& one) {
            return one.name == name && one.to_do == to_do && (severity != Severity::unknown || one.what == what);
        });
        if (!known)
            findings_.push_back({severity, std::string(name), std::move(what), std::string(why), std::move(to_do)});
    }
    void judge(const Leg& leg) {
        if (leg.outcome == Leg::Outcome::good || leg.outcome == Leg::Outcome::not_tried) return;
        if (leg.name == "unannounced") {
            add(Severity::warning, "open_firewall", "media from outside gets in though no call announced it" + where(),
                "Your rules let everybody in, so there is nothing that messenger-alg could open or keep shut.",
                {"# let the forward chain drop what is neither established nor from inside"});
            return;
        }
        if (leg.name == "closed") {
            add(Severity::failure, "not_closed", "media still gets in after the end of its call" + where(),
                "A pinhole outlives its call. Please report this, with messenger-algctl selftest --json.", {});
            return;
        }
        const LegMeaning* meaning = meaning_of(leg);
        if (meaning == nullptr) return;
        std::string what = fmt::format("{}{}, over {}", meaning->what, where(), leg.transport);
        if (leg.outcome == Leg::Outcome::unknown) {
            add(Severity::unknown, meaning->finding, what + ": cannot tell, for " + describe(*leg.culprit, rule_text_),
                "That rule hands packets to another program, which decides.", {});
        } else if (leg.culprit && !leg.culprit->ours) {
            judge_stopped(leg, *meaning, std::move(what));
        } else {
            what += ": " + (leg.culprit ? "our own table stops it" : leg.detail);
            if (leg.untracked) what += "; conntrack does not see it, for " + describe(*leg.untracked, rule_text_);
            add(Severity::failure, meaning->finding, std::move(what), meaning->why,
                {"messenger-algctl selftest    # leg by leg, with the daemon's log",
                 "# no rule stops it: routes, ip_forward, rp_filter, or connections that conntrack does not see "
                 "(notrack)"});
        }
    }
    /// By a rule of others.
    void judge_stopped(const Leg& leg, const LegMeaning& meaning, std::string what) {
        const Wanted wanted = wanted_for(meaning, options_.config);
        const Culprit& culprit = *leg.culprit;
        const Config& config = options_.config;
        what += ": " + describe(culprit, rule_text_) + " stops it";
        if (wanted != Wanted::established) {
            add(Severity::failure, meaning.finding, std::move(what), meaning.why,
                remedy_for(wanted, culprit, rules_, config, options_.places));
            return;
        }
        const bool media = meaning.finding != "answers_blocked";
        if (const auto untracked = untracked_of(leg, media)) {
            what += ". To conntrack it belongs to no connection, for " + describe(*untracked, rule_text_) +
                    " keeps it from there";
            add(Severity::failure, meaning.finding, std::move(what), meaning.why,
                media ? remedy_by_mark(culprit, rules_, config, options_.places)
                      : remedy_for_untracked(*untracked, rules_, config, options_.places));
            return;
        }
        if (const auto accepting = accepted_before(culprit)) {
            what += fmt::format(". To conntrack it belongs to no connection, for \"{}\" in chain {} comes before",
                                *accepting, culprit.base_chain);
            add(Severity::failure, meaning.finding, std::move(what), meaning.why,
                {"nft list ruleset | grep -n -e 'ct zone' -e notrack    # what keeps the two directions apart",
                 "conntrack -S    # insert_failed, drop: entries that could not be made"});
            return;
        }
        add(Severity::failure, meaning.finding, std::move(what), meaning.why,
            remedy_for(wanted, culprit, rules_, config, options_.places));
    }
    /// What kept it from conntrack; of an answer, also what it answers.
    [[nodiscard]] std::optional<Culprit> untracked_of(const Leg& leg, bool media) const {
        if (leg.untracked || media) return leg.untracked;
        for (const Leg& other : trial_.legs) {
            const bool begins = other.name == "signalling_out" || other.name == "register";
            if (begins && other.transport == leg.transport && other.untracked) return other.untracked;
        }
        return std::nullopt;
    }
    /// A rule that accepts established connections and comes before the one that stopped the packet: as far as can be
    /// seen, so among those of the base chain that lead to no other chain.
    [[nodiscard]] std::optional<std::string> accepted_before(const Culprit& culprit) const {
        for (const nft::RulePlace& rule : rules_.rules()) {
            if (rule.table != culprit.place.table || rule.chain != culprit.base_chain) continue;
            if (rule == culprit.place) break;
            std::string text = rule_text_(rule);
            if (accepts_established(text)) return text;
            if (text.find("jump ") != std::string::npos || text.find("goto ") != std::string::npos) break;
        }
        return std::nullopt;
    }
    void judge_translation() {
        const bool tried = std::any_of(trial_.legs.begin(), trial_.legs.end(), [](const Leg& leg) {
            return leg.name == "signalling_out" && leg.outcome == Leg::Outcome::good;
        });
        if (!tried) return;
        const std::string& outside = options_.places.outside_interface;
        const auto& named = options_.config.nat.interfaces;
        const bool expected = !options_.places.ipv6() && std::find(named.begin(), named.end(), outside) != named.end();
        if (trial_.translated && !expected) {
            add(Severity::failure, "nat_not_configured",
                fmt::format("your rules hide the inside hosts at {}, and nat.interfaces does not name it", outside),
                "SIP names addresses that nobody outside reaches: calls have no media from outside.",
                {"# in messenger-alg.toml:", "[nat]", fmt::format("interfaces = [\"{}\"]", outside),
                 "systemctl restart messenger-alg"});
        } else if (!trial_.translated && expected) {
            add(Severity::warning, "nat_without_masquerade",
                fmt::format("nat.interfaces names {}, and no rule hides the inside hosts there", outside),
                "Nothing is edited, which is right only if that network routes back to the inside hosts.",
                {fmt::format("# masquerade at {}, or take it out of nat.interfaces", outside)});
        }
    }

    const TrialResult& trial_;
    const TrialOptions& options_;
    const nft::RulesetCopy& rules_;
    const RuleText& rule_text_;
    Findings& findings_;
};

}  // namespace

std::string describe(const Culprit& culprit, const RuleText& rule_text) {
    const std::string chain = fmt::format("chain {} of table {}", culprit.place.chain, to_string(culprit.place.table));
    if (culprit.place.handle == 0) return "the policy of " + chain;
    const std::string text = rule_text(culprit.place);
    return fmt::format("the rule \"{}\" (handle {}) in {}", text.empty() ? "?" : text, culprit.place.handle, chain);
}

void judge_trial(const TrialResult& trial, const TrialOptions& options, const nft::RulesetCopy& rules,
                 const RuleText& rule_text, Findings& findings) {
    Judge(trial, options, rules, rule_text, findings).judge();
}

}  // namespace messenger::daemon
