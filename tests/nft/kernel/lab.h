// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "nft/conntrack.h"
#include "nft/kernel_ruleset.h"
#include "nft/schema.h"
#include "tests/nft/kernel/network.h"

namespace messenger::nft::testing {

/// A test in an empty network namespace of its own. Needs root: fails without, or skips if MESSENGER_NO_ROOT=1.
class KernelTest : public ::testing::Test {
   protected:
    void SetUp() override;
    void TearDown() override;

    static NetlinkSocket open_socket();
    /// The queue that this kernel has.
    static SchemaOptions options();
    /// Makes the table and the ruleset on it.
    void install(const SchemaOptions& options, const Transaction& elements = {});
    Schema& schema() { return *schema_; }
    KernelRuleset& ruleset() { return *ruleset_; }
    void commit(const Transaction& transaction);

   private:
    std::optional<NetNamespace> before_;
    std::optional<NetNamespace> here_;
    std::optional<Schema> schema_;
    std::optional<KernelRuleset> ruleset_;
};

/// The test's namespace is a gateway between two others:
///
///   inside 10.1.2.3, fd01::3  --- lan [gateway] wan ---  203.0.113.30, 2001:db8::30 outside
class LabTest : public KernelTest {
   protected:
    void SetUp() override;

    /// What an operator has: drops by default, lets out what starts inside, and answers in.
    static void install_firewall();
    /// The same with masquerading, as a branch office has it.
    static void install_masquerading_firewall();
    UdpSocket udp_inside(const Endpoint& local);
    UdpSocket udp_outside(const Endpoint& local);
    const NetNamespace& inside() const { return *inside_; }
    const NetNamespace& outside() const { return *outside_; }

   private:
    static void await(const NetNamespace& host, const char* address);

    std::optional<NetNamespace> inside_;
    std::optional<NetNamespace> outside_;
};

template <class T>
::testing::AssertionResult ok(const Expected<T>& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().message();
}

}  // namespace messenger::nft::testing
