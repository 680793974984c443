// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

namespace messenger::nft {

/// unique_ptr for what the C libraries hand out.
template <auto kFree>
struct Deleter {
    template <class T>
    void operator()(T* pointer) const {
        static_cast<void>(kFree(pointer));
    }
};
/// The same for functions that return nothing.
template <auto kFree>
struct VoidDeleter {
    template <class T>
    void operator()(T* pointer) const {
        kFree(pointer);
    }
};

using SocketHandle = std::unique_ptr<mnl_socket, Deleter<mnl_socket_close>>;
using TableHandle = std::unique_ptr<nftnl_table, VoidDeleter<nftnl_table_free>>;
using ChainHandle = std::unique_ptr<nftnl_chain, VoidDeleter<nftnl_chain_free>>;
using RuleHandle = std::unique_ptr<nftnl_rule, VoidDeleter<nftnl_rule_free>>;
using SetHandle = std::unique_ptr<nftnl_set, VoidDeleter<nftnl_set_free>>;
using UdataHandle = std::unique_ptr<nftnl_udata_buf, VoidDeleter<nftnl_udata_buf_free>>;
using ExpressionHandle = std::unique_ptr<nftnl_expr, VoidDeleter<nftnl_expr_free>>;

}  // namespace messenger::nft
