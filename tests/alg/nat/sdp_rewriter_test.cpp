// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/sdp_rewriter.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exact_bytes.h"
#include "tests/support/translations.h"

namespace messenger::alg {
namespace {

using testing::TableTranslation;

std::string rewritten(std::string_view text, const Translation& translation) {
    const test::ExactBytes bytes(text);
    SdpView sdp;
    if (!sdp.parse(bytes.text(), Limits{})) return "not parsed";
    EditList edits;
    edits.begin(bytes.text());
    rewrite_sdp(sdp, translation, edits);
    EXPECT_FALSE(edits.spoilt());
    std::string out;
    edits.apply(out);
    EXPECT_TRUE(sdp.parse(out, Limits{})) << out;
    return out;
}

void expect_untouched(std::string_view text, const Translation& translation) {
    EXPECT_EQ(rewritten(text, translation), text);
}

/// The inside host 10.1.2.3 with two media pairs.
TableTranslation usual() {
    TableTranslation table;
    table.host("10.1.2.3", "192.0.2.10");
    table.udp("10.1.2.3:5350", "192.0.2.10:40350").udp("10.1.2.3:5351", "192.0.2.10:40351");
    table.udp("10.1.2.3:5352", "192.0.2.10:40352").udp("10.1.2.3:5353", "192.0.2.10:40353");
    return table;
}

TEST(SdpRewriter, ChangesConnectionOriginAndPorts) {
    EXPECT_EQ(rewritten("v=0\r\no=- 0 0 IN IP4 10.1.2.3\r\ns=session\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
                        "m=audio 5350 RTP/AVP 0\r\na=sendrecv\r\nm=video 5352/2 RTP/AVP 34\r\n",
                        usual()),
              "v=0\r\no=- 0 0 IN IP4 192.0.2.10\r\ns=session\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
              "m=audio 40350 RTP/AVP 0\r\na=sendrecv\r\nm=video 40352/2 RTP/AVP 34\r\n");
}

TEST(SdpRewriter, KeepsWordsBehindTheConnectionAndOddSpacing) {
    EXPECT_EQ(rewritten("v=0\nc=IN  IP4 10.1.2.3 extra\nm=audio   5350  RTP/AVP 0\n", usual()),
              "v=0\nc=IN  IP4 192.0.2.10 extra\nm=audio   40350  RTP/AVP 0\n");
}

TEST(SdpRewriter, LeavesAnOriginWithAnotherAddress) {
    EXPECT_EQ(rewritten("v=0\no=- 0 0 IN IP4 10.9.9.9\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n",
                        usual().host("10.9.9.9", "192.0.2.11")),
              "v=0\no=- 0 0 IN IP4 10.9.9.9\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\n");
}

TEST(SdpRewriter, ChangesNothingUnderAConnectionWithAMediumThatStays) {
    expect_untouched(
        "v=0\no=- 0 0 IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\nm=video 7000 RTP/AVP 34\n", usual());
}

TEST(SdpRewriter, ChangesNothingWhenMediaDisagreeAboutTheAddress) {
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\nm=video 7000 RTP/AVP 34\n",
                     usual().udp("10.1.2.3:7000", "192.0.2.11:7000"));
}

TEST(SdpRewriter, LetsMediaWithTheirOwnConnectionDecideAlone) {
    EXPECT_EQ(rewritten("v=0\no=- 0 0 IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n"
                        "m=video 7000 RTP/AVP 34\nc=IN IP4 203.0.113.9\n",
                        usual()),
              "v=0\no=- 0 0 IN IP4 192.0.2.10\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\n"
              "m=video 7000 RTP/AVP 34\nc=IN IP4 203.0.113.9\n");
}

TEST(SdpRewriter, LetsTheOriginFollowAMediumWithoutASessionConnection) {
    EXPECT_EQ(rewritten("v=0\no=- 0 0 IN IP4 10.1.2.3\nm=video 7000 RTP/AVP 34\nc=IN IP4 203.0.113.9\n"
                        "m=audio 5350 RTP/AVP 0\nc=IN IP4 10.1.2.3\n",
                        usual()),
              "v=0\no=- 0 0 IN IP4 192.0.2.10\nm=video 7000 RTP/AVP 34\nc=IN IP4 203.0.113.9\n"
              "m=audio 40350 RTP/AVP 0\nc=IN IP4 192.0.2.10\n");
}

TEST(SdpRewriter, AsksForTheAddressUnderWhichNobodyListens) {
    EXPECT_EQ(rewritten("v=0\no=- 0 0 IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\nm=x-ms-message 5060 sip null\n", usual()),
              "v=0\no=- 0 0 IN IP4 192.0.2.10\nc=IN IP4 192.0.2.10\nm=x-ms-message 5060 sip null\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 0 RTP/AVP 0\nm=application 9 TCP/BFCP *\n", usual()),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 0 RTP/AVP 0\nm=application 9 TCP/BFCP *\n");
    expect_untouched("v=0\nc=IN IP4 10.1.2.4\nm=x-ms-message 5060 sip null\n", usual());
}

TEST(SdpRewriter, LetsMediaThatNobodyConnectsToFollowTheOthers) {
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\nm=video 0 RTP/AVP 34\nm=message 5060 sip x\n",
                        usual()),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\nm=video 0 RTP/AVP 34\nm=message 5060 sip x\n");
}

TEST(SdpRewriter, NeverTouchesHoldNamesGroupsAndIpv6) {
    TableTranslation all = usual();
    all.host("0.0.0.0", "192.0.2.10").udp("0.0.0.0:5350", "192.0.2.10:40350");
    all.host("224.2.1.1", "192.0.2.10").udp("224.2.1.1:5350", "192.0.2.10:40350");
    all.host("2001:db8::1", "192.0.2.10").udp("2001:db8::1:5350", "192.0.2.10:40350");
    for (const char* connection :
         {"IP4 pc.example.com", "IP4 224.2.1.1", "IP4 10.1.2.3/127", "IP6 2001:db8::1", "IP6 ::ffff:10.1.2.3"}) {
        expect_untouched(std::string("v=0\no=- 0 0 IN IP4 10.1.2.3\nc=IN ") + connection + "\nm=audio 5350 RTP/AVP 0\n",
                         all);
    }
    expect_untouched("v=0\nc=IN IP4 0.0.0.0\nm=audio 5350 RTP/AVP 0\n", all);
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n", all);
}

/// It has to be that of the offers before and after (RFC 3264 section 8).
TEST(SdpRewriter, ChangesTheOriginOfACallOnHold) {
    for (const std::string_view rest :
         {"c=IN IP4 0.0.0.0\nm=audio 5350 RTP/AVP 0\n",
          "m=audio 5350 RTP/AVP 0\nc=IN IP4 0.0.0.0\nm=video 5352 RTP/AVP 34\nc=IN IP4 0.0.0.0\n"}) {
        EXPECT_EQ(rewritten(std::string("v=0\no=- 7 2 IN IP4 10.1.2.3\n").append(rest), usual()),
                  std::string("v=0\no=- 7 2 IN IP4 192.0.2.10\n").append(rest));
    }
    expect_untouched("v=0\no=- 7 2 IN IP4 10.9.9.9\nc=IN IP4 0.0.0.0\nm=audio 5350 RTP/AVP 0\n", usual());
    expect_untouched(
        "v=0\no=- 7 2 IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\nc=IN IP4 0.0.0.0\n"
        "m=video 7000 RTP/AVP 34\nc=IN IP4 10.1.2.3\n",
        usual());
}

TEST(SdpRewriter, KeepsAnIpv4ConnectionWhoseNewAddressIsNotIpv4) {
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n",
                     TableTranslation().udp("10.1.2.3:5350", "2001:db8::1:40350"));
}

TEST(SdpRewriter, AsksForTcpForSharing) {
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=application 1503 tcp msdata\n",
                        usual().tcp("10.1.2.3:1503", "192.0.2.10:1503")),
              "v=0\nc=IN IP4 192.0.2.10\nm=application 1503 tcp msdata\n");
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=application 1503 tcp msdata\n",
                     usual().udp("10.1.2.3:1503", "192.0.2.10:1503"));
}

TEST(SdpRewriter, TurnsARefusedStreamDown) {
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\nm=application 1503 tcp msdata\na=sendonly\n",
                        usual().tcp("10.1.2.3:1503", "192.0.2.10:0")),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\nm=application 0 tcp msdata\na=sendonly\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.4\nm=application 1503 tcp msdata\n",
                        TableTranslation().tcp("10.1.2.4:1503", "192.0.2.10:0")),
              "v=0\nc=IN IP4 10.1.2.4\nm=application 0 tcp msdata\n");
}

TEST(SdpRewriter, MovesAnAnnouncedRtcpPort) {
    const auto table = usual().udp("10.1.2.3:7001", "192.0.2.10:47001");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:7001\n", table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:47001\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:7001 IN IP4 10.1.2.3\n", table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:47001 IN IP4 192.0.2.10\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:5350\na=rtcp-mux\n", table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:40350\na=rtcp-mux\n");
}

TEST(SdpRewriter, ChangesARepeatedRtcpLineEveryTime) {
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:5351\na=rtcp:5351\n", usual()),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:40351\na=rtcp:40351\n");
}

TEST(SdpRewriter, LeavesRtcpSomewhereElse) {
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:5351 IN IP4 203.0.113.9\n", usual()),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:5351 IN IP4 203.0.113.9\n");
}

TEST(SdpRewriter, AnnouncesRtcpThatIsNoLongerOnTheNextPort) {
    TableTranslation table;
    table.udp("10.1.2.3:5350", "192.0.2.10:40350").udp("10.1.2.3:5351", "192.0.2.10:40360");
    table.udp("10.1.2.3:5352", "192.0.2.10:40352").udp("10.1.2.3:5353", "192.0.2.10:40370");
    EXPECT_EQ(
        rewritten("v=0\r\nc=IN IP4 10.1.2.3\r\nm=audio 5350 RTP/AVP 0\r\na=sendrecv\r\nm=video 5352 RTP/AVP 34\r\n",
                  table),
        "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 40350 RTP/AVP 0\r\na=sendrecv\r\na=rtcp:40360\r\n"
        "m=video 40352 RTP/AVP 34\r\na=rtcp:40370\r\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0", table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=rtcp:40360");
    EXPECT_EQ(rewritten("v=0\r\nc=IN IP4 10.1.2.3\r\nm=audio 5350 RTP/AVP 0\r\n\r\n", table),
              "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 40350 RTP/AVP 0\r\na=rtcp:40360\r\n\r\n");
}

TEST(SdpRewriter, AnnouncesNoRtcpWhereNoneIsImplied) {
    TableTranslation table;
    table.udp("10.1.2.3:5350", "192.0.2.10:40350").udp("10.1.2.3:5351", "192.0.2.10:40360");
    for (const char* media : {"udptl t38\n", "RTP/AVP 0\na=rtcp:7001\n"}) {
        EXPECT_EQ(rewritten(std::string("v=0\nc=IN IP4 10.1.2.3\nm=image 5350 ") + media, table),
                  std::string("v=0\nc=IN IP4 192.0.2.10\nm=image 40350 ") + media);
    }
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350/2 RTP/AVP 0\n", table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350/2 RTP/AVP 0\n");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n",
                        TableTranslation().udp("10.1.2.3:5350", "192.0.2.10:40350")),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\n");
}

TEST(SdpRewriter, MovesHostCandidatesWithTheirDefault) {
    const auto table = usual().tcp("10.1.2.3:5350", "192.0.2.10:45350");
    EXPECT_EQ(rewritten("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=ice-ufrag:Ab1C\na=rtcp:5351\n"
                        "a=candidate:1 1 UDP 2130706431 10.1.2.3 5350 typ host\n"
                        "a=candidate:1 2 UDP 2130705918 10.1.2.3 5351 typ host \n"
                        "a=candidate:2 1 TCP-PASS 1684797951 10.1.2.3 5350 typ host\n"
                        "a=candidate:2 1 TCP-ACT 1684797951 10.1.2.3 5350 typ host\n"
                        "a=candidate:3 1 UDP 1 10.1.2.3 5350 typ srflx raddr 10.1.2.3 rport 5350\n"
                        "a=candidate:4 1 UDP 1 203.0.113.7 5350 typ host\n",
                        table),
              "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\na=ice-ufrag:Ab1C\na=rtcp:40351\n"
              "a=candidate:1 1 UDP 2130706431 192.0.2.10 40350 typ host\n"
              "a=candidate:1 2 UDP 2130705918 192.0.2.10 40351 typ host \n"
              "a=candidate:2 1 TCP-PASS 1684797951 192.0.2.10 45350 typ host\n"
              "a=candidate:2 1 TCP-ACT 1684797951 10.1.2.3 5350 typ host\n"
              "a=candidate:3 1 UDP 1 10.1.2.3 5350 typ srflx raddr 10.1.2.3 rport 5350\n"
              "a=candidate:4 1 UDP 1 203.0.113.7 5350 typ host\n");
}

TEST(SdpRewriter, MovesCandidatesOfCommunicator2007) {
    EXPECT_EQ(rewritten("c=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n"
                        "a=candidate:q8Zk+R/x1 1 Yt0pAA UDP 0.830 10.1.2.3 5350 \n"
                        "a=candidate:q8Zk+R/x1 2 Yt0pAA UDP 0.830 10.1.2.3 5351 \n",
                        usual()),
              "c=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\n"
              "a=candidate:q8Zk+R/x1 1 Yt0pAA UDP 0.830 192.0.2.10 40350 \n"
              "a=candidate:q8Zk+R/x1 2 Yt0pAA UDP 0.830 192.0.2.10 40351 \n");
}

/// On the way in they name our outside endpoints, while all the rest is the peer's.
TEST(SdpRewriter, TurnsBackRemoteCandidates) {
    TableTranslation back;
    back.udp("192.0.2.10:40350", "10.1.2.3:5350").udp("192.0.2.10:40351", "10.1.2.3:5351");
    const std::string before = "v=0\nc=IN IP4 203.0.113.30\nm=audio 40000 RTP/AVP 0\n";
    EXPECT_EQ(rewritten(before + "a=remote-candidates:1 192.0.2.10 40350 2 192.0.2.10 40351\r\na=sendrecv\n", back),
              before + "a=remote-candidates:1 10.1.2.3 5350 2 10.1.2.3 5351\r\na=sendrecv\n");
    EXPECT_EQ(rewritten(before + "a=remote-candidates:1 198.51.100.9 40350 2 192.0.2.10 40351 \n", back),
              before + "a=remote-candidates:1 198.51.100.9 40350 2 10.1.2.3 5351 \n");
    for (const char* const value : {"", "1", "1 192.0.2.10", "1 192.0.2.10 x", "1 192.0.2.10 99999", "1 host 40350",
                                    "1 192.0.2.10 40352", "1 ::ffff:192.0.2.10 40350"}) {
        expect_untouched(before + "a=remote-candidates:" + value + "\n", back);
    }
}

TEST(SdpRewriter, TouchesNothingWhenTheDefaultIsNotTheSendersOwnCandidate) {
    const std::string host = "a=candidate:1 1 UDP 2130706431 10.1.2.3 5350 typ host\n";
    const std::string relay = "a=candidate:2 1 UDP 1 203.0.113.7 50000 typ relay raddr 10.1.2.3 rport 5350\n";
    expect_untouched("v=0\nc=IN IP4 203.0.113.7\nm=audio 50000 RTP/AVP 0\na=rtcp:5351 IN IP4 10.1.2.3\n" + host + relay,
                     usual());
    // The default could be translated, but is none of the candidates, or of none that can be read.
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=audio 5352 RTP/AVP 0\n" + host, usual());
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=candidate:1 1 UDP 1 a.local 5350 typ host\n",
                     usual());
    // The connection stays for the other medium, and the candidates with it.
    expect_untouched("v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n" + host + "m=video 7000 RTP/AVP 34\n", usual());
    // The fallback of Communicator 2007 R2.
    expect_untouched("m=audio 0 RTP/AVP 0\nc=IN IP4 10.1.2.3\n" + host, usual());
}

TEST(SdpRewriter, ChangesNothingWithoutTranslations) {
    expect_untouched("v=0\no=- 0 0 IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\na=rtcp:5351\n",
                     TableTranslation());
}

}  // namespace
}  // namespace messenger::alg
