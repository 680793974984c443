// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/set_spec.h"

#include <cassert>

namespace messenger::nft {
namespace {

constexpr std::array kPinhole4{Field::ipv4_address, Field::ipv4_address, Field::protocol, Field::port};
constexpr std::array kPinhole6{Field::ipv6_address, Field::ipv6_address, Field::protocol, Field::port};
constexpr std::array kEndpoint4{Field::ipv4_address, Field::protocol, Field::port};
constexpr std::array kEndpoint6{Field::ipv6_address, Field::protocol, Field::port};
constexpr std::array kTuple4{Field::ipv4_address, Field::ipv4_address, Field::protocol, Field::port, Field::port};
constexpr std::array kTuple6{Field::ipv6_address, Field::ipv6_address, Field::protocol, Field::port, Field::port};
constexpr std::array kAddress4{Field::ipv4_address};
constexpr std::array kAddress6{Field::ipv6_address};
constexpr std::array kPort{Field::protocol, Field::port};
constexpr std::array kProtocol{Field::protocol};
constexpr std::array kBinding4{Field::interface, Field::ipv4_address, Field::protocol, Field::port};
constexpr std::array kTarget4{Field::ipv4_address, Field::port};

constexpr std::array<SetSpec, kSetCount> kSpecs{{
    {SetId::pinholes4, "pinholes4", kPinhole4, false, false},
    {SetId::pinholes6, "pinholes6", kPinhole6, false, false},
    {SetId::open4, "open4", kEndpoint4, false, false},
    {SetId::open6, "open6", kEndpoint6, false, false},
    {SetId::received4, "received4", kEndpoint4, true, false},
    {SetId::received6, "received6", kEndpoint6, true, false},
    {SetId::sent4, "sent4", kEndpoint4, true, false},
    {SetId::sent6, "sent6", kEndpoint6, true, false},
    {SetId::admitted4, "admitted4", kTuple4, false, false},
    {SetId::admitted6, "admitted6", kTuple6, false, false},
    {SetId::sip_endpoints4, "sip_endpoints4", kEndpoint4, false, false},
    {SetId::sip_endpoints6, "sip_endpoints6", kEndpoint6, false, false},
    {SetId::callbacks4, "callbacks4", kPinhole4, false, false},
    {SetId::callbacks6, "callbacks6", kPinhole6, false, false},
    {SetId::heard4, "heard4", kAddress4, false, false},
    {SetId::heard6, "heard6", kAddress6, false, false},
    {SetId::others4, "others4", kTuple4, false, false},
    {SetId::others6, "others6", kTuple6, false, false},
    {SetId::sip_ports, "sip_ports", kPort, false, true},
    {SetId::outside4, "outside4", kPinhole4, false, false, {}, SetSpec::For::nat},
    {SetId::outside_open4, "outside_open4", kEndpoint4, false, false, {}, SetSpec::For::nat},
    {SetId::dnat4, "dnat4", kPinhole4, false, false, kTarget4, SetSpec::For::nat},
    {SetId::dnat_open4, "dnat_open4", kEndpoint4, false, false, kTarget4, SetSpec::For::nat},
    {SetId::snat4, "snat4", kBinding4, false, false, kTarget4, SetSpec::For::nat},
    {SetId::handover, "handover", kProtocol, false, false, {}, SetSpec::For::nat},
    {SetId::tls_clients4, "tls_clients4", kTuple4, false, false, {}, SetSpec::For::tls},
    {SetId::tls_clients6, "tls_clients6", kTuple6, false, false, {}, SetSpec::For::tls},
}};

std::size_t size_of(std::span<const Field> fields) {
    if (fields.size() == 1) return field_size(fields.front());  // no concatenation
    std::size_t size = 0;
    for (const Field field : fields) size += padded_field_size(field);
    return size;
}

}  // namespace

std::size_t field_size(Field field) {
    switch (field) {
        case Field::ipv4_address: return 4;
        case Field::ipv6_address: return 16;
        case Field::protocol: return 1;
        case Field::port: return 2;
        case Field::interface: return 16;
    }
    return 0;
}

std::size_t padded_field_size(Field field) {
    return (field_size(field) + 3) & ~std::size_t{3};
}

std::uint32_t nft_data_type(Field field) {
    // nft's src/datatype.h; part of what the kernel stores, so these numbers do not change
    switch (field) {
        case Field::ipv4_address: return 7;
        case Field::ipv6_address: return 8;
        case Field::protocol: return 12;
        case Field::port: return 13;
        case Field::interface: return 41;
    }
    return 0;
}

std::size_t SetSpec::key_size() const {
    return size_of(key);
}

std::size_t SetSpec::target_size() const {
    return size_of(target);
}

const std::array<SetSpec, kSetCount>& set_specs() {
    return kSpecs;
}

const SetSpec& spec_of(SetId id) {
    const SetSpec& spec = kSpecs.at(static_cast<std::size_t>(id));
    assert(spec.id == id);
    return spec;
}

}  // namespace messenger::nft
