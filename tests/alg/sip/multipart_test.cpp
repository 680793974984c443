// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/multipart.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

struct Part {
    std::string type;
    std::string disposition;
    std::string content;
    bool operator==(const Part&) const = default;
};

/// The parts, and one called "error" for an error.
std::vector<Part> parts_of(std::string_view body, std::string_view boundary) {
    const ExactCopy copy(body);
    MultipartReader reader(copy.view(), boundary);
    std::vector<Part> parts;
    BodyPart part;
    for (;;) {
        const auto more = reader.next(part);
        if (!more) {
            EXPECT_EQ(more.error(), Error::bad_multipart);
            EXPECT_FALSE(reader.next(part));  // an error stays
            parts.push_back({"error", "", ""});
            return parts;
        }
        if (!*more) break;
        parts.push_back({std::string(part.content_type), std::string(part.disposition), std::string(part.content)});
    }
    const auto again = reader.next(part);
    EXPECT_TRUE(again && !*again);
    return parts;
}

const std::vector<Part> kError = {{"error", "", ""}};

TEST(Multipart, ReadsTheLengthAndTheEncodingsOfAPart) {
    const ExactCopy copy(
        "--b\r\nContent-Length:  07 \r\ncontent-encoding: gzip\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Length: 9\r\n\r\n1234567\r\n--b\r\n\r\n\r\n--b--");
    MultipartReader reader(copy.view(), "b");
    BodyPart part;
    ASSERT_TRUE(reader.next(part));
    EXPECT_EQ(part.content_length, "07");
    EXPECT_EQ(part.content_encoding, "gzip");
    EXPECT_EQ(part.transfer_encoding, "base64");
    ASSERT_TRUE(reader.next(part));
    EXPECT_EQ(part.content_length, "");
    EXPECT_EQ(part.content_encoding, "");
    EXPECT_EQ(part.transfer_encoding, "");
}

TEST(Multipart, ReadsTheTwoOffersOfCommunicator) {
    const std::vector<Part> expected = {
        {"application/sdp", "session; handling=optional; ms-proxy-2007fallback", "v=0\r\nm=audio 50010 RTP/AVP 0\r\n"},
        {"application/sdp", "session; handling=optional", "v=0\r\nm=audio 50020 RTP/SAVP 0\r\n"}};
    EXPECT_EQ(
        parts_of("--bnd1\r\nContent-Type: application/sdp\r\n"
                 "Content-Disposition: session; handling=optional; ms-proxy-2007fallback\r\n\r\n"
                 "v=0\r\nm=audio 50010 RTP/AVP 0\r\n\r\n"
                 "--bnd1\r\ncontent-type : application/sdp\r\nCONTENT-DISPOSITION: session; handling=optional\r\n\r\n"
                 "v=0\r\nm=audio 50020 RTP/SAVP 0\r\n\r\n--bnd1--\r\n",
                 "bnd1"),
        expected);
}

TEST(Multipart, GivesTheLastLineEndToTheDelimiter) {
    EXPECT_EQ(parts_of("--b\r\n\r\na\r\n--b--", "b"), (std::vector<Part>{{"", "", "a"}}));
    EXPECT_EQ(parts_of("--b\n\na\n\n--b--\n", "b"), (std::vector<Part>{{"", "", "a\n"}}));
    EXPECT_EQ(parts_of("--b\r\n\r\na\n--b--", "b"), (std::vector<Part>{{"", "", "a"}}));
    EXPECT_EQ(parts_of("--b\r\n\r\na\r\r\n--b--", "b"), (std::vector<Part>{{"", "", "a\r"}}));
}

TEST(Multipart, LeavesOutPreambleAndEpilogue) {
    EXPECT_EQ(
        parts_of("This is MIME.\r\n--bx\r\n --b\r\n--b \t\r\n\r\na\r\n--b-- \r\nThe end\r\n--b\r\n\r\nno\r\n--b--",
                 "b"),
        (std::vector<Part>{{"", "", "a"}}));
}

TEST(Multipart, ReadsPartsWithoutHeadersOrContent) {
    EXPECT_EQ(parts_of("--b\r\n\r\n--b--", "b"), (std::vector<Part>{{"", "", ""}}));
    EXPECT_EQ(parts_of("--b\r\n--b--", "b"), (std::vector<Part>{{"", "", ""}}));
    EXPECT_EQ(parts_of("--b\r\nContent-Type: a/b\r\n--b--", "b"), (std::vector<Part>{{"a/b", "", ""}}));
    EXPECT_EQ(parts_of("--b\r\nContent-Type: a/b\r\n\r\n--b--", "b"), (std::vector<Part>{{"a/b", "", ""}}));
    EXPECT_EQ(parts_of("--b--", "b"), std::vector<Part>{});
}

TEST(Multipart, ReadsFoldedPartHeadersAndIgnoresWhatIsNone) {
    EXPECT_EQ(
        parts_of("--b\r\nno header\r\nContent-Type:\r\n a/b;\r\n\tc=d\r\nc: x/y\r\nContent-Type: e/f\r\n\r\nz\r\n--b--",
                 "b"),
        (std::vector<Part>{{"a/b;\r\n\tc=d", "", "z"}}));
}

TEST(Multipart, DoesNotTakeABoundaryThatGoesOnForItsOwn) {
    EXPECT_EQ(parts_of("--b\r\n\r\n--b1\r\n--b-\r\n--b--x\r\n--B\r\nx--b\r\n--b--", "b"),
              (std::vector<Part>{{"", "", "--b1\r\n--b-\r\n--b--x\r\n--B\r\nx--b"}}));
}

TEST(Multipart, LeavesAnInnerMultipartWhole) {
    EXPECT_EQ(parts_of("--a\r\nContent-Type: multipart/mixed;boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n--a--", "a"),
              (std::vector<Part>{{"multipart/mixed;boundary=i", "", "--i\r\n\r\nx\r\n--i--"}}));
}

TEST(Multipart, RefusesABodyWithoutDelimitersOrWithoutTheClosingOne) {
    EXPECT_EQ(parts_of("", "b"), kError);
    EXPECT_EQ(parts_of("v=0\r\n", "b"), kError);
    EXPECT_EQ(parts_of("--b", "b"), kError);
    EXPECT_EQ(parts_of("--b\r\n\r\na\r\n", "b"), kError);
    EXPECT_EQ(parts_of("--b\r\n\r\na\r\n--b\r\n\r\nb", "b"), (std::vector<Part>{{"", "", "a"}, {"error", "", ""}}));
}

TEST(Multipart, RefusesAnImpossibleBoundary) {
    const std::string longest(70, 'b');
    EXPECT_EQ(parts_of("--" + longest + "\r\n\r\na\r\n--" + longest + "--", longest),
              (std::vector<Part>{{"", "", "a"}}));
    for (const std::string& boundary :
         {std::string(), std::string(71, 'b'), std::string("b "), std::string("a\r\nb")}) {
        EXPECT_EQ(parts_of("--" + boundary + "\r\n\r\na\r\n--" + boundary + "--", boundary), kError) << boundary;
    }
}

}  // namespace
}  // namespace messenger::alg
