// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/warden.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/gateway/schema_options.h"
#include "daemon/process/privileges.h"
#include "daemon/queue/queue_socket.h"
#include "nft/conntrack.h"
#include "nft/features.h"
#include "nft/kernel_ruleset.h"
#include "nft/schema.h"
#include "tests/daemon/support/network_namespace.h"
#include "tests/daemon/support/temporary_directory.h"

// On the real kernel: a thread that has given up its capabilities works through a warden that has not.
namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view kNote = "audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=x";
const nft::Address kHost = nft::Address::v4(0x0a010203);
const nft::Place kHeard{nft::SetId::heard4, nft::Key::address(kHost)};
const nft::Key kGood =
    nft::Key::pinhole(nft::Address::v4(0xcb00711e), nft::Protocol::udp, {nft::Address::v4(0x0a010203), 5350});
const nft::Key kProtected =
    nft::Key::pinhole(nft::Address::v4(0xcb00711e), nft::Protocol::udp, {nft::Address::v4(0x0a010203), 3389});

/// Stands in for the packet path, which has heard a host: a thread that keeps its rights.
class PacketPath {
   public:
    PacketPath() : ruleset_(*nft::NetlinkSocket::open()), thread_([this] { work(); }) {}
    ~PacketPath() {
        orders_.release();
        thread_.join();
    }
    PacketPath(const PacketPath&) = delete;
    PacketPath& operator=(const PacketPath&) = delete;
    PacketPath(PacketPath&&) = delete;
    PacketPath& operator=(PacketPath&&) = delete;

    [[nodiscard]] bool hear(const nft::Address& host) {
        host_ = host;
        orders_.release();
        done_.acquire();
        return heard_;
    }

   private:
    void work() {
        for (orders_.acquire(); host_; orders_.acquire()) {
            nft::Transaction one;
            one.add(nft::heard(host_->family()), {nft::Key::address(*host_), 60s, {}, {}});
            heard_ = ruleset_.commit(one).has_value();
            host_.reset();
            done_.release();
        }
    }

    nft::KernelRuleset ruleset_;
    std::optional<nft::Address> host_;
    bool heard_ = false;
    std::binary_semaphore orders_{0};
    std::binary_semaphore done_{0};
    std::thread thread_;
};

class Office {
   public:
    Office() : log_(LogLevel::debug, LogFormat::people) {
        config_.network.inside = {*alg::Prefix::parse("10.1.2.0/24")};
        write("");
        const auto features = nft::probe_features();
        options_ = schema_options(config_, *features, *features->queue_kind());
        ruleset_.emplace(*nft::NetlinkSocket::open());
        schema_.emplace(*nft::NetlinkSocket::open(), options_);
        conntrack_.emplace(*nft::NetlinkSocket::open());
        queue_ = std::make_unique<QueueSocket>(QueueOptions{{200}});
        WardenDuty duty;
        duty.ruleset = ruleset_->socket().fd();
        duty.schema = schema_->socket().fd();
        duty.conntrack = conntrack_->socket().fd();
        duty.queue = queue_->fd();
        duty.schema_options = options_;
        duty.config = config_;
        duty.config_file = file();
        warden_.emplace(duty, log_);
        ruleset_->socket().send_through(warden_->gate(WardenChannel::ruleset));
        schema_->socket().send_through(warden_->gate(WardenChannel::schema));
        conntrack_->socket().send_through(warden_->gate(WardenChannel::conntrack));
        queue_->send_through([this](std::span<const std::byte> bytes) { return warden_->post_verdicts(bytes); });
        keep_no_capability();
    }

    /// The configuration that the warden reads again.
    void write(const std::string& protected_ports) {
        std::ofstream(file()) << "[network]\ninside = [\"10.1.2.0/24\"]\nprotected_ports = [" << protected_ports
                              << "]\n";
    }
    static void add(const nft::Key& key, nft::Transaction& changes) {
        changes.add(nft::SetId::pinholes4, {key, 90s, nft::Comment(kNote), {}});
    }
    /// Whether it could be opened, and was not left out.
    [[nodiscard]] bool opens(const nft::Key& key) {
        nft::Transaction one;
        add(key, one);
        const auto report = commit(one);
        return report && report->turned_down == 0;
    }
    [[nodiscard]] nft::Expected<nft::CommitReport> commit(const nft::Transaction& changes) {
        return ruleset_->commit(changes);
    }
    [[nodiscard]] auto find(nft::SetId set, const nft::Key& key) { return ruleset_->find(set, key); }
    [[nodiscard]] bool is_open(const nft::Key& key) {
        const auto found = find(nft::SetId::pinholes4, key);
        return found && found->has_value();
    }
    /// The table, and the host that all of these tests open to.
    void prepare() {
        ASSERT_TRUE(schema().install({}));
        ASSERT_TRUE(packet_path().hear(kHost));
        ASSERT_EQ(warden().ask_about_hosts(std::array{kHeard}), std::vector<bool>{true});
    }
    nft::Schema& schema() { return *schema_; }
    PacketPath& packet_path() { return packet_path_; }
    nft::Conntrack& conntrack() { return *conntrack_; }
    QueueSocket& queue() { return *queue_; }
    Warden& warden() { return *warden_; }
    Log& log() { return log_; }

   private:
    [[nodiscard]] std::string file() const { return directory_.file("messenger-alg.toml"); }

    PacketPath packet_path_;
    TemporaryDirectory directory_;
    Log log_;
    Config config_;
    nft::SchemaOptions options_;
    std::optional<Warden> warden_;
    std::optional<nft::KernelRuleset> ruleset_;
    std::optional<nft::Schema> schema_;
    std::optional<nft::Conntrack> conntrack_;
    std::unique_ptr<QueueSocket> queue_;
};

#define IN_NETWORK_NAMESPACE(...) \
    if (!run_in_network_namespace([&] __VA_ARGS__)) GTEST_SKIP() << "needs root, to make a network namespace"

TEST(WardenRoot, DoesWhatMayBeDoneForAProcessThatMayNot) {
    IN_NETWORK_NAMESPACE({
        Office office;
        auto alone = nft::NetlinkSocket::open();
        ASSERT_TRUE(alone);
        EXPECT_FALSE(nft::Schema(*std::move(alone), {}).remove()) << "this thread itself has no rights any more";
        ASSERT_TRUE(office.schema().install({}));
        EXPECT_EQ(office.schema().verify()->kind, nft::SchemaState::Kind::intact);
        office.prepare();
        EXPECT_TRUE(office.opens(kGood));
        EXPECT_TRUE(office.is_open(kGood));
        EXPECT_TRUE(office.conntrack().list(0, 0));
        EXPECT_TRUE(office.schema().install({})) << "again, in place of the first";
        EXPECT_FALSE(office.is_open(kGood));
    });
}

TEST(WardenRoot, TurnsDownWhatMustNotBeOpened) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        EXPECT_FALSE(office.opens(kProtected));
        EXPECT_FALSE(office.is_open(kProtected));
        EXPECT_TRUE(office.opens(kGood)) << "it goes on with the next";
    });
}

TEST(WardenRoot, TurnsDownOneOfSeveralElementsAndLetsTheOthersThrough) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        nft::Transaction both;
        Office::add(kProtected, both);
        Office::add(kGood, both);
        const auto committed = office.commit(both);
        ASSERT_TRUE(committed) << committed.error().message();
        EXPECT_EQ(committed->turned_down, 1);
        EXPECT_EQ(committed->attempts, 2);
        EXPECT_TRUE(office.is_open(kGood));
        EXPECT_FALSE(office.is_open(kProtected));

        // The same where the table is made anew.
        const auto installed = office.schema().install(both);
        ASSERT_TRUE(installed) << installed.error().message();
        EXPECT_EQ(*installed, 1);
        EXPECT_TRUE(office.is_open(kGood));
        EXPECT_FALSE(office.is_open(kProtected));
    });
}

TEST(WardenRoot, OpensOnlyToHostsThatThePacketPathHasHeard) {
    IN_NETWORK_NAMESPACE({
        Office office;
        ASSERT_TRUE(office.schema().install({}));
        EXPECT_EQ(office.warden().ask_about_hosts(std::array{kHeard}), std::vector<bool>{false});
        EXPECT_FALSE(office.opens(kGood));
        ASSERT_TRUE(office.packet_path().hear(kHost));
        EXPECT_FALSE(office.opens(kGood)) << "it looks when it is asked to";
        const nft::Place other{nft::SetId::heard4, nft::Key::address(nft::Address::v4(0x0a010204))};
        EXPECT_EQ(office.warden().ask_about_hosts(std::array{other, kHeard}), (std::vector<bool>{false, true}));
        EXPECT_TRUE(office.opens(kGood));

        // More than fit into one question, with the answer in the last.
        office.warden().forget_hosts();
        EXPECT_FALSE(office.opens(kGood));
        std::vector<nft::Place> many(1000, other);
        many.push_back({nft::SetId::pinholes4, kGood});
        std::vector<bool> expected(1000, false);
        expected.push_back(true);
        EXPECT_EQ(office.warden().ask_about_hosts(many), expected) << "by what is open to it already";
        EXPECT_TRUE(office.opens(kGood));
        EXPECT_TRUE(office.warden().ask_about_hosts({}).empty());

        // The daemon cannot put there what it is asked for.
        nft::Transaction forged;
        forged.add(nft::SetId::heard4, {other.key, 60s, {}, {}});
        const auto report = office.commit(forged);
        ASSERT_TRUE(report);
        EXPECT_EQ(report->turned_down, 1);
        EXPECT_EQ(office.warden().ask_about_hosts(std::array{other}), std::vector<bool>{false});
    });
}

TEST(WardenRoot, TurnsDownOneOfSeveralSeedsAndLetsTheOthersThrough) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        const auto flow = [](std::uint16_t port) {
            const nft::FlowTuple tuple{
                nft::Protocol::udp, {nft::Address::v4(0xcb00711e), 9000}, {nft::Address::v4(0x0a010203), port}};
            return nft::FlowEntry{tuple, nft::MarkLayout{}.pinhole(), 30s, std::nullopt};
        };
        const auto expect_all_but_the_second = [&](auto& flows, const auto& results) {
            EXPECT_TRUE(results[0]);
            ASSERT_FALSE(results[1]);
            EXPECT_EQ(results[1].error().failure, nft::Failure::turned_down);
            EXPECT_TRUE(results[2]);
            for (std::size_t i = 0; i < flows.size(); ++i) {
                EXPECT_EQ(office.conntrack().find(flows[i].original)->has_value(), i != 1) << i;
            }
        };
        const std::array<nft::FlowEntry, 3> flows{flow(5350), flow(3389), flow(5352)};
        expect_all_but_the_second(flows, office.conntrack().seed_each(flows));

        // The same beside a transaction.
        const std::array<nft::FlowEntry, 3> others{flow(5360), flow(3389), flow(5362)};
        office.conntrack().begin_seeding(others);
        EXPECT_TRUE(office.opens(kGood));
        expect_all_but_the_second(others, office.conntrack().finish_seeding(others));

        // And where all may be made, they are when the transaction is over.
        const std::array<nft::FlowEntry, 2> good{flow(5370), flow(5372)};
        office.conntrack().begin_seeding(good);
        EXPECT_TRUE(office.opens(kGood));
        for (const auto& result : office.conntrack().finish_seeding(good)) {
            ASSERT_TRUE(result);
            EXPECT_EQ(*result, nft::Seeded::created);
        }
    });
}

/// Also where the kernel cannot destroy elements (before 6.3), and a discard is an addition and a removal.
TEST(WardenRoot, LetsWhatMayNotBeOpenedAnyMoreBeDiscarded) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        nft::Transaction ends;
        const nft::FlowTuple flow{nft::Protocol::udp,
                                  {nft::Address::v4(0xcb00711e), 40000},
                                  {nft::Address::v4(0x0a010303), 5350}};  // 10.1.3.3, which is not inside
        ends.discard(nft::SetId::admitted4, nft::Key::tuple(flow));
        const auto committed = office.commit(ends);
        ASSERT_TRUE(committed) << committed.error().message();
        EXPECT_EQ(committed->turned_down, 0U);
        const auto found = office.find(nft::SetId::admitted4, nft::Key::tuple(flow));
        EXPECT_TRUE(found && !*found) << "and nothing of it is left";
    });
}

TEST(WardenRoot, TakesItsRulesFromTheFileAndFromNobodyElse) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        office.write("5350");
        EXPECT_TRUE(office.opens(kGood)) << "not read yet";
        office.warden().order_reload();
        EXPECT_FALSE(office.opens(kGood));
        EXPECT_TRUE(office.opens(kProtected)) << "3389 is not protected any more";
        office.write("this is no number");
        office.warden().order_reload();
        EXPECT_TRUE(office.opens(kProtected)) << "a file that is wrong changes nothing";
    });
}

TEST(WardenRoot, MakesALargeTable) {
    IN_NETWORK_NAMESPACE({
        Office office;
        office.prepare();
        nft::Transaction many;
        constexpr std::uint32_t kMany = 10'000;
        for (std::uint32_t i = 0; i < kMany; ++i) {
            many.add(nft::SetId::pinholes4, {nft::Key::pinhole(nft::Address::v4(0xcb000000 + i), nft::Protocol::udp,
                                                               {nft::Address::v4(0x0a010203), 5350}),
                                             90s,
                                             nft::Comment(kNote),
                                             {}});
        }
        const auto installed = office.schema().install(many);
        ASSERT_TRUE(installed) << installed.error().message();
        EXPECT_TRUE(office.is_open(many.operations().back().element.key));
    });
}

TEST(WardenRoot, HasTheKernelKeepNoMoreThanAnswersMayNeed) {
    IN_NETWORK_NAMESPACE({
        auto socket = nft::NetlinkSocket::open();
        ASSERT_TRUE(socket);
        ASSERT_TRUE(socket->reserve(0, std::size_t{1} << 30U)) << "as much as a request may say";
        int room = 0;
        socklen_t length = sizeof(room);
        ASSERT_EQ(::getsockopt(socket->fd(), SOL_SOCKET, SO_RCVBUF, &room, &length), 0);
        EXPECT_EQ(room, 128 << 20) << "the kernel doubles it";
    });
}

TEST(WardenRoot, IsSeenToEnd) {
    IN_NETWORK_NAMESPACE({
        Office office;
        // What is no request ends it: nothing that comes after could be told apart.
        EXPECT_TRUE(office.warden().post_verdicts(std::vector<std::byte>(3)));
        pollfd waiting{office.warden().fd(), POLLRDHUP, 0};
        EXPECT_EQ(::poll(&waiting, 1, 5000), 1);
        nft::Transaction one;
        Office::add(kGood, one);
        const auto refused = office.commit(one);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, EPIPE);
        EXPECT_FALSE(office.warden().post_verdicts({}));
    });
}

}  // namespace
}  // namespace messenger::daemon
