// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/call_trial.h"

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "alg/base/text.h"
#include "daemon/trial/interruption.h"
#include "daemon/trial/packet_witness.h"
#include "daemon/trial/sip_text.h"
#include "daemon/trial/trial_daemon.h"
#include "daemon/trial/trial_socket.h"

namespace messenger::daemon {

namespace {

using std::chrono::milliseconds;

constexpr std::uint16_t kUsualMedia = 40000;
constexpr std::uint16_t kPeerMedia = 50000;
constexpr std::uint16_t kContactPort = 5062;
constexpr milliseconds kSettle(30);  // from a BYE's answer to what it closes

[[nodiscard]] std::string_view name_of(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "tcp" : "udp";
}

/// An even port that the configuration lets clients use for media.
[[nodiscard]] std::uint16_t media_port(const Config& config) {
    const NumberRange& range = config.network.media_ports;
    const auto is_free = [&config](unsigned port) {
        const auto& taken = config.network.protected_ports;
        return std::find(taken.begin(), taken.end(), port) == taken.end();
    };
    if (range.contains(kUsualMedia) && range.contains(kUsualMedia + 1U)) return kUsualMedia;
    for (unsigned port = range.first + range.first % 2U; port + 1 <= range.last; port += 2) {
        if (is_free(port) && is_free(port + 1)) return static_cast<std::uint16_t>(port);
    }
    return range.first;
}

/// The legs of a trial in their order.
struct LegText {
    std::string_view name;
    std::string_view text;
};
constexpr std::array kLegTexts{
    LegText{"unannounced", "media from outside that no call announced is kept out"},
    LegText{"signalling_out", "INVITE from the inside host to the server"},
    LegText{"signalling_back", "the server's answer to the inside host"},
    LegText{"media_in", "RTP from the peer to the inside host, sent first"},
    LegText{"media_out", "RTP from the inside host to the peer"},
    LegText{"rtcp_in", "RTCP from the peer to the inside host"},
    LegText{"rtcp_out", "RTCP from the inside host to the peer"},
    LegText{"bye", "BYE and its answer"},
    LegText{"closed", "RTP from the peer after the BYE is kept out"},
    LegText{"register", "REGISTER from the inside host to its registrar"},
    LegText{"registered", "the registrar's answer to the inside host"},
    LegText{"callback", "the registrar calls the inside host at its Contact"},
};

[[nodiscard]] Leg make_leg(const LegText& text, std::string_view transport) {
    Leg leg;
    leg.name = text.name;
    leg.transport = transport;
    leg.text = text.text;
    return leg;
}

/// What every call of a trial works with.
struct Stage {
    const TrialOptions& options;
    const ScratchNetwork& network;
    PacketWitness& witness;
    TrialResult& result;
};

/// The legs of one call, in order. Each builds on those before it.
class TrialCall {
   public:
    TrialCall(const Stage& stage, alg::Transport transport, unsigned number)
        : stage_(stage),
          transport_(transport),
          sip_port_(stage.options.config.sip.ports.front()),
          call_id_(fmt::format("trial-{}-{}", name_of(transport), number)),
          caller_{{places().inside, sip_port_}, transport, "inside", "a"},
          callee_{{places().server, sip_port_}, transport, "server", "b"} {
        const std::uint16_t media = media_port(stage.options.config);
        in([&] {
            inside_rtp_.emplace(alg::Endpoint{places().inside, media});
            inside_rtcp_.emplace(alg::Endpoint{places().inside, static_cast<std::uint16_t>(media + 1)});
            inside_sip_.emplace(caller_.own);
        });
        out([&] {
            peer_rtp_.emplace(alg::Endpoint{places().peer, kPeerMedia});
            peer_rtcp_.emplace(alg::Endpoint{places().peer, kPeerMedia + 1});
            server_sip_.emplace(callee_.own);
            if (is_tcp()) server_listener_.emplace(callee_.own);
        });
        outside_media_ = inside_rtp_->own();
    }

    void run() {
        const bool keeps_out =
            leg("unannounced", [this] { return !arrives(*peer_rtp_, outside_media_, *inside_rtp_); });
        if (!leg("signalling_out", [this] { return invite(); })) return;
        if (!leg("signalling_back", [this] { return answer(); })) return;
        media("media_in", *peer_rtp_, outside_media_, *inside_rtp_);
        media("media_out", *inside_rtp_, peer_rtp_->own(), *peer_rtp_);
        media("rtcp_in", *peer_rtcp_, next(outside_media_), *inside_rtcp_);
        media("rtcp_out", *inside_rtcp_, peer_rtcp_->own(), *peer_rtcp_);
        if (!leg("bye", [this] { return hang_up(); })) return;
        // Where the rules let everybody in, there is nothing that a call could open or close.
        if (!keeps_out) return;
        leg("closed", [this] { return !arrives(*peer_rtp_, outside_media_, *inside_rtp_); });
    }
    /// A registration, and the registrar that calls the client on a flow of its own.
    void run_callback() {
        if (!leg("register", [this] { return sign_in(); })) return;
        if (!leg("registered", [this] { return signed_in(); })) return;
        leg("callback", [this] { return call_back(); });
    }

   private:
    [[nodiscard]] const TrialPlaces& places() const { return stage_.options.places; }
    [[nodiscard]] bool is_tcp() const { return transport_ == alg::Transport::tcp; }
    template <class Work>
    void in(Work work) const {
        stage_.network.inside().enter(work);
    }
    template <class Work>
    void out(Work work) const {
        stage_.network.outside().enter(work);
    }
    [[nodiscard]] static alg::Endpoint next(alg::Endpoint endpoint) {
        ++endpoint.port;
        return endpoint;
    }

    /// work: true if the leg is as it should be.
    template <class Work>
    bool leg(std::string_view name, Work work) {
        Leg leg = make_leg(*std::find_if(kLegTexts.begin(), kLegTexts.end(),
                                         [name](const LegText& text) { return text.name == name; }),
                           name_of(transport_));
        detail_.clear();
        const bool good = work();
        leg.outcome = good ? Leg::Outcome::good : Leg::Outcome::bad;
        leg.untracked = stage_.witness.take_untracked();
        if (!good) {
            leg.detail = detail_;
            leg.culprit = stage_.witness.culprit();
            if (leg.culprit && leg.culprit->to_other_program) leg.outcome = Leg::Outcome::unknown;
        }
        stage_.result.legs.push_back(std::move(leg));
        return good;
    }
    void media(const char* name, const UdpPort& from, const alg::Endpoint& to, const UdpPort& at) {
        leg(name, [&] { return arrives(from, to, at); });
    }

    /// See PacketWitness::passes.
    [[nodiscard]] bool passes(const std::function<void()>& send, const PacketWitness::Arrived& arrived) {
        const bool passed = stage_.witness.passes(send, arrived);
        if (!passed && !stage_.witness.culprit()) detail_ = "it did not arrive, and no rule stopped it";
        return passed;
    }
    [[nodiscard]] bool arrives(const UdpPort& from, const alg::Endpoint& to, const UdpPort& at) {
        // A packet that is like RTP: version 2, and no two the same.
        const std::string packet = fmt::format("\x80{}trial {}", '\0', ++packets_);
        return passes([&] { from.send(to, packet); },
                      [&](milliseconds patience) {
                          const auto got = at.receive(patience);
                          return got && got->bytes == packet;
                      });
    }

    // Signalling. Over TCP everything of a call is on the caller's connection.

    /// From the inside host; true when the server has it, in received_.
    [[nodiscard]] bool to_server(const std::string& message) {
        return passes(
            [&] {
                if (is_tcp()) {
                    caller_stream_.send(message);
                } else {
                    inside_sip_->send(callee_.own, message);
                }
            },
            [&](milliseconds patience) {
                return is_tcp() ? take(server_stream_, patience) : take(*server_sip_, patience);
            });
    }
    [[nodiscard]] bool to_inside(const std::string& message) {
        return passes(
            [&] {
                if (is_tcp()) {
                    server_stream_.send(message);
                } else {
                    server_sip_->send(outside_sip_, message);
                }
            },
            [&](milliseconds patience) {
                return is_tcp() ? take(caller_stream_, patience) : take(*inside_sip_, patience);
            });
    }
    [[nodiscard]] bool take(const UdpPort& port, milliseconds patience) {
        auto got = port.receive(patience);
        if (!got || got->bytes.find(call_id_) == std::string::npos) return false;
        received_ = std::move(got->bytes);
        from_ = got->from;
        return true;
    }
    [[nodiscard]] bool take(SipStream& stream, milliseconds patience) {
        auto got = stream.receive(patience);
        if (!got) return false;
        received_ = *std::move(got);
        return true;
    }
    void connect_caller() {
        const alg::Endpoint any_port{places().inside, 0};
        in([&] { caller_stream_ = SipStream(any_port, callee_.own); });
    }
    /// TCP: makes the connection from the inside host. UDP needs none.
    [[nodiscard]] bool connect() {
        if (!is_tcp()) return true;
        const bool connected = passes([this] { connect_caller(); },
                                      [this](milliseconds patience) {
                                          auto accepted = server_listener_->accept(patience);
                                          if (!accepted) return false;
                                          server_stream_ = *std::move(accepted);
                                          return true;
                                      });
        if (connected) from_ = server_listener_->peer();
        return connected;
    }

    [[nodiscard]] SipRequest request_of(std::string method, std::string target) const {
        SipRequest request;
        request.method = std::move(method);
        request.target = std::move(target);
        request.call_id = call_id_;
        return request;
    }
    [[nodiscard]] bool invite() {
        SipRequest request = request_of("INVITE", fmt::format("sip:server@{}", callee_.own.to_string()));
        request.body = write_sdp(inside_rtp_->own());
        if (!connect() || !to_server(write_request(caller_, callee_, request))) return false;
        outside_sip_ = from_;
        invite_ = received_;
        stage_.result.translated = from_.address != places().inside;
        outside_media_ = {from_.address, media_port_of(received_)};
        if (outside_media_.port == 0) outside_media_.port = inside_rtp_->own().port;
        return true;
    }
    [[nodiscard]] bool answer() {
        return to_inside(write_response(invite_, 200, callee_, write_sdp(peer_rtp_->own())));
    }
    [[nodiscard]] bool hang_up() {
        const std::string target = fmt::format("sip:server@{}", callee_.own.to_string());
        for (const auto& [method, cseq] : {std::pair{"ACK", 1U}, std::pair{"BYE", 2U}}) {
            SipRequest request = request_of(method, target);
            request.to_tag = callee_.tag;
            request.cseq = cseq;
            if (!to_server(write_request(caller_, callee_, request))) return false;
        }
        if (!to_inside(write_response(received_, 200, callee_, ""))) return false;
        static_cast<void>(inside_rtp_->receive(kSettle));
        return true;
    }

    [[nodiscard]] bool sign_in() {
        // A client of Messenger: it calls from one port and waits for calls at another.
        SipParty client = caller_;
        if (is_tcp()) client.own.port = kContactPort;
        SipRequest request = request_of("REGISTER", fmt::format("sip:{}", callee_.own.to_string()));
        request.extra = "Expires: 600\r\n";
        if (!connect() || !to_server(write_request(client, caller_, request))) return false;
        outside_sip_ = from_;
        contact_ = contact_of(received_);
        return true;
    }
    [[nodiscard]] bool signed_in() { return to_inside(write_response(received_, 200, callee_, "")); }
    [[nodiscard]] bool call_back() {
        // The Contact as the registrar has it: with NAT, one of the gateway's outside ports.
        std::string_view at = contact_;
        at = at.substr(at.find('@') + 1);
        at = at.substr(0, at.find(';'));
        const auto port = alg::Endpoint{outside_sip_.address, port_of(at)};
        std::optional<TcpListener> listener;
        std::optional<SipStream> stream;
        const SipRequest request = request_of("OPTIONS", contact_);
        const std::string message = write_request(callee_, caller_, request);
        if (is_tcp()) in([&] { listener.emplace(alg::Endpoint{places().inside, kContactPort}); });
        std::optional<UdpPort> other;
        if (!is_tcp()) out([&] { other.emplace(alg::Endpoint{places().server, kContactPort}); });
        return passes(
            [&] {
                if (is_tcp()) {
                    out([&] { stream.emplace(alg::Endpoint{places().server, 0}, port); });
                } else {
                    other->send(port, message);
                }
            },
            [&](milliseconds patience) {
                return is_tcp() ? listener->accept(patience).has_value() : take(*inside_sip_, patience);
            });
    }
    [[nodiscard]] std::uint16_t port_of(std::string_view host_port) const {
        const std::size_t colon = host_port.rfind(':');
        if (colon == std::string_view::npos) return sip_port_;
        const auto port = alg::parse_number(host_port.substr(colon + 1)).value_or(0);
        return port > 0 && port <= UINT16_MAX ? static_cast<std::uint16_t>(port) : sip_port_;
    }

    const Stage& stage_;
    alg::Transport transport_;
    std::uint16_t sip_port_;
    std::string call_id_;
    SipParty caller_;
    SipParty callee_;
    std::optional<UdpPort> inside_rtp_;
    std::optional<UdpPort> inside_rtcp_;
    std::optional<UdpPort> inside_sip_;
    std::optional<UdpPort> peer_rtp_;
    std::optional<UdpPort> peer_rtcp_;
    std::optional<UdpPort> server_sip_;
    std::optional<TcpListener> server_listener_;
    SipStream caller_stream_;
    SipStream server_stream_;
    std::string received_;         ///< the last message that arrived
    alg::Endpoint from_;           ///< and from where
    alg::Endpoint outside_sip_;    ///< the inside host's, as the server sees it
    alg::Endpoint outside_media_;  ///< where the peer sends media to
    std::string invite_;           ///< as the server has it
    std::string contact_;
    std::string detail_;
    unsigned packets_ = 0;
};

void add_what_was_not_tried(TrialResult& result, std::string_view transport) {
    for (const LegText& wanted : kLegTexts) {
        const bool there = std::any_of(result.legs.begin(), result.legs.end(), [&](const Leg& leg) {
            return leg.transport == transport && leg.name == wanted.name;
        });
        if (!there) result.legs.push_back(make_leg(wanted, transport));
    }
}

void run_trial(const TrialOptions& options, const LiveHost& host, const nft::RulesetCopy& rules, TrialResult& result) {
    const ScratchNetwork network(host, options.places);
    network.gateway().enter([&] {
        auto socket = nft::NetlinkSocket::open();
        if (!socket) throw std::runtime_error(socket.error().message());
        auto refused = rules.load(*socket);
        if (!refused) throw std::runtime_error(refused.error().message());
        result.not_copied = *std::move(refused);
    });
    PacketWitness witness(network.gateway(), rules, host.find_link(options.places.outside_interface)->index);
    const TrialFolder folder;
    const TrialDaemon daemon(options.daemon, options.config, folder, network.gateway());
    const Stage stage{options, network, witness, result};
    for (const alg::Transport transport : options.transports) {
        TrialCall(stage, transport, 1).run();
        TrialCall(stage, transport, 2).run_callback();
        add_what_was_not_tried(result, name_of(transport));
    }
    const bool failed = std::any_of(result.legs.begin(), result.legs.end(),
                                    [](const Leg& leg) { return leg.outcome == Leg::Outcome::bad; });
    if (failed) result.daemon_log = daemon.log();
}

}  // namespace

std::string_view name(Leg::Outcome outcome) {
    switch (outcome) {
        case Leg::Outcome::good: return "good";
        case Leg::Outcome::bad: return "bad";
        case Leg::Outcome::unknown: return "unknown";
        case Leg::Outcome::not_tried: break;
    }
    return "not_tried";
}

TrialResult try_calls(const TrialOptions& options, const LiveHost& host, const nft::RulesetCopy& rules) {
    TrialResult result;
    try {
        run_trial(options, host, rules, result);
    } catch (const std::runtime_error& error) {  // std::system_error is one
        result.failure = error.what();
    }
    // It reaches the programs that a trial starts as well, which fail then.
    Interruption::check();
    return result;
}

}  // namespace messenger::daemon
