// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/request_check.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "nft/batch.h"
#include "nft/conntrack_message.h"
#include "nft/element_message.h"
#include "nft/kernel_ruleset.h"
#include "nft/request_reader.h"

namespace messenger::nft {
namespace {

using namespace std::chrono_literals;

using Bytes = std::vector<std::byte>;

/// Keeps what is to be sent, and answers that there is no such thing.
class Recorder final : public NetlinkGate {
   public:
    int send(std::span<const std::byte> request, std::size_t /*answers*/) override {
        requests.emplace_back(request.begin(), request.end());
        return ENOENT;
    }
    int post(std::span<const std::byte> request, std::size_t answers) override { return send(request, answers); }
    std::vector<Bytes> requests;
};

class Says final : public RequestCheck::Judge {
   public:
    explicit Says(bool yes) : yes_(yes) {}
    bool may_add(SetId /*set*/, const Element& /*element*/) const override { return yes_; }
    bool may_seed(const FlowEntry& /*entry*/) const override { return yes_; }

   private:
    bool yes_;
};

const Says kYes{true};
const Says kNo{false};
const Endpoint kInside{Address::v4(0x0a010203), 5350};
const Endpoint kOutside{Address::v4(0xc633640a), 40000};
const FlowTuple kFlow{Protocol::udp, {Address::v4(0xcb00711e), 9000}, kInside};
const FlowTuple kFlow6{Protocol::tcp, {*Address::parse("2001:db8::1"), 9000}, {*Address::parse("fd01::3"), 1503}};

SchemaOptions options() {
    SchemaOptions options;
    options.admit_queue = 5070;
    options.nat_interfaces = {"wan0"};
    options.tls = TlsWatch{{{Address::v4(0xc6336414), 32}}, 5061, 10min};
    return options;
}

NetlinkSocket socket_through(Recorder& recorder) {
    auto socket = NetlinkSocket::open();
    EXPECT_TRUE(socket.has_value());
    socket->send_through(recorder);
    return *std::move(socket);
}

/// One element for each set; a map's leads somewhere.
Transaction everything() {
    Transaction all;
    for (const SetSpec& spec : set_specs()) {
        const Bytes key(spec.key_size(), std::byte{1});
        Element element{*Key::from_bytes(key), spec.permanent ? 0ms : 90s, Comment("audio rtp call=1"), {}};
        if (spec.is_map()) element.target = kInside;
        all.refresh(spec.id, element);
        all.create(spec.id, element);
    }
    return all;
}

Bytes commit(const Transaction& transaction, bool destroys = false) {
    Recorder recorder;
    KernelRuleset ruleset(socket_through(recorder), destroys);
    EXPECT_FALSE(ruleset.commit(transaction));
    return recorder.requests.at(0);
}

Bytes install(const SchemaOptions& chosen, const Transaction& elements = {}) {
    Recorder recorder;
    Schema schema(socket_through(recorder), chosen);
    EXPECT_FALSE(schema.install(elements));
    return recorder.requests.at(0);
}

std::vector<Bytes> track(const std::function<void(Conntrack&)>& use) {
    Recorder recorder;
    Conntrack conntrack(socket_through(recorder));
    use(conntrack);
    return recorder.requests;
}

std::vector<Bytes> seeds() {
    return track([](Conntrack& conntrack) {
        EXPECT_FALSE(conntrack.seed({kFlow, 1U << 28U, 60s, std::nullopt}));
        EXPECT_FALSE(conntrack.seed({kFlow6, 0, 60s, std::nullopt}));
    });
}

Bytes bytes_of(const nlmsghdr& message) {
    const auto* begin = reinterpret_cast<const std::byte*>(&message);
    return {begin, begin + message.nlmsg_len};
}

Bytes seed_with_nat() {
    ConntrackBuffer buffer{};
    return bytes_of(*build_seed(buffer, {kFlow, 1U << 28U, 60s, kOutside}));
}

/// Several in one, as Requests sends them.
Bytes seeds_together() {
    return track([](Conntrack& conntrack) {
               const std::array<FlowEntry, 2> both{FlowEntry{kFlow, 1U << 28U, 60s, std::nullopt},
                                                   FlowEntry{kFlow6, 0, 60s, std::nullopt}};
               for (const auto& result : conntrack.seed_each(both)) EXPECT_FALSE(result);
           })
        .at(0);
}

std::string fault(const Bytes& request, const RequestCheck::Judge& judge = kYes) {
    static const RequestCheck yes(options(), kYes);
    static const RequestCheck no(options(), kNo);
    return (&judge == &kYes ? yes : no).find_fault(request);
}

/// The messages of a request by their place.
std::vector<std::size_t> places(const Bytes& request) {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < request.size();) {
        nlmsghdr header{};
        std::memcpy(&header, request.data() + at, sizeof(header));
        found.push_back(at);
        at += (header.nlmsg_len + 3U) & ~3U;
    }
    return found;
}

Bytes without(const Bytes& request, std::size_t number) {
    const auto at = places(request);
    Bytes shorter(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(at.at(number)));
    shorter.insert(shorter.end(), request.begin() + static_cast<std::ptrdiff_t>(at.at(number + 1)), request.end());
    return shorter;
}

/// A message with one attribute more.
Bytes with_attribute(Bytes request, std::uint16_t type, const Bytes& value) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
    const auto* bytes = reinterpret_cast<const std::byte*>(&head);
    request.insert(request.end(), bytes, bytes + sizeof(head));
    request.insert(request.end(), value.begin(), value.end());
    request.resize((request.size() + 3) & ~std::size_t{3});
    const auto length = static_cast<std::uint32_t>(request.size());
    std::memcpy(request.data(), &length, sizeof(length));
    return request;
}

Bytes message(std::uint16_t type, std::uint16_t flags, std::uint8_t family) {
    const nlmsghdr header{sizeof(nlmsghdr) + sizeof(nfgenmsg), type, flags, 1, 0};
    const nfgenmsg netfilter{family, NFNETLINK_V0, 0};
    Bytes bytes(header.nlmsg_len);
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), &netfilter, sizeof(netfilter));
    return bytes;
}

TEST(RequestCheck, LetsThroughEveryChangeOfElements) {
    EXPECT_EQ(fault(commit(everything())), "");
    Transaction flush;
    for (const SetSpec& spec : set_specs()) flush.flush(spec.id);
    EXPECT_EQ(fault(commit(flush), kNo), "") << "closing is always allowed";
    Transaction discard;
    discard.discard(SetId::admitted4, Key::tuple(kFlow));
    EXPECT_EQ(fault(commit(discard, true), kNo), "");
    EXPECT_EQ(fault(commit(discard, false), kYes), "");
    EXPECT_EQ(fault(commit(discard, false), kNo), "") << "also where the kernel wants it added first";
}

TEST(RequestCheck, LetsNothingThroughThatIsNotRemovedByTheNextMessage) {
    const Element pinhole{Key::pinhole(kFlow.source.address, Protocol::udp, kInside), 90s, Comment("audio"), {}};
    const Element other{Key::pinhole(kFlow.source.address, Protocol::udp, kOutside), 90s, Comment("audio"), {}};
    const auto opens = [&](const std::function<void(Transaction&)>& write) {
        Transaction changes;
        write(changes);
        // The order in which a taken-over daemon would write them, which KernelRuleset would not keep.
        Batch batch;
        batch.begin(0);
        for (const Operation& one : changes.operations()) put_operation(batch, kTable, one, LeaveOut::nothing, 0);
        Bytes request(batch.bytes().begin(), batch.bytes().end());
        const Bytes whole = commit(everything());
        const auto end = whole.begin() + static_cast<std::ptrdiff_t>(places(whole).back());
        request.insert(request.end(), end, whole.end());
        return !fault(request, kNo).empty();
    };
    const auto add = [&](Transaction& to) { to.add(SetId::pinholes4, pinhole); };
    const auto remove = [&](Transaction& to) { to.remove(SetId::pinholes4, pinhole.key); };
    EXPECT_FALSE(opens([&](Transaction& to) { add(to), remove(to); })) << "the control: a discard";
    EXPECT_FALSE(opens([&](Transaction& to) { add(to), remove(to), add(to), remove(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { remove(to), add(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to), remove(to), add(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to), to.remove(SetId::pinholes4, other.key), remove(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to), to.remove(SetId::callbacks4, pinhole.key); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to), to.add(SetId::pinholes4, other), remove(to); }));
    EXPECT_TRUE(opens([&](Transaction& to) { add(to), to.flush(SetId::pinholes4); }));
}

TEST(RequestCheck, LetsThroughTheTableOfTheSchema) {
    EXPECT_EQ(fault(install(options())), "");
    Transaction elements;
    elements.add(SetId::open4, {Key::endpoint(Protocol::udp, kInside), 90s, Comment("audio"), {}});
    EXPECT_EQ(fault(install(options(), elements)), "");
    EXPECT_NE(fault(install(options(), elements), kNo), "");
}

TEST(RequestCheck, LetsThroughEveryQuestion) {
    Recorder recorder;
    KernelRuleset ruleset(socket_through(recorder));
    Schema schema(socket_through(recorder), options());
    for (const SetSpec& spec : set_specs()) {
        EXPECT_FALSE(ruleset.list(spec.id));
        EXPECT_FALSE(ruleset.find(spec.id, *Key::from_bytes(Bytes(spec.key_size()))));
    }
    EXPECT_TRUE(schema.verify()) << "the table is not there";
    EXPECT_TRUE(schema.is_alike());
    EXPECT_FALSE(schema.guard_counts());
    EXPECT_FALSE(schema.queued_counts());
    for (const Bytes& request : recorder.requests) EXPECT_EQ(fault(request, kNo), "");
    EXPECT_GT(recorder.requests.size(), 2 * kSetCount);
}

TEST(RequestCheck, LetsThroughWhatConntrackIsAsked) {
    const auto requests = track([](Conntrack& conntrack) {
        for (const FlowTuple& tuple : {kFlow, kFlow6}) {
            EXPECT_TRUE(conntrack.find(tuple));
            EXPECT_TRUE(conntrack.remove(tuple));
            EXPECT_TRUE(conntrack.translation(tuple));
        }
        EXPECT_TRUE(conntrack.set_liberal(kFlow6));
        EXPECT_FALSE(conntrack.renew_established({{kFlow6}}, 9s));
        EXPECT_FALSE(conntrack.list(1, 1));
    });
    for (const Bytes& request : requests) EXPECT_EQ(fault(request, kNo), "");
    ConntrackBuffer buffer{};
    EXPECT_EQ(fault(bytes_of(*build_renewal(buffer, kFlow6, 9s)), kNo), "");
    EXPECT_NE(fault(bytes_of(*build_renewal(buffer, kFlow, 9s)), kNo), "") << "of connections alone";
}

TEST(RequestCheck, AsksTheJudgeAboutEveryElementAndEverySeed) {
    const Transaction all = everything();
    for (const Operation& operation : all.operations()) {
        Transaction one;
        one.add(operation.set, operation.element);
        EXPECT_EQ(fault(commit(one)), "");
        EXPECT_EQ(fault(commit(one), kNo), "not to be opened: " + to_nft(one.operations().front()));
    }
    for (const Bytes& seed : seeds()) {
        EXPECT_EQ(fault(seed), "");
        EXPECT_NE(fault(seed, kNo), "");
    }
    EXPECT_EQ(fault(seed_with_nat()), "");
    EXPECT_NE(fault(seed_with_nat(), kNo), "");
}

TEST(RequestCheck, NamesTheMessagesThatAloneAreToBlame) {
    /// All but open4.
    class Some final : public RequestCheck::Judge {
       public:
        [[nodiscard]] bool may_add(SetId set, const Element& /*element*/) const override { return set != SetId::open4; }
        [[nodiscard]] bool may_seed(const FlowEntry& /*entry*/) const override { return false; }
    };
    const Some some;
    const RequestCheck check(options(), some);
    const auto number = [](const Bytes& request, std::size_t place) {
        nlmsghdr header{};
        std::memcpy(&header, request.data() + places(request).at(place), sizeof(header));
        return header.nlmsg_seq;
    };
    Transaction elements;
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{5350, 5352}) {
        elements.add(
            SetId::pinholes4,
            {Key::pinhole(kFlow.source.address, Protocol::udp, {kInside.address, port}), 90s, Comment("audio"), {}});
        elements.add(SetId::open4, {Key::endpoint(Protocol::udp, {kInside.address, port}), 90s, Comment("audio"), {}});
    }
    const Bytes request = commit(elements);  // an envelope around each
    std::vector<std::uint32_t> to_blame{7};
    EXPECT_EQ(check.find_fault(request, to_blame), "not to be opened: " + to_nft(elements.operations()[1]));
    EXPECT_EQ(to_blame, (std::vector{number(request, 2), number(request, 4)}));

    EXPECT_NE(
        check.find_fault(Bytes(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(places(request).at(5))),
                         to_blame),
        "")
        << "an end is missing";
    EXPECT_TRUE(to_blame.empty()) << "then all of it is wrong";
}

TEST(RequestCheck, JudgesEachOfSeveralRequestsInOne) {
    const Bytes both = seeds_together();
    EXPECT_EQ(places(both).size(), 2U);
    EXPECT_EQ(fault(both), "");
    EXPECT_NE(fault(both, kNo), "");

    Bytes then_another = both;
    const Bytes removal = track([](Conntrack& conntrack) { static_cast<void>(conntrack.remove(kFlow)); }).at(0);
    then_another.insert(then_another.end(), removal.begin(), removal.end());
    EXPECT_EQ(fault(then_another), "");
    // The last is a deletion of all entries.
    nlmsghdr header{};
    std::memcpy(&header, removal.data(), sizeof(header));
    header.nlmsg_len = sizeof(nlmsghdr) + sizeof(nfgenmsg);
    then_another.resize(both.size() + header.nlmsg_len);
    std::memcpy(then_another.data() + both.size(), &header, sizeof(header));
    EXPECT_EQ(fault(then_another), "a request that is none of ours");

    Bytes and_a_rest = both;
    and_a_rest.resize(both.size() + 4);
    EXPECT_EQ(fault(and_a_rest), "something behind a request that is none");

    // A transaction, which is judged otherwise, has to stand first.
    Bytes and_a_change = both;
    const Bytes change = commit(everything());
    and_a_change.insert(and_a_change.end(), change.begin(), change.end());
    EXPECT_NE(fault(and_a_change), "");
}

TEST(RequestReader, ReadsBackWhatWasWritten) {
    Transaction one;
    const Element element{Key::binding("wan0", Protocol::udp, kInside), 90s, Comment("binding"), kOutside};
    one.add(SetId::snat4, element);
    const Bytes request = commit(one);
    const auto* change = reinterpret_cast<const nlmsghdr*>(request.data() + places(request).at(1));
    const auto operation = read_operation(*change);
    ASSERT_TRUE(operation);
    EXPECT_EQ(to_nft(*operation), to_nft(one.operations().front()));

    const Bytes nat = seed_with_nat();
    const auto seed = read_seed(*reinterpret_cast<const nlmsghdr*>(nat.data()));
    ASSERT_TRUE(seed);
    EXPECT_EQ(seed->original, kFlow);
    EXPECT_EQ(seed->outside, kOutside);
    EXPECT_EQ(seed->mark, 1U << 28U);
    EXPECT_EQ(seed->timeout, 60s);
    const auto plain = seeds();
    EXPECT_EQ(read_seed(*reinterpret_cast<const nlmsghdr*>(plain.at(1).data()))->original, kFlow6);
}

TEST(RequestCheck, TurnsDownATableThatIsNotTheSchemas) {
    const Bytes whole = install(options());
    const std::size_t messages = places(whole).size();
    for (std::size_t number = 1; number + 1 < messages; ++number) {
        EXPECT_NE(fault(without(whole, number)), "") << "message " << number << " is missing";
    }
    SchemaOptions other = options();
    other.media_silence = 24h;
    EXPECT_NE(fault(install(other)), "") << "the same rules with another number";
    Bytes unended = whole;
    unended.resize(places(whole).back());
    EXPECT_NE(fault(unended), "");
}

TEST(RequestCheck, TurnsDownOtherRules) {
    Transaction one;
    one.add(SetId::open4, {Key::endpoint(Protocol::udp, kInside), 90s, Comment("audio"), {}});
    const Bytes good = commit(one);
    const std::size_t at = places(good).at(1);
    for (int type = 0; type < NFT_MSG_MAX; ++type) {
        if (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM) continue;
        Bytes changed = good;
        changed[at + offsetof(nlmsghdr, nlmsg_type)] = static_cast<std::byte>(type);
        EXPECT_NE(fault(changed), "") << "message type " << type;
    }
    Bytes elsewhere = good;
    const std::string_view text(reinterpret_cast<const char*>(good.data()), good.size());
    elsewhere[text.find("messenger_alg")] = std::byte{'M'};
    EXPECT_NE(fault(elsewhere), "") << "another table";
    Bytes bridge = good;
    bridge[at + sizeof(nlmsghdr)] = std::byte{NFPROTO_BRIDGE};
    EXPECT_NE(fault(bridge), "") << "another family";
    Bytes twice = good;
    twice.insert(twice.end(), good.begin(), good.end());
    EXPECT_NE(fault(twice), "");
}

TEST(RequestCheck, TurnsDownWhatElseNetfilterCanBeAsked) {
    const Bytes seed = seeds().front();
    EXPECT_NE(fault(with_attribute(seed, CTA_HELP, Bytes(8))), "") << "a helper on the flow";
    EXPECT_NE(fault(with_attribute(seed, CTA_LABELS, Bytes(16))), "");
    EXPECT_NE(fault(with_attribute(seed, CTA_MARK, Bytes(4))), "") << "a second mark";
    EXPECT_NE(fault(message(NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, AF_INET)), "")
        << "without a tuple, all entries go";
    EXPECT_NE(fault(message(NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET_CTRZERO, NLM_F_REQUEST | NLM_F_DUMP, 0)),
              "");
    for (const int subsystem :
         {NFNL_SUBSYS_CTNETLINK_EXP, NFNL_SUBSYS_QUEUE, NFNL_SUBSYS_ULOG, NFNL_SUBSYS_OSF, NFNL_SUBSYS_IPSET,
          NFNL_SUBSYS_ACCT, NFNL_SUBSYS_CTNETLINK_TIMEOUT, NFNL_SUBSYS_CTHELPER}) {
        for (int type = 0; type < 8; ++type) {
            const auto number = static_cast<std::uint16_t>(subsystem * 256 + type);
            EXPECT_NE(fault(message(number, NLM_F_REQUEST, AF_INET)), "") << "message " << number;
        }
    }
    EXPECT_NE(fault({}), "");
    EXPECT_NE(fault(Bytes(7)), "");
}

TEST(RequestCheck, SaysNothingOfAnotherFlowThanTheSeedNames) {
    Bytes seed = seeds().front();
    // The reply's tuple comes after the original's; its source is the inside host.
    const std::string_view text(reinterpret_cast<const char*>(seed.data()), seed.size());
    const std::string_view inside("\x0a\x01\x02\x03", 4);
    const std::size_t reply = text.find(inside, text.find(inside) + 1);
    ASSERT_NE(reply, std::string_view::npos);
    seed[reply + 3] = std::byte{4};
    EXPECT_NE(fault(seed), "");
}

TEST(RequestCheck, LetsNoElementThroughThatAJudgeTurnsDownWhateverBitIsFlipped) {
    Transaction one;
    one.add(SetId::pinholes4, {Key::pinhole(Address::v4(1), Protocol::udp, kInside), 90s, Comment("audio"), {}});
    const Bytes good = commit(one);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes flipped = good;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        if (!fault(flipped, kNo).empty()) continue;
        nlmsghdr header{};
        std::memcpy(&header, flipped.data() + places(good).at(1), sizeof(header));
        EXPECT_NE(header.nlmsg_type & 0xffU, unsigned{NFT_MSG_NEWSETELEM}) << "bit " << bit;
    }
}

}  // namespace
}  // namespace messenger::nft
