// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/dialog.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "alg/base/text.h"
#include "alg/net/hash.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

// Not secret: the numbers go into the comments of kernel elements and must be the same after a restart. Nobody gains by
// a collision with a dialog of their own making; tables that strangers fill use a secret hash on top.
constexpr HashKey kStableKey{0x6d657373656e6765, 0x722d616c67206964};
constexpr std::size_t kMaxAgents = 8;
constexpr std::size_t kMaxPeers = 32;
constexpr std::size_t kMaxMediaPeers = 16;  // the last places are for those who send the dialog's requests

template <class List>
void add_address(List& list, const IpAddress& address, std::size_t most) {
    if (address.is_unspecified() || list.size() >= most) return;
    if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
}

}  // namespace

Tag make_tag(std::string_view text) {
    if (text.empty()) return 0;
    return std::max<Tag>(siphash(kStableKey, text), 1);
}

std::uint64_t make_branch(std::string_view top_via) {
    const auto via = parse_via(top_via);
    if (!via) return 0;
    // Host and port as they stand there: what comes behind them (received, rport) is the responder's.
    const auto begin = static_cast<std::size_t>(via->host.data() - top_via.data());
    const std::size_t end = std::min(top_via.find(';', begin), top_via.size());
    const Tag sent_by = make_tag(trim(top_via.substr(begin, end - begin)));
    return std::max<std::uint64_t>(
        dialog_key(sent_by, make_tag(find_parameter(via->parameters, "branch").value_or(std::string_view{}))), 1);
}

std::uint64_t make_call_key(std::string_view call_id) {
    return siphash(kStableKey, call_id);
}

std::uint64_t dialog_key(Tag left, Tag right) {
    const std::array<Tag, 2> tags{std::min(left, right), std::max(left, right)};
    std::array<char, sizeof tags> bytes{};
    std::memcpy(bytes.data(), tags.data(), sizeof tags);
    return siphash(kStableKey, {bytes.data(), bytes.size()});
}

FirstHop* Dialog::find_hop(std::uint64_t branch) {
    const auto found = std::find_if(first_hops.begin(), first_hops.end(),
                                    [branch](const FirstHop& hop) { return hop.branch == branch; });
    return found == first_hops.end() ? nullptr : &*found;
}

bool Dialog::is_tried() const {
    return std::any_of(first_hops.begin(), first_hops.end(),
                       [](const FirstHop& hop) { return hop.state == FirstHop::State::trying; });
}

bool Dialog::is_answered() const {
    return std::any_of(first_hops.begin(), first_hops.end(),
                       [](const FirstHop& hop) { return hop.state == FirstHop::State::answered; });
}

Agent* Dialog::agent(const IpAddress& host, Party party) {
    const auto found = std::find_if(agents.begin(), agents.end(),
                                    [&](const Agent& known) { return known.host == host && known.acts_for == party; });
    if (found != agents.end()) return &*found;
    if (agents.size() == kMaxAgents) return nullptr;
    agents.push_back({});
    agents.back().host = host;
    agents.back().acts_for = party;
    return &agents.back();
}

bool Dialog::has_host(const IpAddress& host) const {
    return std::any_of(agents.begin(), agents.end(), [&host](const Agent& known) { return known.host == host; });
}

IpAddress Dialog::peer_of(const IpAddress& host, Party party) const {
    const auto agent = std::find_if(agents.begin(), agents.end(),
                                    [&](const Agent& known) { return known.host == host && known.acts_for == party; });
    if (agent != agents.end() && !agent->peer.is_unspecified()) return agent->peer;
    IpAddress peer;
    for (const PinholeKey& key : restored) {
        if (key.inside.address != host || key.any_remote || key.remote == peer) continue;
        if (!peer.is_unspecified()) return {};  // one of two
        peer = key.remote;
    }
    return peer;
}

void Dialog::add_peer(const IpAddress& peer) {
    add_address(peers, peer, kMaxPeers);
}

void Dialog::add_media_peer(const IpAddress& peer) {
    add_address(peers, peer, kMaxMediaPeers);
}

bool Dialog::knows(const IpAddress& host) const {
    return agents.empty() || has_host(host) || std::find(peers.begin(), peers.end(), host) != peers.end();
}

}  // namespace messenger::alg
