// SPDX-License-Identifier: GPL-2.0-or-later
// Messages cut short at every byte and with every bit turned, in calls: whatever is damaged, a pinhole leads only to
// the host that announced it, to a port that it names, and a damaged message of somebody else opens nothing but what
// was asked for.
//
// All of it takes too long for every day. MESSENGER_EVERY=1 tries everything, otherwise each so-many-th of the damages;
// the number is odd, so that all bits and places have their turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alg/call/contact.h"
#include "alg/engine.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

namespace fs = std::filesystem;
using testing::address;
using testing::endpoint;

constexpr std::size_t kEachSoMany = 1499;
constexpr std::uint16_t kSipPort = 5060;
constexpr std::uint16_t kOwnPort = 40000;
constexpr std::uint16_t kOwnPorts = 40;
constexpr std::size_t kLargestDatagram = 65507;

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// With line ends as on the wire.
std::vector<std::string> messages_in(const fs::path& folder) {
    std::set<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        const bool is_message = extension == ".sip" || extension == ".dat" || extension == ".txt" || extension.empty();
        if (entry.is_regular_file() && is_message) files.insert(entry.path());
    }
    std::vector<std::string> messages;
    for (const fs::path& file : files) {
        std::string text;
        for (const char c : contents(file)) {
            if (c == '\n' && (text.empty() || text.back() != '\r')) text += '\r';
            text += c;
        }
        if (!text.empty() && text.size() <= kLargestDatagram) messages.push_back(std::move(text));
    }
    return messages;
}

/// The numbers from 1 to 65535 that a text spells, each with the other one of its pair: RTP's even, RTCP's odd; or
/// RTCP's that follows.
std::set<std::uint16_t> ports_in(std::string_view text) {
    std::set<std::uint16_t> ports;
    for (std::size_t at = text.find_first_of("0123456789"); at != std::string_view::npos;
         at = text.find_first_of("0123456789", at)) {
        const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
        std::uint16_t port = 0;
        if (std::from_chars(text.data() + at, text.data() + end, port).ec == std::errc{}) {
            ports.insert(port);
            if (port < 65535) ports.insert(static_cast<std::uint16_t>(port + 1));
            if (port % 2 == 1) ports.insert(static_cast<std::uint16_t>(port - 1));
        }
        at = end;
    }
    return ports;
}

/// The conversation that a message is part of: a request is answered, a response answers.
class Setting {
   public:
    /// from_inside: who says the message at hand; what the other one says is sound.
    Setting(const std::string& message, bool from_inside) : from_inside_(from_inside) {
        SipMessageView view;
        const bool readable = view.parse(message, Limits{}).has_value();
        is_request_ = !readable || view.is_request();
        if (!from_inside) {
            std::swap(speaker_, listener_);
        } else if (readable) {
            take_place_of(view);
        }
        other_part_ = readable ? other_part(view) : "";
    }

    [[nodiscard]] IpAddress inside() const { return from_inside_ ? speaker_ : listener_; }
    [[nodiscard]] IpAddress outside() const { return from_inside_ ? listener_ : speaker_; }
    [[nodiscard]] bool from_inside() const { return from_inside_; }

    void play(std::string_view message, Transport transport, TimePoint now, Engine& engine, Plan& plan) const {
        Wire wire{transport, now, engine, plan, {speaker_, kSipPort}, {listener_, kSipPort}};
        wire.open();
        if (is_request_) wire.say(message, true);
        wire.say(other_part_, false);
        if (!is_request_) wire.say(message, true);
    }

   private:
    struct Wire {
        Transport transport;
        TimePoint now;
        Engine& engine;
        Plan& plan;
        Endpoint speaker, listener;

        void open() {
            if (transport == Transport::udp) return;
            const testing::TcpSegment syn{.sequence = 999, .syn = true};
            const testing::TcpSegment syn_ack{.sequence = 999, .acknowledgement = 1000, .syn = true, .ack = true};
            give(testing::tcp_packet(speaker, listener, syn, ""));
            give(testing::tcp_packet(listener, speaker, syn_ack, ""));
        }
        void say(std::string_view text, bool by_speaker) {
            const Endpoint& from = by_speaker ? speaker : listener;
            const Endpoint& to = by_speaker ? listener : speaker;
            const testing::TcpSegment fields{.sequence = 1000, .ack = true, .psh = true};
            give(transport == Transport::udp ? testing::udp_packet(from, to, text)
                                             : testing::tcp_packet(from, to, fields, text));
        }
        void give(const testing::Bytes& packet) {
            engine.on_packet(testing::exact_copy(packet), false, now, plan);
            ASSERT_EQ(plan.verdict, Verdict::accept);
        }
    };

    /// An inside host may announce its own address alone, so it is the one that the message announces.
    void take_place_of(const SipMessageView& view) {
        SdpView description;
        if (!description.parse(view.body(), Limits{})) return;
        for (const SdpMedia& media : description.media()) {
            if (media.connection.kind != SdpConnection::Kind::address) continue;
            speaker_ = media.connection.address;
            if (!speaker_.is_v4()) listener_ = address("2001:db8:2::99");
        }
    }

    /// With a description that has the media of the message at hand, at ports of the other one's own.
    [[nodiscard]] std::string other_part(const SipMessageView& view) const {
        std::string media;
        std::uint16_t port = kOwnPort;
        std::istringstream lines{std::string(view.body())};
        for (std::string line; std::getline(lines, line) && port < kOwnPort + kOwnPorts;) {
            const std::size_t first = line.find(' ');
            if (line.substr(0, 2) != "m=" || first == std::string::npos) continue;
            while (!line.empty() && line.back() == '\r') line.pop_back();
            const std::size_t second = std::min(line.find(' ', first + 1), line.size());
            media += line.substr(0, first + 1) + std::to_string(port) + line.substr(second) + '\n';
            port = static_cast<std::uint16_t>(port + 2);
        }
        if (media.empty()) media = "m=audio " + std::to_string(kOwnPort) + " RTP/AVP 0\n";
        std::string start = "SIP/2.0 200 OK";
        std::string to(view.to());
        if (is_request_) {
            if (view.to_tag().empty()) to += ";tag=other";
        } else {
            start = std::string(view.method_text()) + " sip:b@x SIP/2.0";
            to = to.substr(0, to.find(";tag="));
        }
        return testing::wire(
            start + "\nVia: " + std::string(view.top_via()) + "\nFrom: " + std::string(view.from()) + "\nTo: " + to +
            "\nCall-ID: " + std::string(view.call_id()) + "\nCSeq: " + std::to_string(view.cseq()) + ' ' +
            std::string(view.method_text()) + "\nContact: <sip:other@" + listener_.to_string() +
            ">\nContent-Type: application/sdp\nContent-Length: *\n\n" + testing::sdp(listener_.to_string(), media));
    }

    bool from_inside_;
    bool is_request_ = true;
    IpAddress speaker_ = address("10.1.2.3");
    IpAddress listener_ = address("203.0.113.99");  // named by no message
    std::string other_part_;
};

/// One way of damaging a message: its first so many bytes, or one bit of it.
std::string damaged(const std::string& message, std::size_t number) {
    if (number < message.size()) return message.substr(0, number);
    std::string text = message;
    const std::size_t bit = number - message.size();
    text[bit / 8] = static_cast<char>(static_cast<unsigned char>(text[bit / 8]) ^ (1U << (bit % 8)));
    return text;
}

std::size_t damages(const std::string& message) {
    return message.size() * 9;
}

struct Tally {
    std::size_t tried = 0;
    std::size_t opened = 0;
};

/// One engine for all damages of a message; between them everything ends.
class Damage {
   public:
    explicit Damage(const std::string& message, bool from_inside)
        : setting_(message, from_inside), engine_(policy(setting_.inside()), Limits{}, HashKey{1, 2}) {}

    [[nodiscard]] std::size_t pinholes_of(std::string_view text, Transport transport) {
        setting_.play(text, transport, now_, engine_, plan_);
        const std::size_t count = check(text);
        for (auto next = engine_.next_expiry(); next; next = engine_.next_expiry()) {
            now_ = std::max(now_, *next);
            engine_.expire(*next, nullptr, plan_);
        }
        EXPECT_EQ(engine_.pinholes().size() + engine_.calls().size() + engine_.connections(), 0U) << text;
        now_ += std::chrono::hours(1);
        return count;
    }

   private:
    static Policy policy(const IpAddress& inside) {
        Policy policy;
        policy.inside.add(Prefix(inside, inside.is_v4() ? 32 : 128));
        return policy;
    }

    [[nodiscard]] std::size_t check(std::string_view text) {
        Plan open;
        engine_.snapshot(now_, open);
        const auto allowed = setting_.from_inside() ? ports_in(text) : own_ports();
        for (const PinholeChange& change : open.changes) {
            const PinholeKey& key = change.key;
            EXPECT_EQ(key.inside.address, setting_.inside()) << text;
            EXPECT_EQ(allowed.count(key.inside.port), 1U) << key.inside.port << " in\n" << text;
            EXPECT_GE(key.inside.port, 1024) << text;
            EXPECT_TRUE(!setting_.from_inside() || key.remote == setting_.outside()) << text;
        }
        for (const CallbackChange& change : open.callbacks) {
            EXPECT_EQ(change.inside.address, setting_.inside()) << text;
            // A peer may say where it calls from by itself.
            const bool said = !setting_.from_inside() && change.remote == contact_in(text);
            EXPECT_TRUE(change.remote == setting_.outside() || said) << text;
        }
        return open.changes.size() + open.callbacks.size();
    }

    static std::optional<IpAddress> contact_in(std::string_view text) {
        SipMessageView view;
        if (!view.parse(text, Limits{})) return std::nullopt;
        std::string_view contacts = view.value(HeaderId::contact);
        const auto contact = parse_contact(next_list_value(contacts), Transport::udp);
        return contact ? std::optional(contact->endpoint.address) : std::nullopt;
    }

    static std::set<std::uint16_t> own_ports() {
        std::set<std::uint16_t> ports;
        for (std::uint16_t port = kOwnPort; port < kOwnPort + kOwnPorts; ++port) ports.insert(port);
        return ports;
    }

    Setting setting_;
    Engine engine_;
    Plan plan_;
    TimePoint now_ = TimePoint{} + std::chrono::seconds(1);
};

Tally try_all(const std::vector<std::string>& messages) {
    const char* const asked = std::getenv("MESSENGER_EVERY");
    const std::size_t each = asked ? std::strtoul(asked, nullptr, 10) : kEachSoMany;
    Tally tally;
    std::size_t next = 0;  // counted over all messages, so that short ones have their turn too
    for (const std::string& message : messages) {
        for (const bool from_inside : {true, false}) {
            Damage damage(message, from_inside);
            for (const Transport transport : {Transport::udp, Transport::tcp}) {
                (void)damage.pinholes_of(message, transport);
                for (; next < damages(message); next += each) {
                    const std::size_t opened = damage.pinholes_of(damaged(message, next), transport);
                    ++tally.tried;
                    tally.opened += opened != 0 ? 1 : 0;
                    if (::testing::Test::HasFailure()) return tally;
                }
                next -= damages(message);
            }
        }
    }
    std::cout << messages.size() << " messages, " << tally.tried << " damages, after " << tally.opened
              << " of which something opened\n";
    return tally;
}

TEST(DamagedMessages, OfOurOwnOpenOnlyWhatTheirSenderNames) {
    std::vector<std::string> messages = messages_in(fs::path(MESSENGER_TEST_DATA) / "ipv6");
    const Tally tally = try_all(messages);
    EXPECT_GT(tally.opened, 10U) << "the conversations lead nowhere";
}

TEST(DamagedMessages, OfTheCorpusOpenOnlyWhatTheirSenderNames) {
    const fs::path corpus = MESSENGER_CORPUS;
    if (!fs::is_directory(corpus)) GTEST_SKIP() << "no corpus at " << corpus << ": its messages not tried";
    std::vector<std::string> messages;
    for (const char* folder : {"torture", "malformed", "microsoft"}) {
        for (std::string& message : messages_in(corpus / folder)) messages.push_back(std::move(message));
    }
    EXPECT_GT(messages.size(), 200U);
    const Tally tally = try_all(messages);
    EXPECT_GT(tally.opened, 100U) << "the conversations lead nowhere";
}

}  // namespace
}  // namespace messenger::alg
