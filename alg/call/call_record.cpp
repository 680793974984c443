// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call_record.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <concepts>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace messenger::alg {

namespace {

/// How an address begins in a record.
enum class AddressForm : std::uint8_t { none, ipv4, ipv6 };  // none: 0.0.0.0

template <class T>
concept Plain = std::is_enum_v<T> || std::same_as<T, bool> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::uint16_t> || std::same_as<T, std::uint64_t> || std::same_as<T, TimePoint>;

template <class T, class Io>
concept HasFields = requires(T& value, Io& io) {
    value.fields(io);
};

class RecordWriter {
   public:
    explicit RecordWriter(std::vector<std::byte>& to) : to_(to), at_(to.data()), end_(to.data() + to.size()) {}
    /// Nothing more comes.
    void finish() { to_.resize(static_cast<std::size_t>(at_ - to_.data())); }

    template <class... Values>
    void operator()(Values&... values) {
        (put(values), ...);
    }
    /// Up to eight in a byte.
    template <class... Flags>
    void flags(const Flags&... flags) {
        static_assert(sizeof...(flags) <= 8 && (std::same_as<Flags, bool> && ...));
        unsigned bits = 0;
        unsigned bit = 0;
        ((bits |= static_cast<unsigned>(flags) << bit++), ...);
        append(static_cast<std::uint8_t>(bits));
    }
    /// Nothing, if it is known to be this.
    template <class T>
    void unless(bool known, T& value, const T& /*otherwise*/) {
        if (!known) put(value);
    }

   private:
    template <Plain T>
    void put(const T& value) {
        append(value);
    }
    /// Numbers that are mostly small: seven bits in each byte, and a bit for "more".
    void put(std::uint32_t value) {
        for (; value >= 0x80; value >>= 7U) append(static_cast<std::uint8_t>(value | 0x80U));
        append(static_cast<std::uint8_t>(value));
    }
    void put(const IpAddress& address) {
        const bool none = address.is_v4() && address.is_unspecified();
        append(none ? AddressForm::none : address.is_v4() ? AddressForm::ipv4 : AddressForm::ipv6);
        if (none) return;
        append_bytes(address.bytes());
    }
    void put(std::string_view text) {
        put(static_cast<std::uint32_t>(text.size()));
        append_bytes(std::as_bytes(std::span(text)));
    }
    template <class T>
    void put(std::optional<T>& value) {
        append(value.has_value());
        if (value) put(*value);
    }
    template <class T, std::size_t size>
    void put(std::array<T, size>& values) {
        for (T& value : values) put(value);
    }
    template <class T, std::size_t size>
    void put(boost::container::small_vector<T, size>& list) {
        put(static_cast<std::uint32_t>(list.size()));
        for (T& value : list) put(value);
    }
    template <HasFields<RecordWriter> T>
    void put(T& value) {
        value.fields(*this);
    }
    template <class T>
    requires requires(T& value, RecordWriter& io) { fields(value, io); }
    void put(T& value) { fields(value, *this); }

    template <class T>
    void append(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        if (room() < sizeof value) grow(sizeof value);
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    void append_bytes(std::span<const std::byte> bytes) {
        if (room() < bytes.size()) grow(bytes.size());
        at_ = std::copy(bytes.begin(), bytes.end(), at_);
    }
    [[nodiscard]] std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
    void grow(std::size_t bytes) {
        constexpr std::size_t kStep = 512;
        const auto size = static_cast<std::size_t>(at_ - to_.data());
        to_.resize(size + bytes + kStep);
        at_ = to_.data() + size;
        end_ = to_.data() + to_.size();
    }

    std::vector<std::byte>& to_;
    std::byte* at_;   ///< where the next byte goes, into to_
    std::byte* end_;  ///< of to_, which is longer than what has been written
};

class RecordReader {
   public:
    explicit RecordReader(std::span<const std::byte> from) : rest_(from) {}

    template <class... Values>
    void operator()(Values&... values) {
        (get(values), ...);
    }
    template <class... Flags>
    void flags(Flags&... flags) {
        unsigned bits = take<std::uint8_t>();
        ((flags = (bits & 1U) != 0, bits >>= 1U), ...);
    }
    template <class T>
    void unless(bool known, T& value, const T& otherwise) {
        if (known) {
            value = otherwise;
        } else {
            get(value);
        }
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

   private:
    template <Plain T>
    void get(T& value) {
        value = take<T>();
    }
    void get(std::uint32_t& value) {
        value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const unsigned byte = take<std::uint8_t>();
            value |= (byte & 0x7fU) << shift;
            if (byte < 0x80) return;
        }
    }
    void get(IpAddress& address) {
        switch (take<AddressForm>()) {
            case AddressForm::none: address = IpAddress{}; return;
            case AddressForm::ipv4: {
                const auto bytes = take<std::array<std::uint8_t, 4>>();
                address = IpAddress::v4(std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
                                        std::uint32_t{bytes[2]} << 8U | bytes[3]);
                return;
            }
            case AddressForm::ipv6: {
                const auto bytes = take<std::array<std::byte, 16>>();
                address = IpAddress::v6(bytes);
                return;
            }
        }
    }
    void get(std::string_view& text) {
        std::uint32_t size = 0;
        get(size);
        text = {reinterpret_cast<const char*>(rest_.data()), size};
        rest_ = rest_.subspan(size);
    }
    template <class T>
    void get(std::optional<T>& value) {
        if (!take<bool>()) {
            value.reset();
            return;
        }
        if (!value) value.emplace(T{});  // the same as emplace(), which Clang does not find for a nested class
        get(*value);
    }
    template <class T, std::size_t size>
    void get(std::array<T, size>& values) {
        for (T& value : values) get(value);
    }
    template <class T, std::size_t size>
    void get(boost::container::small_vector<T, size>& list) {
        std::uint32_t count = 0;
        get(count);
        list.resize(count);  // every field is filled in anew, and what the elements have of memory is used again
        for (T& value : list) get(value);
    }
    template <HasFields<RecordReader> T>
    void get(T& value) {
        value.fields(*this);
    }
    template <class T>
    requires requires(T& value, RecordReader& io) { fields(value, io); }
    void get(T& value) { fields(value, *this); }

    template <class T>
    [[nodiscard]] T take() {
        static_assert(std::is_trivially_copyable_v<T>);
        assert(rest_.size() >= sizeof(T));
        T value;
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_ = rest_.subspan(sizeof value);
        return value;
    }

    std::span<const std::byte> rest_;
};

// The fields of each type, once for both ways. Each function takes its type apart first, which names all members there
// are: one that is new does not compile until it has been thought of here. IpAddress shows what it consists of.
static_assert(sizeof(IpAddress) == 17);

template <class Io>
void fields(Endpoint& endpoint, Io& io) {
    auto& [address, port] = endpoint;
    io(address, port);
}

template <class Io>
void fields(PinholeKey& key, Io& io) {
    auto& [transport, any_remote, inside, remote] = key;
    io(transport, any_remote, inside, remote);
}

template <class Io>
void fields(BindingKey& key, Io& io) {
    auto& [transport, inside, outside] = key;
    io(transport, inside, outside);
}

template <class Io>
void fields(Stream& stream, Io& io) {
    auto& [address, rtcp_address, port, rtcp_port, slot, port_count, kind, role, direction, rtcp_mux, candidate,
           foreign, obstacle, permitted] = stream;
    bool plain = rtcp_address == address && rtcp_port == 0 && port_count == 1;
    io.flags(rtcp_mux, candidate, foreign, permitted, plain);
    io(address, port, slot, kind, role, direction, obstacle);
    io.unless(plain, rtcp_address, address);
    io.unless(plain, rtcp_port, std::uint16_t{0});
    io.unless(plain, port_count, std::uint8_t{1});
}

template <class Io>
void fields(Description& description, Io& io) {
    auto& [streams, delivered_by, behind, turned_back, bare] = description;
    io(streams);
    bool nobody = streams.empty() && delivered_by == IpAddress{} && behind == IpAddress{};
    io.flags(turned_back, nobody, bare);
    io.unless(nobody, delivered_by, IpAddress{});
    io.unless(nobody, behind, IpAddress{});
}

template <class Io>
void fields(OfferId& id, Io& io) {
    auto& [requester, method, cseq] = id;
    io(requester, method, cseq);
}

template <class Io>
void fields(Transfer& transfer, Io& io) {
    auto& [cookie, listener, peer, behind] = transfer;
    io(cookie, listener, peer, behind);
}

template <class Io>
void fields(FixedHost& fixed, Io& io) {
    auto& [host, behind, media] = fixed;
    io(host, behind, media);
}

template <class Io>
void fields(OfferedPeer& offered, Io& io) {
    auto& [offer, address] = offered;
    io(offer, address);
}

template <class Io>
void fields(Agent& agent, Io& io) {
    auto& [host, acts_for, negotiation, peer, offered_peer, reach] = agent;
    auto& [transport, port, behind, neighbour, direct, routed, lets_neighbour, lets_peer] = reach;
    bool nowhere = port == 0 && neighbour == IpAddress{};
    bool hidden = behind != IpAddress{};
    bool indirect = direct == IpAddress{};
    bool settled = !offered_peer;
    io.flags(nowhere, hidden, indirect, routed, lets_neighbour, lets_peer, settled);
    io(host, acts_for, negotiation, peer);
    io.unless(settled, offered_peer, std::optional<OfferedPeer>{});
    io.unless(nowhere, transport, Transport::udp);
    io.unless(nowhere, port, std::uint16_t{0});
    io.unless(nowhere, neighbour, IpAddress{});
    io.unless(!hidden, behind, IpAddress{});
    io.unless(indirect, direct, IpAddress{});
}

template <class Io>
void fields(FirstHop& hop, Io& io) {
    auto& [branch, sender, state] = hop;
    io(branch, sender, state);
}

template <class Io>
void fields(Dialog& dialog, Io& io) {
    auto& [state, caller_tag, callee_tag, invite_cseq, caller_cseq, callee_cseq, first_hops, first_branch, own_branch,
           cancelled, quiet, deadline, deadline_reason, reach_due, agents, peers, transfers, restored, fixed_for,
           restored_key] = dialog;
    bool from_before = restored_key != 0;
    bool two_hops = own_branch != first_branch;
    bool answered = callee_tag != 0;
    bool unreachable = reach_due == TimePoint::max();
    io.flags(cancelled, quiet, from_before, two_hops, answered, unreachable);
    io(state, caller_tag, invite_cseq, caller_cseq, callee_cseq, first_hops, first_branch, deadline, deadline_reason,
       agents, peers, transfers, restored, fixed_for);
    io.unless(!from_before, restored_key, std::uint64_t{0});
    io.unless(!two_hops, own_branch, first_branch);
    io.unless(!answered, callee_tag, Tag{0});
    io.unless(unreachable, reach_due, TimePoint::max());
}

template <class Io>
void fields(Purpose& purpose, Io& io) {
    auto& [kind, role] = purpose;
    io(kind, role);
}

template <class Io>
void fields(OpenPinhole& pinhole, Io& io) {
    auto& [key, purpose, on_hold, remote_port, until] = pinhole;
    io(key, purpose, on_hold, remote_port, until);
}

template <class Io>
void fields(Hearsay& hearsay, Io& io) {
    auto& [listener, speaker, said] = hearsay;
    io(listener, speaker, said);
}

template <class Io>
void fields(Call& call, Io& io) {
    // The key and the number are those of its place in CallTable.
    auto& [key, number, call_id, charged_to, uninvited_by, started, last_message, sessions, dialogs, open, bindings,
           heard, told_dialog, heard_too_much, t120_refused, told_taken, closed_by_operator, told_blocked] = call;
    bool heard_nothing = heard.empty();
    io.flags(t120_refused, told_taken, closed_by_operator, told_blocked, heard_too_much, heard_nothing);
    io(call_id, charged_to, uninvited_by, started, last_message, sessions, dialogs, open, bindings, told_dialog);
    io.unless(heard_nothing, heard, {});
}

}  // namespace

void write_record(Call& call, std::vector<std::byte>& to) {
    RecordWriter io(to);
    fields(call, io);
    io.finish();
}

void read_record(std::span<const std::byte> record, Call& call) {
    RecordReader io(record);
    fields(call, io);
    assert(io.at_end());
}

}  // namespace messenger::alg
