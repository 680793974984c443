// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/sdp.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/allocation_count.h"
#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

using Kind = SdpConnection::Kind;

/// A description that lives as long as its view.
class Parsed {
   public:
    explicit Parsed(std::string_view text) : bytes_(text), result_(view_.parse(bytes_.text(), Limits{})) {}

    [[nodiscard]] std::string outcome() const { return result_ ? "ok" : std::string(name(result_.error())); }
    [[nodiscard]] const SdpView& view() const { return view_; }
    [[nodiscard]] const SdpMedia& media(std::size_t index = 0) const { return view_.media()[index]; }
    [[nodiscard]] std::string_view text() const { return bytes_.text(); }

   private:
    test::ExactBytes bytes_;
    SdpView view_;
    Expected<void> result_;
};

std::string outcome(std::string_view text) {
    return Parsed(text).outcome();
}

/// A session with one audio medium and these lines at its end.
std::string with_media_lines(std::string_view lines) {
    return "v=0\r\no=- 0 0 IN IP4 10.1.2.3\r\ns=session\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5350 RTP/AVP 0\r\n" +
           std::string(lines);
}

constexpr std::string_view kOffer =
    "v=0\r\n"
    "o=- 0 0 IN IP4 10.1.2.3\r\n"
    "s=session\r\n"
    "c=IN IP4 10.1.2.4\r\n"
    "b=CT:1000\r\n"
    "t=0 0\r\n"
    "m=audio 5350 RTP/AVP 97 0 101\r\n"
    "k=base64:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\r\n"
    "a=rtpmap:97 red/8000\r\n"
    "a=encryption:optional\r\n"
    "m=video 33792 RTP/AVP 34 31\r\n"
    "a=rtcp:33801\r\n"
    "m=application 1503 tcp msdata\r\n"
    "a=sendonly\r\n";

TEST(Sdp, ReadsAnOfferOfWindowsMessenger) {
    const Parsed sdp(kOffer);
    ASSERT_EQ(sdp.outcome(), "ok");
    EXPECT_EQ(sdp.view().origin().address.to_string(), "10.1.2.3");
    EXPECT_EQ(sdp.view().connection().address.to_string(), "10.1.2.4");
    EXPECT_EQ(sdp.view().text(), kOffer);
    ASSERT_EQ(sdp.view().media().size(), 3U);

    EXPECT_EQ(sdp.media(0).kind, MediaKind::audio);
    EXPECT_EQ(sdp.media(0).transport, MediaTransport::rtp);
    EXPECT_EQ(sdp.media(0).port, 5350);
    EXPECT_EQ(sdp.media(0).port_count, 1);
    EXPECT_EQ(sdp.media(0).rtcp_port, 0);
    EXPECT_EQ(sdp.media(0).direction, MediaDirection::sendrecv);
    EXPECT_EQ(sdp.media(0).connection.kind, Kind::address);
    EXPECT_EQ(sdp.media(0).connection.address.to_string(), "10.1.2.4");
    EXPECT_EQ(sdp.media(0).media, "audio");
    EXPECT_EQ(sdp.media(0).protocol, "RTP/AVP");
    EXPECT_EQ(sdp.media(0).formats, "97 0 101");

    EXPECT_EQ(sdp.media(1).kind, MediaKind::video);
    EXPECT_EQ(sdp.media(1).rtcp_port, 33801);
    EXPECT_EQ(sdp.media(1).rtcp_connection.kind, Kind::none);

    EXPECT_EQ(sdp.media(2).kind, MediaKind::application);
    EXPECT_EQ(sdp.media(2).transport, MediaTransport::tcp);
    EXPECT_EQ(sdp.media(2).direction, MediaDirection::sendonly);
    EXPECT_EQ(sdp.media(2).setup, "");
}

TEST(Sdp, CutsTheTextIntoSectionsWithoutGaps) {
    const Parsed sdp(kOffer);
    std::string sections;
    for (const SdpMedia& media : sdp.view().media()) {
        EXPECT_TRUE(media.section.starts_with("m="));
        sections += media.section;
    }
    EXPECT_EQ(sections, kOffer.substr(kOffer.find("m=")));
    EXPECT_EQ(sdp.media(2).section, "m=application 1503 tcp msdata\r\na=sendonly\r\n");
}

TEST(Sdp, BorrowsEveryTextFromTheDescription) {
    const Parsed sdp(with_media_lines("c=IN IP6 2001:db8::1\r\na=setup:passive\r\na=rtcp:9 IN IP4 192.0.2.1\r\n"));
    ASSERT_EQ(sdp.outcome(), "ok");
    const SdpMedia& media = sdp.media();
    for (const std::string_view part : {media.media, media.protocol, media.formats, media.setup, media.section,
                                        media.connection.text, media.rtcp_connection.text, sdp.view().origin().text}) {
        EXPECT_FALSE(part.empty());
        EXPECT_GE(part.data(), sdp.text().data());
        EXPECT_LE(part.data() + part.size(), sdp.text().data() + sdp.text().size());
    }
}

TEST(Sdp, TakesAnyOfTheLineEndsThatDevicesSend) {
    for (const std::string_view text :
         {"v=0\r\nm=audio 1 RTP/AVP 0\r\n", "v=0\nm=audio 1 RTP/AVP 0\n", "v=0\r\nm=audio 1 RTP/AVP 0",
          "v=0\nm=audio 1 RTP/AVP 0\r", "v=0\r\nm=audio 1 RTP/AVP 0\r\n\r\n", "v=0\nm=audio 1 RTP/AVP 0\n\n\r\n\n",
          "v=0 \r\nm=audio 1 RTP/AVP 0 \r\n"}) {
        const Parsed sdp(text);
        ASSERT_EQ(sdp.outcome(), "ok") << text;
        ASSERT_EQ(sdp.view().media().size(), 1U) << text;
        EXPECT_EQ(sdp.media().formats, "0") << text;
    }
}

TEST(Sdp, DoesNotTakeALoneCarriageReturnForALineEnd) {
    const Parsed sdp("v=0\r\na=x\rm=audio 1 RTP/AVP 0\r\n");
    ASSERT_EQ(sdp.outcome(), "ok");
    EXPECT_TRUE(sdp.view().media().empty());
}

TEST(Sdp, RefusesWhatIsNoDescription) {
    for (const std::string_view text :
         {"", "\r\n", "\r\nv=0\r\n", "v", "v=", "v=1\r\n", "v=00\r\n", "hello\r\n", "v=0\r\nm\r\n", "v=0\r\n=\r\n",
          "v=0\r\n c=IN IP4 1.2.3.4\r\n", "v=0\r\n\r\nm=audio 1 RTP/AVP 0\r\n", "v=0\r\nab=c\r\n", "v=0\r\n1=x\r\n",
          "v=0\r\n\xc3=x\r\n"}) {
        EXPECT_EQ(outcome(text), "bad_sdp") << text;
    }
}

TEST(Sdp, TakesAFallbackPartWithoutVersion) {
    const Parsed sdp("o=- 0 0 IN IP4 10.1.2.3\r\ns=session\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 0 RTP/AVP\r\n");
    ASSERT_EQ(sdp.outcome(), "ok");
    EXPECT_EQ(sdp.media().port, 0);
    EXPECT_EQ(sdp.media().formats, "");
}

TEST(Sdp, RefusesASecondVersionLine) {
    EXPECT_EQ(outcome("v=0\r\nv=0\r\n"), "bad_sdp");
    EXPECT_EQ(outcome("s=x\r\nv=0\r\n"), "bad_sdp");
    EXPECT_EQ(outcome(with_media_lines("v=0\r\nc=IN IP4 192.0.2.1\r\n")), "bad_sdp");
}

TEST(Sdp, IgnoresLinesItDoesNotKnow) {
    EXPECT_EQ(outcome(with_media_lines(
                  "f=invalid:yes\r\nz=\r\nM=audio x\r\nA=rtcp:x\r\na=\r\na=RTCP:x\r\na=rtcp-fb:x y\r\na=rtcpx\r\n")),
              "ok");
}

TEST(Sdp, RefusesMediaLinesThatCannotBeRead) {
    for (const std::string_view line :
         {"m=", "m=audio", "m=audio 5350", "m=audio 5350 ", "m=audio x RTP/AVP 0", "m=audio -1 RTP/AVP 0",
          "m=audio +1 RTP/AVP 0", "m=audio 65536 RTP/AVP 0", "m=audio 4294967297 RTP/AVP 0", "m=audio 1/ RTP/AVP 0",
          "m=audio 1/0 RTP/AVP 0", "m=audio 1/x RTP/AVP 0", "m=audio 1/2/3 RTP/AVP 0", "m=audio /2 RTP/AVP 0",
          "m=audio 1/65536 RTP/AVP 0", "m=audio 0x10 RTP/AVP 0", "m=audio RTP/AVP 5350 0"}) {
        EXPECT_EQ(outcome(std::string("v=0\r\n") + std::string(line)), "bad_sdp_media") << line;
    }
}

TEST(Sdp, ReadsPortsAndTheirNumber) {
    const Parsed sdp("m=audio 5000/2 RTP/AVP 0\nm=video 65535/65535 RTP/AVP 0\nm=image  0   udptl  t38 \n");
    ASSERT_EQ(sdp.outcome(), "ok");
    EXPECT_EQ(sdp.media(0).port, 5000);
    EXPECT_EQ(sdp.media(0).port_count, 2);
    EXPECT_EQ(sdp.media(1).port, 65535);
    EXPECT_EQ(sdp.media(1).port_count, 65535);
    EXPECT_EQ(sdp.media(2).port, 0);
    EXPECT_EQ(sdp.media(2).protocol, "udptl");
    EXPECT_EQ(sdp.media(2).formats, "t38");
}

TEST(Sdp, KnowsKindsAndTransports) {
    struct Row {
        std::string_view line;
        MediaKind kind;
        MediaTransport transport;
    };
    for (const Row& row : {Row{"audio 1 RTP/AVP 0", MediaKind::audio, MediaTransport::rtp},
                           Row{"AUDIO 1 rtp/avp 0", MediaKind::audio, MediaTransport::rtp},
                           Row{"video 1 RTP/SAVPF 0", MediaKind::video, MediaTransport::rtp},
                           Row{"video 1 UDP/TLS/RTP/SAVPF 0", MediaKind::video, MediaTransport::rtp},
                           Row{"image 1 udptl t38", MediaKind::image, MediaTransport::udp},
                           Row{"image 1 UDP/TLS/UDPTL t38", MediaKind::image, MediaTransport::udp},
                           Row{"application 1 UDP/BFCP *", MediaKind::application, MediaTransport::udp},
                           Row{"application 1 DTLS/SCTP 5000", MediaKind::application, MediaTransport::udp},
                           Row{"application 1503 tcp msdata", MediaKind::application, MediaTransport::tcp},
                           Row{"audio 1 TCP/RTP/AVP 0", MediaKind::audio, MediaTransport::tcp},
                           Row{"text 1 udp t140", MediaKind::text, MediaTransport::udp},
                           Row{"message 5060 sip sip:bob@example.com", MediaKind::message, MediaTransport::sip},
                           Row{"x-ms-message 5060 sip null", MediaKind::message, MediaTransport::sip},
                           Row{"applicationsharing 1 TCP/RTP/SAVP 127", MediaKind::other, MediaTransport::tcp},
                           Row{"audio 1 RTPX/AVP 0", MediaKind::audio, MediaTransport::other},
                           Row{"audio 1 udpx 0", MediaKind::audio, MediaTransport::other},
                           Row{"audio 1 tcpx 0", MediaKind::audio, MediaTransport::other}}) {
        const Parsed sdp("m=" + std::string(row.line));
        ASSERT_EQ(sdp.outcome(), "ok") << row.line;
        EXPECT_EQ(sdp.media().kind, row.kind) << row.line;
        EXPECT_EQ(sdp.media().transport, row.transport) << row.line;
    }
}

TEST(Sdp, ReadsConnectionLines) {
    struct Row {
        std::string_view line;
        Kind kind;
        std::string_view text;
    };
    for (const Row& row : {Row{"c=IN IP4 192.0.2.1", Kind::address, "192.0.2.1"},
                           Row{"c=IN IP6 2001:db8::1", Kind::address, "2001:db8::1"},
                           Row{"c=in ip4 192.0.2.1 ", Kind::address, "192.0.2.1"},
                           Row{"c=IN  IP4  192.0.2.1 HELD HELD", Kind::address, "192.0.2.1"},
                           Row{"c=IN IP4 0.0.0.0", Kind::address, "0.0.0.0"}, Row{"c=IN IP6 ::", Kind::address, "::"},
                           Row{"c=IN IP6 ::ffff:192.0.2.1", Kind::address, "::ffff:192.0.2.1"},
                           Row{"c=IN IP4 media.example.com", Kind::name, "media.example.com"},
                           Row{"c=IN IP6 localhost", Kind::name, "localhost"},
                           Row{"c=IN IP4 224.2.36.42", Kind::multicast, "224.2.36.42"},
                           Row{"c=IN IP4 192.0.2.1/127", Kind::multicast, "192.0.2.1/127"},
                           Row{"c=IN IP4 224.2.1.1/127/3", Kind::multicast, "224.2.1.1/127/3"},
                           Row{"c=IN IP6 2001:db8::1/3", Kind::multicast, "2001:db8::1/3"},
                           Row{"c=IN IP6 ff15::101", Kind::multicast, "ff15::101"},
                           Row{"c=IN IP4 media.example.com/127", Kind::multicast, "media.example.com/127"}}) {
        const Parsed sdp(with_media_lines(row.line));
        ASSERT_EQ(sdp.outcome(), "ok") << row.line;
        EXPECT_EQ(sdp.media().connection.kind, row.kind) << row.line;
        EXPECT_EQ(sdp.media().connection.text, row.text) << row.line;
        EXPECT_EQ(sdp.view().connection().text, "10.1.2.3") << row.line;
    }
}

TEST(Sdp, RefusesConnectionLinesThatCannotBeRead) {
    for (const std::string_view line :
         {"c=", "c=IN", "c=IN IP4", "c=IN IP4 ", "c=IN IP5 192.0.2.1", "c=ATM NSAP 47.0091", "c=192.0.2.1",
          "c=IN IP4 2001:db8::1", "c=IN IP6 192.0.2.1", "c=IN IP4 192.0.2.256", "c=IN IP4 192.0.2",
          "c=IN IP4 010.1.2.3", "c=IN IP4 1", "c=IN IP4 1.2.3.4.", "c=IN IP4 a..b", "c=IN IP4 /127", "c=IN IP4 a,b",
          "c=IN IP6 fe80::1%eth0", "c=IN IP6 1::2::3"}) {
        EXPECT_EQ(outcome(std::string("v=0\r\n") + std::string(line) + "\r\n"), "bad_sdp_address") << line;
        EXPECT_EQ(outcome(with_media_lines(line)), "bad_sdp_address") << line;
    }
}

TEST(Sdp, GivesTheSessionsConnectionToMediaWithoutTheirOwn) {
    const Parsed sdp(
        "c=IN IP4 192.0.2.1\nm=audio 1 RTP/AVP 0\nm=video 3 RTP/AVP 0\nc=IN IP4 192.0.2.2\nm=text 5 RTP/AVP 0\n");
    EXPECT_EQ(sdp.media(0).connection.text, "192.0.2.1");
    EXPECT_EQ(sdp.media(1).connection.text, "192.0.2.2");
    EXPECT_EQ(sdp.media(2).connection.text, "192.0.2.1");
    const Parsed none("m=audio 1 RTP/AVP 0\nm=video 3 RTP/AVP 0\nc=IN IP4 192.0.2.2\n");
    EXPECT_EQ(none.media(0).connection.kind, Kind::none);
    EXPECT_EQ(none.media(1).connection.kind, Kind::address);
}

TEST(Sdp, TakesSeveralConnectionsInOnePlaceForMulticast) {
    const Parsed media(
        with_media_lines("c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=video 3 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\n"));
    EXPECT_EQ(media.media(0).connection.kind, Kind::multicast);
    EXPECT_EQ(media.media(1).connection.kind, Kind::address);
    const Parsed session("c=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\nm=audio 1 RTP/AVP 0\n");
    EXPECT_EQ(session.view().connection().kind, Kind::multicast);
    EXPECT_EQ(session.media().connection.kind, Kind::multicast);
}

TEST(Sdp, ReadsTheOriginFromItsEnd) {
    EXPECT_EQ(Parsed("o=A User With Blanks 1 2 IN IP4 192.0.2.1 \n").view().origin().text, "192.0.2.1");
    EXPECT_EQ(Parsed("o=- 1 2 IN IP6 2001:db8::1\n").view().origin().kind, Kind::address);
    EXPECT_EQ(Parsed("o=- 1 2 IN IP4 pc.example.com\n").view().origin().kind, Kind::name);
    for (const std::string_view line :
         {"o=", "o=IN", "o=- 1 2 IN IP4 2001:db8::1", "o=- 1 2 IN IP4", "o=- 1 2 192.0.2.1"}) {
        const Parsed sdp(line);
        EXPECT_EQ(sdp.outcome(), "ok") << line;
        EXPECT_EQ(sdp.view().origin().kind, Kind::none) << line;
    }
}

TEST(Sdp, ReadsDirectionsOfSessionAndMedia) {
    const Parsed sdp(
        "a=inactive\nm=audio 1 RTP/AVP 0\nm=video 3 RTP/AVP 0\na=recvonly \nm=text 5 RTP/AVP "
        "0\na=sendonly\na=sendrecv\n");
    EXPECT_EQ(sdp.media(0).direction, MediaDirection::inactive);
    EXPECT_EQ(sdp.media(1).direction, MediaDirection::recvonly);
    EXPECT_EQ(sdp.media(2).direction, MediaDirection::sendrecv);
    EXPECT_EQ(Parsed(with_media_lines("a=SendOnly\r\na=sendonlyx\r\n")).media().direction, MediaDirection::sendrecv);
}

TEST(Sdp, ReadsSetupOfSessionAndMedia) {
    const Parsed sdp("a=setup:actpass\nm=audio 1 RTP/AVP 0\nm=image 9 TCP t38\na=setup:active \n");
    EXPECT_EQ(sdp.media(0).setup, "actpass");
    EXPECT_EQ(sdp.media(1).setup, "active");
}

TEST(Sdp, ReadsRtcpPortAndAddress) {
    const Parsed port(with_media_lines("a=rtcp:53020\r\na=rtcp-mux\r\n"));
    EXPECT_EQ(port.media().rtcp_port, 53020);
    EXPECT_TRUE(port.media().rtcp_mux);
    EXPECT_EQ(port.media().rtcp_connection.kind, Kind::none);
    const Parsed both(with_media_lines("a=rtcp:53020 IN IP6 2001:db8::9\r\n"));
    EXPECT_EQ(both.media().rtcp_connection.address.to_string(), "2001:db8::9");
    EXPECT_FALSE(both.media().rtcp_mux);
}

TEST(Sdp, TakesRtcpOfTheSessionForNothing) {
    const Parsed sdp("a=rtcp:53020\na=rtcp-mux\nm=audio 1 RTP/AVP 0\n");
    EXPECT_EQ(sdp.media().rtcp_port, 0);
    EXPECT_FALSE(sdp.media().rtcp_mux);
}

TEST(Sdp, RefusesRtcpAttributesThatCannotBeRead) {
    for (const std::string_view line :
         {"a=rtcp:", "a=rtcp:x", "a=rtcp:65536", "a=rtcp:1 IN IP7 X", "a=rtcp:1 IN", "a=rtcp:1 192.0.2.1",
          "a=rtcp:1\r\na=rtcp:2", "a=rtcp:1 IN IP4 192.0.2.1\r\na=rtcp:1 IN IP4 192.0.2.2",
          "a=rtcp:1\r\na=rtcp:1 IN IP4 192.0.2.2"}) {
        EXPECT_EQ(outcome(with_media_lines(line)), "bad_sdp_address") << line;
    }
    EXPECT_EQ(outcome(with_media_lines("a=rtcp:1 IN IP4 192.0.2.1\r\na=rtcp:1 IN IP4 192.0.2.1\r\n")), "ok");
}

TEST(Sdp, StopsAtTheLimitOfMedia) {
    std::string text = "v=0\n";
    for (std::size_t i = 0; i < SdpView::kMaxMedia; ++i) text += "m=audio 1 RTP/AVP 0\n";
    const std::string more = text + "m=audio 1 RTP/AVP 0\n";
    SdpView view;
    Limits limits;
    limits.media = 1000;
    EXPECT_TRUE(view.parse(text, limits));
    EXPECT_EQ(view.media().size(), SdpView::kMaxMedia);
    const auto result = view.parse(more, limits);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Error::too_many_media);
    limits.media = SdpView::kMaxMedia - 1;
    EXPECT_FALSE(view.parse(text, limits));
}

TEST(Sdp, IsEmptyAfterAnError) {
    SdpView view;
    const std::string text = with_media_lines("a=setup:active\r\na=inactive\r\n");
    ASSERT_TRUE(view.parse(text, Limits{}));
    EXPECT_FALSE(view.parse("v=0\r\nc=IN IP4 192.0.2.1\r\na=inactive\r\nm=audio x\r\n", Limits{}));
    EXPECT_TRUE(view.media().empty());
    EXPECT_EQ(view.connection().kind, Kind::none);
    EXPECT_EQ(view.origin().kind, Kind::none);
    EXPECT_EQ(view.text(), "");
}

TEST(Sdp, ForgetsTheDescriptionBefore) {
    SdpView view;
    ASSERT_TRUE(view.parse("c=IN IP4 192.0.2.1\na=inactive\na=setup:active\nm=audio 1 RTP/AVP 0\nc=IN IP4 192.0.2.2\n",
                           Limits{}));
    ASSERT_TRUE(view.parse("m=audio 1 RTP/AVP 0\nc=IN IP4 192.0.2.3\n", Limits{}));
    ASSERT_EQ(view.media().size(), 1U);
    EXPECT_EQ(view.media()[0].connection.kind, Kind::address);
    EXPECT_EQ(view.media()[0].direction, MediaDirection::sendrecv);
    EXPECT_EQ(view.media()[0].setup, "");
}

TEST(Sdp, TakesNoHeap) {
    SdpView view;
    const Limits limits;
    const std::size_t before = test::allocation_count();
    const bool read = view.parse(kOffer, limits).has_value();
    const std::size_t after = test::allocation_count();
    EXPECT_TRUE(read);
    EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace messenger::alg
