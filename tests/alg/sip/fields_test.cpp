// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/fields.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

std::vector<std::string> values_of(std::string_view text) {
    const ExactCopy copy(text);
    std::string_view rest = copy.view();
    std::vector<std::string> values;
    while (!rest.empty()) values.emplace_back(next_list_value(rest));
    return values;
}

TEST(SipList, SplitsAtCommasOutsideQuotesAndBrackets) {
    using Values = std::vector<std::string>;
    EXPECT_EQ(values_of(""), Values{});
    EXPECT_EQ(values_of(" a "), Values{"a"});
    EXPECT_EQ(values_of("a,b\r\n , c"), (Values{"a", "b", "c"}));
    EXPECT_EQ(values_of("a,,b, "), (Values{"a", "", "b"}));
    EXPECT_EQ(values_of("\"A, \\\",L\" <sip:a,b@c>;x=\"1,2\",d"), (Values{"\"A, \\\",L\" <sip:a,b@c>;x=\"1,2\"", "d"}));
    EXPECT_EQ(values_of("<sip:a\"b>,c"), (Values{"<sip:a\"b>", "c"}));
    EXPECT_EQ(values_of("\"open,a"), Values{"\"open,a"});
    EXPECT_EQ(values_of("\"open\\"), Values{"\"open\\"});
    EXPECT_EQ(values_of("<open,a"), Values{"<open,a"});
}

std::string parameter(std::string_view parameters, std::string_view name) {
    const ExactCopy copy(parameters);
    const auto value = find_parameter(copy.view(), name);
    return value ? "=" + std::string(*value) : "absent";
}

TEST(SipParameter, IsFoundByItsWholeNameInAnyCase) {
    EXPECT_EQ(parameter(";tag=1", "tag"), "=1");
    EXPECT_EQ(parameter("<sip:a> ;a;Tag = 1 ;b", "tag"), "=1");
    EXPECT_EQ(parameter(";xtag=1;tagx=2;x=tag", "tag"), "absent");
    EXPECT_EQ(parameter(";tag", "tag"), "=");
    EXPECT_EQ(parameter(";tag=", "tag"), "=");
    EXPECT_EQ(parameter(";\r\n\ttag\r\n = 1\r\n ;", "TAG"), "=1");
    EXPECT_EQ(parameter("tag=1", "tag"), "absent");
    EXPECT_EQ(parameter("", "tag"), "absent");
    EXPECT_EQ(parameter(";;=;", "tag"), "absent");
    EXPECT_EQ(parameter(";a=b=c", "a"), "=b=c");
    EXPECT_EQ(parameter(";a=1;a=2", "a"), "=1");
}

TEST(SipParameter, LosesItsQuotes) {
    EXPECT_EQ(parameter(";transport=\"tcp\"", "transport"), "=tcp");
    EXPECT_EQ(parameter(";a=\";b=1\";b=2", "b"), "=2");
    EXPECT_EQ(parameter(";a=\"x\\\";b=1\";b=2", "b"), "=2");
    EXPECT_EQ(parameter(";a=\"\"", "a"), "=");
    EXPECT_EQ(parameter(";a=\"open;b=1", "a"), "absent");
    EXPECT_EQ(parameter(";a=\"open;b=1", "b"), "absent");
    EXPECT_EQ(parameter(";a=\"x\\", "a"), "absent");
    EXPECT_EQ(parameter(";received=2001:db8::1;maddr=[::1]", "received"), "=2001:db8::1");
}

/// "user|host|port|parameters", with "sips " before it for a secure one.
std::string uri(std::string_view text) {
    const ExactCopy copy(text);
    const auto parsed = parse_sip_uri(copy.view());
    if (!parsed) return "absent";
    return std::string(parsed->secure ? "sips " : "") + std::string(parsed->user) + "|" + std::string(parsed->host) +
           "|" + std::to_string(parsed->port) + "|" + std::string(parsed->parameters);
}

TEST(SipUri, IsTakenApart) {
    EXPECT_EQ(uri("sip:example.com"), "|example.com|0|");
    EXPECT_EQ(uri(" SIPS:bob:pw@10.1.2.3:5061 "), "sips bob:pw|10.1.2.3|5061|");
    EXPECT_EQ(uri("sip:[2001:db8::1]:5060;lr"), "|[2001:db8::1]|5060|;lr");
    EXPECT_EQ(uri("sip:u@d:7100;maddr=10.1.2.3;transport=\"tcp\"?h=v"), "u|d|7100|;maddr=10.1.2.3;transport=\"tcp\"");
    EXPECT_EQ(uri("sip:u@d:7100;\r\n maddr=10.1.2.3;\r\n transport=tls"),
              "u|d|7100|;\r\n maddr=10.1.2.3;\r\n transport=tls");
    EXPECT_EQ(uri("sip:user;par=u%40example.net@example.com"), "user;par=u%40example.net|example.com|0|");
    EXPECT_EQ(uri("sip:1_u.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com"),
              "1_u.URI~(to-be!sure)&isn't+it$/crazy?,/;;*|example.com|0|");
    EXPECT_EQ(uri("sip:h?a=b"), "|h|0|");
    EXPECT_EQ(uri("sip:h:0065535"), "|h|65535|");
}

TEST(SipUri, IsAbsentWhenItCannotBeReadInOneWay) {
    for (const auto* text : {"",
                             "sip",
                             "sip:",
                             "tel:+1",
                             "sip:@",
                             "sip:u@",
                             "sip:h:",
                             "sip:h:0",
                             "sip:h:65536",
                             "sip:h:x",
                             "sip:h:5060x",
                             "sip:h x",
                             "sip:<h>",
                             "sip:2001:db8::1",
                             "sip:[]",
                             "sip:[::1",
                             "sip:[::1]x",
                             "sip:[fe80::1%25eth0]",
                             "sip:a@b@c",
                             "http://h",
                             "sip:h,i",
                             "sip :h"}) {
        EXPECT_EQ(uri(text), "absent") << text;
    }
}

std::string address(std::string_view text) {
    const ExactCopy copy(text);
    const auto parsed = parse_name_address(copy.view());
    return parsed ? std::string(parsed->uri) + "|" + std::string(parsed->parameters) : "absent";
}

TEST(SipNameAddress, GivesParametersToTheHeaderUnlessTheyAreInBrackets) {
    EXPECT_EQ(address("<sip:u@d:7100;maddr=10.1.2.3;transport=tcp>;proxy=replace"),
              "sip:u@d:7100;maddr=10.1.2.3;transport=tcp|;proxy=replace");
    EXPECT_EQ(address("sip:u@d;tag=1"), "sip:u@d|;tag=1");
    EXPECT_EQ(address("\"A <x>, \\\"L\\\"\"< sip:u@d > ; tag=1"), "sip:u@d|; tag=1");
    EXPECT_EQ(address("caller<sip:u@d>"), "sip:u@d|");
    EXPECT_EQ(address("Bell, Alexander <sip:u@d>;tag=43"), "sip:u@d|;tag=43");
    EXPECT_EQ(address("*"), "*|");
    EXPECT_EQ(address("sip:u@d;+sip.instance=\"<urn:uuid:1>\""), "sip:u@d|;+sip.instance=\"<urn:uuid:1>\"");
    EXPECT_EQ(address("isbn:2983792873"), "isbn:2983792873|");
}

TEST(SipNameAddress, IsAbsentWhenBracketsOrQuotesDoNotMatch) {
    for (const auto* text :
         {"", "   ", "<>", "<sip:a", "\"open <sip:a>", "\"quoted\" sip:a", "<sip:a> x", "<sip:a>,<sip:b>", ";tag=1"}) {
        EXPECT_EQ(address(text), "absent") << text;
    }
}

std::string via(std::string_view text) {
    const ExactCopy copy(text);
    const auto parsed = parse_via(copy.view());
    if (!parsed) return "absent";
    return std::string(parsed->transport) + "|" + std::string(parsed->host) + "|" + std::to_string(parsed->port) + "|" +
           std::string(parsed->parameters);
}

TEST(SipVia, IsTakenApart) {
    EXPECT_EQ(via("SIP/2.0/TCP 10.1.2.3:7100;branch=z9hG4bK1"), "TCP|10.1.2.3|7100|;branch=z9hG4bK1");
    EXPECT_EQ(via("SIP/2.0/tls h"), "tls|h|0|");
    EXPECT_EQ(via("sip / 2.0\r\n /UDP\r\n    192.0.2.2;branch=1"), "UDP|192.0.2.2|0|;branch=1");
    EXPECT_EQ(via("SIP/2.0/UDP [2001:db8::1] : 5060 ;rport"), "UDP|[2001:db8::1]|5060|;rport");
    EXPECT_EQ(via("SIP/2.0/UDP h;;"), "UDP|h|0|;;");
}

TEST(SipVia, IsAbsentWhenItCannotBeRead) {
    for (const auto* text :
         {"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/7.0/UDP h", "SIP/2.0 h", "SIP/2.0/ h", "HTTP/2.0/UDP h",
          "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h x", "SIP/2.0/UDP ;x", "SIP/2.0/UDP[::1]"}) {
        EXPECT_EQ(via(text), "absent") << text;
    }
}

std::string endpoint(std::string_view text) {
    const auto parsed = parse_sip_uri(text);
    if (!parsed) return "no uri";
    const auto found = contact_endpoint(*parsed);
    return found ? found->to_string() : "absent";
}

TEST(SipContact, LeadsToMaddrBeforeTheHost) {
    EXPECT_EQ(endpoint("sip:u@d:7100;maddr=10.1.2.3;transport=tcp"), "10.1.2.3:7100");
    EXPECT_EQ(endpoint("sip:10.9.9.9:7100;MADDR=\"10.1.2.3\""), "10.1.2.3:7100");
    EXPECT_EQ(endpoint("sip:u@10.1.2.3"), "10.1.2.3:5060");
    EXPECT_EQ(endpoint("sip:u@[2001:db8::1]:5070"), "[2001:db8::1]:5070");
    EXPECT_EQ(endpoint("sip:u@d;maddr=2001:db8::1"), "[2001:db8::1]:5060");
    EXPECT_EQ(endpoint("sip:u@d;maddr=[2001:db8::1]"), "[2001:db8::1]:5060");
    EXPECT_EQ(endpoint("sip:u@10.1.2.3;maddr="), "10.1.2.3:5060");
    EXPECT_EQ(endpoint("sip:u@10.1.2.3;maddr=name"), "absent");
    EXPECT_EQ(endpoint("sip:u@example.com"), "absent");
    EXPECT_EQ(endpoint("sip:u@10.1.2.03"), "absent");
    EXPECT_EQ(endpoint("sip:u@d;opaque=user:epid:X;gruu"), "absent");
}

std::string content_type(std::string_view text) {
    const ExactCopy copy(text);
    const auto parsed = parse_content_type(copy.view());
    return parsed
               ? std::string(parsed->type) + "|" + std::string(parsed->subtype) + "|" + std::string(parsed->parameters)
               : "absent";
}

TEST(ContentType, IsTakenApart) {
    EXPECT_EQ(content_type("application/sdp"), "application|sdp|");
    EXPECT_EQ(content_type(" text / x-msmsgsinvite ; charset=UTF-8"), "text|x-msmsgsinvite|; charset=UTF-8");
    EXPECT_EQ(content_type("multipart/alternative;boundary=\"a b\""), "multipart|alternative|;boundary=\"a b\"");
    for (const auto* text :
         {"", "text", "text/", "/plain", "text/plain x", "text//plain", "te xt/plain", "text/plain,text/html"}) {
        EXPECT_EQ(content_type(text), "absent") << text;
    }
    EXPECT_TRUE(parse_content_type("Application/SDP")->is("application", "sdp"));
    EXPECT_FALSE(parse_content_type("application/sdpx")->is("application", "sdp"));
    EXPECT_FALSE(parse_content_type("text/sdp")->is("application", "sdp"));
}

TEST(Seconds, AreANumberAndThenNothingOrParameters) {
    EXPECT_EQ(parse_seconds("3600"), 3600U);
    EXPECT_EQ(parse_seconds(" 1800;refresher=uac"), 1800U);
    EXPECT_EQ(parse_seconds("90 ;x"), 90U);
    EXPECT_EQ(parse_seconds("0"), 0U);
    EXPECT_EQ(parse_seconds("4294967295"), UINT32_MAX);
    for (const auto* text : {"", "x", "-1", "+1", "4294967296", "1x", "1,2", ";1", "99999999999999999999999999"}) {
        EXPECT_EQ(parse_seconds(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace messenger::alg
