// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/event_buffer.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "alg/nat/changed_lines.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using testing::endpoint;

const alg::FlowTuple kTuple{endpoint("10.1.2.3", 5060), endpoint("203.0.113.9", 5061), alg::Transport::tcp};
const alg::PinholeKey kKey{alg::Transport::udp, false, endpoint("2001:db8::1", 40000),
                           *alg::IpAddress::parse("2001:db8::2")};
constexpr std::size_t kPlenty = 100'000;

[[nodiscard]] alg::MessageEvent invite() {
    alg::MessageEvent event;
    event.tuple = kTuple;
    event.request = true;
    event.method = "INVITE";
    event.request_uri = "sip:b@example.com";
    event.call_id = "c1";
    event.from = "a";
    event.to = "b";
    return event;
}

struct Kept {
    alg::TimePoint at;
    alg::Event event;
};

[[nodiscard]] std::vector<Kept> replay(const EventBuffer& buffer) {
    std::vector<Kept> kept;
    buffer.replay({"call", "from", "to"}, [&kept](alg::TimePoint at, const alg::Event& event) {
        kept.push_back({at, event});
    });
    return kept;
}

TEST(EventBuffer, GivesBackWhatItWasGiven) {
    EventBuffer buffer;
    const alg::TimePoint start(5s);
    buffer.append(invite(), start, kPlenty);
    alg::MediaEvent media;
    media.tuple = kTuple;
    media.answer = true;
    media.kind = alg::MediaKind::video;
    media.direction = alg::MediaDirection::recvonly;
    media.port = 4242;
    media.media = "video";
    media.protocol = "RTP/AVP";
    media.address = "203.0.113.9";
    buffer.append(media, start, kPlenty);
    buffer.append(alg::OpenEvent{kKey, {alg::MediaKind::video, alg::PortRole::rtcp}, 60s, true, "c1"}, start + 1s,
                  kPlenty);
    buffer.append(alg::CloseEvent{kKey, {alg::MediaKind::video, alg::PortRole::rtcp}, alg::CloseReason::evicted, "c1"},
                  start + 2s, kPlenty);
    alg::RefuseEvent refuse;
    refuse.reason = alg::RefuseReason::low_port;
    refuse.error = alg::Error::too_large;
    refuse.tuple = kTuple;
    refuse.announced = kTuple.source.address;
    refuse.port = 80;
    buffer.append(refuse, start + 3s, kPlenty);

    const auto kept = replay(buffer);
    ASSERT_EQ(kept.size(), 5U);
    const auto& message = std::get<alg::MessageEvent>(kept[0].event);
    EXPECT_EQ(kept[0].at, start);
    EXPECT_EQ(message.tuple, kTuple);
    EXPECT_EQ(message.method, "INVITE");
    EXPECT_EQ(message.request_uri, "sip:b@example.com");
    EXPECT_EQ(message.call_id, "call");
    EXPECT_EQ(message.from, "from");
    const auto& line = std::get<alg::MediaEvent>(kept[1].event);
    EXPECT_TRUE(line.answer);
    EXPECT_EQ(line.kind, alg::MediaKind::video);
    EXPECT_EQ(line.direction, alg::MediaDirection::recvonly);
    EXPECT_EQ(line.port, 4242);
    EXPECT_EQ(line.address, "203.0.113.9");
    const auto& open = std::get<alg::OpenEvent>(kept[2].event);
    EXPECT_EQ(open.key, kKey);
    EXPECT_EQ(open.timeout, alg::Duration(60s));
    EXPECT_TRUE(open.remote_is_private);
    EXPECT_EQ(open.call_id, "call");
    EXPECT_EQ(std::get<alg::CloseEvent>(kept[3].event).reason, alg::CloseReason::evicted);
    const auto& refusal = std::get<alg::RefuseEvent>(kept[4].event);
    EXPECT_EQ(refusal.reason, alg::RefuseReason::low_port);
    EXPECT_EQ(refusal.announced, kTuple.source.address);
    EXPECT_EQ(refusal.port, 80);
    EXPECT_EQ(kept[4].at, start + 3s);
}

TEST(EventBuffer, CutsLongTexts) {
    EventBuffer buffer;
    alg::MessageEvent event = invite();
    const std::string uri(100'000, 'u');
    event.request_uri = uri;
    buffer.append(event, {}, kPlenty);
    const auto kept = replay(buffer);
    const auto shown = std::get<alg::MessageEvent>(kept.at(0).event).request_uri;
    EXPECT_EQ(shown, uri.substr(0, shown.size()));
    EXPECT_LT(buffer.memory(), 1000U);
}

TEST(EventBuffer, KeepsTheLinesThatAnEditChanges) {
    const std::string text =
        "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.2.3\r\nContact: <sip:10.1.2.3>\r\n\r\n"
        "c=IN IP4 10.1.2.3\r\nm=audio 5000 RTP/AVP 0\r\na=last 10.1.2.3";
    alg::EditList edits;
    edits.begin(text);
    const auto replace = [&](std::string_view what, std::size_t from, std::string_view with) {
        edits.replace(std::string_view(text).substr(text.find(what, from), what.size()), with);
    };
    replace("10.1.2.3", text.find("Contact"), "192.0.2.1:5060");
    replace("10.1.2.3", text.find("c="), "192.0.2.1");
    replace("audio", 0, "video");
    replace("5000", 0, "40000");
    replace("10.1.2.3", text.find("last"), "");
    EventBuffer buffer;
    alg::EditEvent event;
    event.tuple = kTuple;
    event.edits = &edits;
    buffer.append(event, {}, kPlenty);
    buffer.append(invite(), {}, kPlenty);
    std::size_t seen = 0;
    buffer.replay({"call", "from", "to"}, [&](alg::TimePoint, const alg::Event& one) {
        if (seen++ > 0) return;
        const auto& kept = std::get<alg::EditEvent>(one);
        EXPECT_EQ(kept.tuple, kTuple);
        EXPECT_EQ(kept.call_id, "call");
        EXPECT_EQ(kept.edits->size(), edits.size());
        std::string lines;
        for (const alg::ChangedLine& line : alg::changed_lines(*kept.edits)) {
            lines += (line.added ? "+" : "-") + line.text + '\n';
        }
        EXPECT_EQ(lines,
                  "-Contact: <sip:10.1.2.3>\n+Contact: <sip:192.0.2.1:5060>\n"
                  "-c=IN IP4 10.1.2.3\n+c=IN IP4 192.0.2.1\n"
                  "-m=audio 5000 RTP/AVP 0\n+m=video 40000 RTP/AVP 0\n"
                  "-a=last 10.1.2.3\n+a=last \n");
    });
    EXPECT_EQ(seen, 2U);
}

TEST(EventBuffer, BoundsWhatItKeepsOfAnEdit) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "a=candidate 10.1.2.3 " + std::to_string(i) + "\r\n";
    alg::EditList edits;
    edits.begin(text);
    for (std::size_t at = text.find("10.1.2.3"); at != std::string::npos; at = text.find("10.1.2.3", at + 1)) {
        edits.replace(std::string_view(text).substr(at, 8), "192.0.2.100");
    }
    ASSERT_EQ(edits.size(), 200U);
    EventBuffer buffer;
    alg::EditEvent event;
    event.edits = &edits;
    buffer.append(event, {}, kPlenty);
    EXPECT_LT(buffer.memory(), 3000U);
    buffer.replay({}, [](alg::TimePoint, const alg::Event& one) {
        const auto& kept = *std::get<alg::EditEvent>(one).edits;
        EXPECT_GT(kept.size(), 10U);
        EXPECT_LT(kept.size(), 40U);
        std::string after;
        kept.apply(after);
        EXPECT_EQ(after.substr(0, 27), "a=candidate 192.0.2.100 0\r\n");
    });
}

TEST(EventBuffer, KeepsDecisionsWhereMessagesFindNoRoom) {
    EventBuffer buffer;
    constexpr std::size_t kLimit = 1000;
    for (int i = 0; i < 100; ++i) buffer.append(invite(), {}, kLimit);
    const std::size_t messages = replay(buffer).size();
    EXPECT_LT(messages, 20U);
    EXPECT_EQ(buffer.left_out(), 100 - messages);
    buffer.append(alg::OpenEvent{kKey, {}, 60s, false, "c1"}, {}, kLimit);
    EXPECT_EQ(replay(buffer).size(), messages + 1);
    for (int i = 0; i < 100; ++i) buffer.append(alg::OpenEvent{kKey, {}, 60s, false, "c1"}, {}, kLimit);
    EXPECT_LT(buffer.memory(), 4 * kLimit);
    EXPECT_EQ(buffer.left_out() + replay(buffer).size(), 201U);
}

}  // namespace
}  // namespace messenger::daemon
