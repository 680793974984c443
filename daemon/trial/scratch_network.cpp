// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/scratch_network.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/trial/program.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] Fd open_own_namespace() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd) throw std::system_error(errno, std::generic_category(), "opening a network namespace");
    return fd;
}

void set_namespace(const Fd& where) {
    if (::setns(where.get(), CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "entering a network namespace");
    }
}

/// Back home whatever happens.
class Visit {
   public:
    Visit(const Fd& home, const Fd& there) : home_(home) { set_namespace(there); }
    ~Visit() {
        // Nothing that follows may touch the live network by mistake.
        if (::setns(home_.get(), CLONE_NEWNET) != 0) std::terminate();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    Visit(Visit&&) = delete;
    Visit& operator=(Visit&&) = delete;

   private:
    const Fd& home_;
};

void run_ip(const std::vector<std::string>& commands) {
    std::string batch;
    for (const std::string& command : commands) batch += command + '\n';
    const Finished done = run_program({"ip", "-batch", "-"}, batch);
    if (done.status == 0) return;
    throw std::runtime_error(done.status < 0 ? "the program ip (iproute2) is not there, or does not end"
                                             : "making a scratch network: " + one_line(done.output));
}

/// "10.1.2.3/32"
[[nodiscard]] std::string alone(const alg::IpAddress& address) {
    return address.to_string() + (address.is_v4() ? "/32" : "/128");
}

[[nodiscard]] std::string length_of(const alg::Prefix& network) {
    const std::string text = network.to_string();
    const std::size_t slash = text.find('/');
    return slash == std::string::npos ? "" : text.substr(slash);
}

[[nodiscard]] std::string new_address(const std::string& address, const alg::IpAddress& like, std::string_view device) {
    return "address add " + address + " dev " + std::string(device) + (like.is_v4() ? "" : " nodad");
}

/// What an unnumbered outside interface gets, so that hosts can be reached through it.
[[nodiscard]] alg::IpAddress stand_in(bool ipv6) {
    return *alg::IpAddress::parse(ipv6 ? "fd6d:6573:7365::1" : "169.254.77.1");
}

/// Settings of the host's network that decide whether packets pass, besides the rules.
[[nodiscard]] std::vector<std::string> settings(const TrialPlaces& places) {
    // ip_forward first: it sets what follows.
    std::vector<std::string> names{"net.ipv4.ip_forward",
                                   "net.ipv6.conf.all.forwarding",
                                   "net.netfilter.nf_conntrack_helper",
                                   "net.netfilter.nf_conntrack_tcp_be_liberal",
                                   "net.ipv4.conf.all.rp_filter",
                                   "net.ipv4.conf.all.src_valid_mark"};
    for (const std::string& interface : {places.inside_interface, places.outside_interface}) {
        for (const std::string_view name : {"rp_filter", "forwarding", "src_valid_mark", "route_localnet"}) {
            names.push_back("net.ipv4.conf.{" + interface + "}." + std::string(name));
        }
        names.push_back("net.ipv6.conf.{" + interface + "}.forwarding");
    }
    return names;
}

}  // namespace

NetworkNamespace::NetworkNamespace() : home_(open_own_namespace()) {
    if (::unshare(CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "making a network namespace");
    }
    here_ = open_own_namespace();
    set_namespace(home_);
}

void NetworkNamespace::enter(const std::function<void()>& work) const {
    const Visit visit(home_, here_);
    work();
}

std::string NetworkNamespace::path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(here_.get());
}

ScratchNetwork::ScratchNetwork(const LiveHost& host, const TrialPlaces& places) {
    make_gateway(host, places);
    make_host(inside_, {places.inside}, gateway_inside_);
    std::vector<alg::IpAddress> outside{places.server};
    if (places.peer != places.server) outside.push_back(places.peer);  // a PBX or SBC is both
    make_host(outside_, outside, gateway_outside_);
}

void ScratchNetwork::make_gateway(const LiveHost& host, const TrialPlaces& places) {
    std::vector<std::string> commands{"link set lo up"};
    const auto plug = [&](const std::string& name, const NetworkNamespace& other, alg::IpAddress& own) {
        const Link* link = host.find_link(name);
        if (link == nullptr) throw std::runtime_error("there is no interface " + name);
        commands.push_back("link add " + name + " index " + std::to_string(link->index) +
                           " type veth peer name eth0 netns " + other.path());
        commands.push_back("link set " + name + " up");
        for (const InterfaceAddress& one : host.addresses()) {
            if (one.interface != name || alg::Prefix(*alg::IpAddress::parse("fe80::"), 10).contains(one.address))
                continue;
            commands.push_back(new_address(one.address.to_string() + length_of(one.network), one.address, name));
        }
        if (const auto address = host.address_of(name, places.ipv6())) {
            own = address->address;
        } else {
            own = stand_in(places.ipv6());
            commands.push_back(new_address(alone(own), own, name));
        }
    };
    plug(places.inside_interface, inside_, gateway_inside_);
    plug(places.outside_interface, outside_, gateway_outside_);
    for (const auto& [address, interface] :
         {std::pair{places.inside, places.inside_interface}, std::pair{places.server, places.outside_interface},
          std::pair{places.peer, places.outside_interface}}) {
        commands.push_back("route replace " + alone(address) + " dev " + interface);
    }
    gateway_.enter([&] {
        static_cast<void>(write_setting("net.ipv6.conf.default.accept_dad", 0));
        run_ip(commands);
    });
    copy_settings(places);
}

void ScratchNetwork::copy_settings(const TrialPlaces& places) {
    std::vector<std::pair<std::string, std::int64_t>> values;
    for (const std::string& name : settings(places)) {
        if (const auto value = read_setting(name)) values.emplace_back(name, *value);
    }
    gateway_.enter([&values] {
        for (const auto& [name, value] : values) {
            if (read_setting(name) != value) static_cast<void>(write_setting(name, value));
        }
    });
}

void ScratchNetwork::make_host(const NetworkNamespace& where, const std::vector<alg::IpAddress>& own,
                               const alg::IpAddress& gateway) {
    std::vector<std::string> commands{"link set lo up"};
    for (const alg::IpAddress& address : own) commands.push_back(new_address(alone(address), address, "eth0"));
    commands.emplace_back("link set eth0 up");
    commands.push_back("route replace " + alone(gateway) + " dev eth0");
    const std::string everything = gateway.is_v4() ? "0.0.0.0/0" : "::/0";
    commands.push_back("route replace " + everything + " via " + gateway.to_string() + " dev eth0");
    where.enter([&commands] {
        static_cast<void>(write_setting("net.ipv6.conf.default.accept_dad", 0));
        static_cast<void>(write_setting("net.ipv4.conf.all.rp_filter", 0));
        static_cast<void>(write_setting("net.ipv4.conf.{eth0}.rp_filter", 0));
        run_ip(commands);
    });
}

std::optional<alg::IpAddress> choose_host(const alg::Prefix& network, const alg::IpAddress& gateway) {
    const std::string text = network.to_string();
    const std::size_t slash = text.find('/');
    const auto base = alg::IpAddress::parse(std::string_view(text).substr(0, slash));
    unsigned length = 0;
    const char* digits = text.data() + slash + 1;
    if (!base || std::from_chars(digits, text.data() + text.size(), length).ec != std::errc{}) return std::nullopt;
    const unsigned bits = base->is_v4() ? 32 : 128;
    if (length == bits) return *base == gateway ? std::nullopt : base;
    // From the upper end of the last byte downwards, where few hosts live: not the network itself, nor its broadcast.
    constexpr unsigned kLastByte = 8;
    const unsigned free_bits = std::min(bits - length, kLastByte);
    std::array<std::byte, 16> bytes{};
    std::copy(base->bytes().begin(), base->bytes().end(), bytes.begin());
    const std::size_t last = base->bytes().size() - 1;
    for (unsigned number = (1U << free_bits) - 2; number > 0; --number) {
        bytes.at(last) = base->bytes()[last] | static_cast<std::byte>(number);
        std::uint32_t v4 = 0;
        for (std::size_t i = 0; i < 4; ++i) v4 = v4 << 8U | std::to_integer<std::uint32_t>(bytes.at(i));
        const alg::IpAddress host = base->is_v4() ? alg::IpAddress::v4(v4) : alg::IpAddress::v6(bytes);
        if (host != gateway) return host;
    }
    return std::nullopt;
}

}  // namespace messenger::daemon
