// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/features.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/batch.h"
#include "nft/conntrack.h"
#include "nft/element_message.h"
#include "nft/expression.h"
#include "nft/rule_parts.h"
#include "nft/table_message.h"

namespace messenger::nft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kProbe = "probe the kernel's nftables";

// On no hook: when a hook goes, the kernel drops every packet that waits in a queue of this network, ours and those of
// others.
constexpr ChainSpec kTrial{"trial", std::nullopt};

constexpr unsigned kTrialLabel = 127;

/// Tries one thing after the other, each in a transaction and a table of its own.
class Prober {
   public:
    explicit Prober(NetlinkSocket& socket)
        : socket_(socket), table_("messenger_alg_probe_" + std::to_string(socket.portid())) {}

    /// put fills a table that is deleted by the same transaction. False if the kernel refuses anything of it.
    template <class Put>
    Expected<bool> accepts(Put put, std::uint8_t family = NFPROTO_INET) {
        batch_.begin(socket_);
        put_table(batch_, table_, 0, 0, {}, family);
        put(batch_, table_);
        put_table_deletion(batch_, table_, 0, family);
        return commit();
    }

    Expected<bool> queues(QueueKind kind) {
        return accepts([&](Batch& batch, std::string_view table) {
            put_chain(batch, table, kTrial, 0);
            RuleBuilder rule(table, kTrial.name);
            put_rule(batch, *rule.queue(kind, {0, 1}).take(), 0);
        });
    }

    Expected<bool> translates_by_map() {
        return accepts([&](Batch& batch, std::string_view table) {
            put_set(batch, table, spec_of(SetId::snat4), 1, 0);
            put_chain(batch, table, kTrial, 0);
            RuleBuilder rule(table, kTrial.name);
            rule.load_meta(NFT_META_NFPROTO, 0).require_u8(0, NFPROTO_IPV4);
            KeyLoader(rule, Family::ipv4).out_interface().source_address().protocol().source_port();
            rule.map(0, SetId::snat4, 0);
            put_rule(batch, *rule.translate(NatKind::source, 0).take(), 0);
        });
    }

    Expected<bool> resets() {
        return accepts([&](Batch& batch, std::string_view table) {
            put_chain(batch, table, kTrial, 0);
            RuleBuilder rule(table, kTrial.name);
            rule.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::tcp));
            put_rule(batch, *rule.tcp_reset().take(), 0);
        });
    }

    Expected<bool> sees_ipsec() {
        return accepts([&](Batch& batch, std::string_view table) {
            put_chain(batch, table, kTrial, 0);
            RuleBuilder rule(table, kTrial.name);
            put_rule(batch, *rule.load_ipsec(0).require_u8(0, 1).take(), 0);
        });
    }

    /// A rule that asks conntrack brings its hooks along, and they go with it where nobody else needs them. For IPv4
    /// somebody does on every gateway; for IPv6, which an inet table would ask for as well, perhaps not.
    Expected<bool> labels_flows() {
        constexpr std::uint8_t kFamily = NFPROTO_IPV4;
        return accepts(
            [&](Batch& batch, std::string_view table) {
                put_chain(batch, table, kTrial, 0, kFamily);
                RuleBuilder rule(table, kTrial.name);
                put_rule(batch, *rule.require_ct_label(kTrialLabel).add_ct_label(kTrialLabel).take(), 0, kFamily);
            },
            kFamily);
    }

    Expected<bool> destroys_elements() {
        return accepts([&](Batch& batch, std::string_view table) {
            const SetSpec& set = spec_of(SetId::open4);
            put_set(batch, table, set, 1, 0);
            batch.put(kDestroySetElement, NFPROTO_INET, 0, 0,
                      [&](nlmsghdr* message) { put_element_key(message, table, set.name, element(seconds{0}).key); });
        });
    }

    Expected<bool> updates_timeouts();

   private:
    static Element element(milliseconds timeout) {
        return Element{Key::endpoint(Protocol::udp, {Address::v4(0xc0000201), 9}), timeout, {}};  // 192.0.2.1
    }

    Expected<bool> commit() {
        auto failures = batch_.commit(socket_, kProbe);
        if (!failures) return std::move(failures).error();
        for (const BatchFailure& failed : *failures) {
            if (failed.code == EPERM) return system_error(failed.code, kProbe);
        }
        return failures->empty();
    }

    Expected<milliseconds> stored_timeout();

    NetlinkSocket& socket_;
    std::string table_;
    Batch batch_;
};

// This one takes two transactions. The table is owned by our socket meanwhile (kernel 5.12), so that it goes away even
// if we are killed in between; kernels without that lack the feature as well.
Expected<bool> Prober::updates_timeouts() {
    constexpr milliseconds kFirst = seconds{100};
    constexpr milliseconds kSecond = seconds{200};
    batch_.begin(socket_);
    put_table(batch_, table_, NFT_TABLE_F_OWNER, 0);
    put_set(batch_, table_, spec_of(SetId::open4), 1, 0);
    put_operation(batch_, table_, {Verb::add, SetId::open4, element(kFirst)}, LeaveOut::nothing, 0);
    auto made = commit();
    if (!made || !*made) return made;

    batch_.begin(socket_);
    put_operation(batch_, table_, {Verb::add, SetId::open4, element(kSecond)}, LeaveOut::nothing, 0);
    auto again = commit();
    auto timeout = again ? stored_timeout() : Expected<milliseconds>(std::move(again).error());

    batch_.begin(socket_);
    put_table_deletion(batch_, table_, 0);
    auto deleted = commit();
    if (!timeout) return std::move(timeout).error();
    if (!deleted) return deleted;
    return *timeout == kSecond;
}

Expected<milliseconds> Prober::stored_timeout() {
    std::array<char, 256> buffer{};
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, 0);
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table_.c_str());
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, spec_of(SetId::open4).name.data());
    std::vector<StoredElement> elements;
    auto read = socket_.request(
        *message, kProbe,
        [&](const nlmsghdr& reply) -> Expected<void> {
            if (!read_elements(reply, elements)) return system_error(EBADMSG, kProbe);
            return {};
        },
        [&] { elements.clear(); });
    if (!read) return std::move(read).error();
    return elements.empty() ? milliseconds{0} : elements.front().element.timeout;
}

// An entry between addresses of RFC 5737, which no packet has.
Expected<bool> creates_conntrack_entries() {
    auto socket = NetlinkSocket::open();
    if (!socket) return std::move(socket).error();
    Conntrack conntrack(*std::move(socket));
    const FlowTuple tuple{Protocol::udp, {Address::v4(0xc0000201), 9}, {Address::v4(0xc6336401), 9}};
    auto seeded = conntrack.seed({tuple, 0, seconds{1}});
    if (!seeded) {
        if (seeded.error().failure == Failure::not_permitted) return std::move(seeded).error();
        return false;
    }
    auto removed = conntrack.remove(tuple);
    if (!removed) return std::move(removed).error();
    return true;
}

}  // namespace

std::optional<QueueKind> Features::queue_kind() const {
    if (native_queue) return QueueKind::native;
    if (xt_queue) return QueueKind::xt;
    return std::nullopt;
}

std::string Features::to_string() const {
    std::string text;
    const auto say = [&](const char* name, bool there) {
        if (!text.empty()) text += "; ";
        text += name;
        text += there ? ": yes" : ": no";
    };
    say("native queue", native_queue);
    say("xt NFQUEUE", xt_queue);
    say("conntrack create", conntrack_create);
    say("destroy element", destroy_element);
    say("timeout update", timeout_update);
    say("NAT by map", nat_map);
    say("TCP reset", tcp_reset);
    say("flow labels", flow_labels);
    say("IPsec routes", ipsec_route);
    return text;
}

Expected<Features> probe_features() {
    auto socket = NetlinkSocket::open();
    if (!socket) return std::move(socket).error();
    Prober prober(*socket);
    Features features;
    std::optional<NftError> failure;
    const auto note = [&](bool& feature, Expected<bool> found) {
        if (found) {
            feature = *found;
        } else if (!failure) {
            failure = std::move(found).error();
        }
    };
    note(features.native_queue, prober.queues(QueueKind::native));
    note(features.xt_queue, prober.queues(QueueKind::xt));
    note(features.destroy_element, prober.destroys_elements());
    note(features.timeout_update, prober.updates_timeouts());
    note(features.nat_map, prober.translates_by_map());
    note(features.tcp_reset, prober.resets());
    note(features.flow_labels, prober.labels_flows());
    note(features.ipsec_route, prober.sees_ipsec());
    note(features.conntrack_create, creates_conntrack_entries());
    if (failure) return *std::move(failure);
    return features;
}

}  // namespace messenger::nft
