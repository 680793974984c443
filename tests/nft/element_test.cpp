// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/element.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

using namespace std::chrono_literals;

const Endpoint kInside{Address::v4(0x0a010203), 5350};
const Endpoint kInside6{*Address::parse("fd01::3"), 5350};

std::vector<unsigned> numbers(const Key& key) {
    std::vector<unsigned> bytes;
    for (const std::byte byte : key.bytes()) bytes.push_back(std::to_integer<unsigned>(byte));
    return bytes;
}

std::size_t size_of(const Key& key) {
    return key.bytes().size();
}

std::string text_of(const Comment& comment) {
    return std::string(comment.text());
}

TEST(ElementKey, FillsEveryFieldUpToFourBytes) {
    const Key pinhole = Key::pinhole(Address::v4(0xcb00711e), Protocol::udp, kInside);
    EXPECT_EQ(numbers(pinhole), (std::vector<unsigned>{203, 0, 113, 30, 10, 1, 2, 3, 17, 0, 0, 0, 0x14, 0xe6, 0, 0}));
    EXPECT_EQ(numbers(Key::port(Protocol::tcp, 5060)), (std::vector<unsigned>{6, 0, 0, 0, 0x13, 0xc4, 0, 0}));
}

TEST(ElementKey, HasTheSizeOfItsSet) {
    const FlowTuple tuple{Protocol::udp, {Address::v4(1), 1}, {Address::v4(2), 2}};
    const FlowTuple tuple6{Protocol::udp, {*Address::parse("::1"), 1}, {*Address::parse("::2"), 2}};
    EXPECT_EQ(size_of(Key::pinhole(Address::v4(1), Protocol::udp, kInside)), spec_of(SetId::pinholes4).key_size());
    EXPECT_EQ(size_of(Key::pinhole(tuple6.source.address, Protocol::udp, kInside6)),
              spec_of(SetId::pinholes6).key_size());
    EXPECT_EQ(size_of(Key::endpoint(Protocol::udp, kInside)), spec_of(SetId::open4).key_size());
    EXPECT_EQ(size_of(Key::endpoint(Protocol::udp, kInside6)), spec_of(SetId::sent6).key_size());
    EXPECT_EQ(size_of(Key::tuple(tuple)), spec_of(SetId::admitted4).key_size());
    EXPECT_EQ(size_of(Key::tuple(tuple6)), spec_of(SetId::admitted6).key_size());
    EXPECT_EQ(size_of(Key::port(Protocol::udp, 1)), spec_of(SetId::sip_ports).key_size());
}

TEST(ElementKey, OfOneFieldIsNotFilledUp) {
    const Key key = Key::protocol(Protocol::tcp);
    EXPECT_EQ(numbers(key), std::vector<unsigned>{6});
    EXPECT_EQ(size_of(key), spec_of(SetId::handover).key_size());
    EXPECT_EQ(key.to_string(SetId::handover), "tcp");
}

TEST(ElementKey, OfAMapIsThatOfThePinholeWithTheOutsideEndpoint) {
    const Endpoint outside{Address::v4(0xcb007101), 40000};
    const Key pinned = Key::pinhole(Address::v4(0xcb00711e), Protocol::udp, outside);
    const Key any = Key::endpoint(Protocol::udp, outside);
    for (const SetId set : {SetId::outside4, SetId::dnat4}) {
        EXPECT_EQ(pinned.to_string(set), "203.0.113.30 . 203.0.113.1 . udp . 40000");
    }
    for (const SetId set : {SetId::outside_open4, SetId::dnat_open4}) {
        EXPECT_EQ(any.to_string(set), "203.0.113.1 . udp . 40000");
    }
}

TEST(ElementKey, OfABindingNamesTheInterface) {
    for (const char* interface : {"", "wan", "interface123456"}) {
        const Key key = Key::binding(interface, Protocol::tcp, kInside);
        EXPECT_EQ(size_of(key), spec_of(SetId::snat4).key_size());
        EXPECT_EQ(key.to_string(SetId::snat4), '"' + std::string(interface) + "\" . 10.1.2.3 . tcp . 5350");
        const auto read = read_binding_key(key);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->interface, interface);
        EXPECT_EQ(read->protocol, Protocol::tcp);
        EXPECT_EQ(read->inside, kInside);
    }
    EXPECT_FALSE(read_binding_key(Key::endpoint(Protocol::tcp, kInside)));
    const std::array<std::byte, 28> nothing{};
    EXPECT_FALSE(read_binding_key(*Key::from_bytes(nothing)));
    const Key longest = Key::binding("interface123456", Protocol::tcp, kInside);
    std::vector<std::byte> without_end(longest.bytes().begin(), longest.bytes().end());
    without_end[15] = std::byte{'7'};
    EXPECT_FALSE(read_binding_key(*Key::from_bytes(without_end)));
}

TEST(ElementKey, OfAnAddressIsTheAddress) {
    for (const Address& address : {Address::v4(0x0a010203), *Address::parse("2001:db8::3")}) {
        const Key key = Key::address(address);
        EXPECT_EQ(size_of(key), spec_of(heard(address.family())).key_size());
        EXPECT_EQ(key.to_string(heard(address.family())), address.to_string());
        EXPECT_EQ(read_address_key(key), address);
    }
    EXPECT_FALSE(read_address_key(Key::endpoint(Protocol::tcp, kInside)));
    EXPECT_FALSE(read_address_key(Key{}));
}

TEST(ElementTarget, ReadsBackWhatItWasMadeOf) {
    const auto bytes = target_bytes(kInside);
    EXPECT_EQ(bytes.size(), spec_of(SetId::dnat4).target_size());
    EXPECT_EQ(read_target(bytes), kInside);
    EXPECT_FALSE(read_target(std::span(bytes).first(7)));
    EXPECT_FALSE(read_target({}));
}

TEST(ElementKey, PrintsAsNftWritesIt) {
    EXPECT_EQ(Key::pinhole(Address::v4(0xcb00711e), Protocol::udp, kInside).to_string(SetId::pinholes4),
              "203.0.113.30 . 10.1.2.3 . udp . 5350");
    EXPECT_EQ(Key::endpoint(Protocol::tcp, kInside6).to_string(SetId::open6), "fd01::3 . tcp . 5350");
    EXPECT_EQ(Key::tuple({Protocol::tcp, {Address::v4(1), 65535}, {Address::v4(2), 0}}).to_string(SetId::admitted4),
              "0.0.0.1 . 0.0.0.2 . tcp . 65535 . 0");
    EXPECT_EQ(Key::port(Protocol::udp, 5060).to_string(SetId::sip_ports), "udp . 5060");
}

TEST(ElementKey, ReadsBackWhatItWasMadeOf) {
    for (const auto& [remote, inside] :
         {std::pair(Address::v4(0xcb00711e), kInside), std::pair(*Address::parse("2001:db8::1"), kInside6)}) {
        const auto pinhole = read_pinhole_key(Key::pinhole(remote, Protocol::tcp, inside));
        ASSERT_TRUE(pinhole);
        EXPECT_EQ(pinhole->remote, remote);
        EXPECT_EQ(pinhole->protocol, Protocol::tcp);
        EXPECT_EQ(pinhole->inside, inside);
        const auto endpoint = read_endpoint_key(Key::endpoint(Protocol::udp, inside));
        ASSERT_TRUE(endpoint);
        EXPECT_EQ(endpoint->protocol, Protocol::udp);
        EXPECT_EQ(endpoint->inside, inside);
        const FlowTuple tuple{Protocol::udp, {remote, 9000}, inside};
        EXPECT_EQ(read_tuple_key(Key::tuple(tuple)), tuple);
    }
}

TEST(ElementKey, RefusesBytesThatAreNoSuchKey) {
    const std::array<std::byte, Key::kMaxSize + 1> bytes{};
    EXPECT_FALSE(Key::from_bytes(bytes));
    for (std::size_t size = 0; size <= Key::kMaxSize; ++size) {
        // all zeros: where the size fits, the protocol does not
        const auto key = Key::from_bytes(std::span(bytes).first(size));
        ASSERT_TRUE(key);
        EXPECT_FALSE(read_pinhole_key(*key)) << size;
        EXPECT_FALSE(read_endpoint_key(*key)) << size;
        EXPECT_FALSE(read_tuple_key(*key)) << size;
    }
}

TEST(ElementComment, KeepsWhatNftCanQuoteAndReplacesTheRest) {
    EXPECT_EQ(text_of(Comment("call <1> bob@example.com; audio")), "call <1> bob@example.com; audio");
    EXPECT_EQ(text_of(Comment("a\"b\\c\nd\x1b[2Je\x7f")), "a?b?c?d?[2Je?");
    EXPECT_EQ(text_of(Comment("gr\xc3\xbc\xc3\x9f")), "gr????");
    EXPECT_EQ(text_of(Comment(std::string_view("\0", 1))), "?");
    EXPECT_TRUE(Comment("").empty());
}

TEST(ElementComment, IsCutAtWhatNftReads) {
    EXPECT_EQ(text_of(Comment(std::string(128, 'x'))), std::string(128, 'x'));
    EXPECT_EQ(text_of(Comment(std::string(5000, 'x'))), std::string(128, 'x'));
}

TEST(StoredElement, IsRestoredForTheTimeThatIsLeft) {
    StoredElement stored;
    stored.element = {Key::endpoint(Protocol::udp, kInside), 60s, Comment("call")};
    stored.expires = 118s;  // the packet path has refreshed it
    EXPECT_EQ(stored.restored().timeout, 118s);
    EXPECT_EQ(text_of(stored.restored().comment), "call");
    stored.expires = 0s;  // about to go: 0 would make it permanent
    EXPECT_EQ(stored.restored().timeout, 1ms);
    stored.element.timeout = 0s;
    EXPECT_EQ(stored.restored().timeout, 0s);
}

TEST(FormatTimeout, WritesWhatNftReads) {
    EXPECT_EQ(format_timeout(60s), "1m");
    EXPECT_EQ(format_timeout(59500ms), "59s500ms");
    EXPECT_EQ(format_timeout(1h + 5ms), "1h5ms");
    EXPECT_EQ(format_timeout(26h + 3min + 4s), "26h3m4s");
    EXPECT_EQ(format_timeout(0ms), "0s");
}

}  // namespace
}  // namespace messenger::nft
