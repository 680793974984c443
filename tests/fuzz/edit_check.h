// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "alg/limits.h"
#include "alg/nat/binding_table.h"
#include "alg/nat/nat_path.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"

namespace messenger::test {

/// Reads an edited message again and holds every endpoint in it against the bindings: it names the outside form of what
/// it named, or on the way in the inside form, or the same as before. Nothing else in it is another.
class EditCheck {
   public:
    /// All borrowed.
    EditCheck(const alg::Policy& policy, const alg::Limits& limits, const alg::NatPath& path)
        : policy_(policy), limits_(limits), path_(path) {}

    /// What is bound from now on. What was bound before the packet at hand still counts in its check.
    void remember(const alg::BindingTable& bindings);
    void check(const alg::EditEvent& event);

   private:
    using Bound = std::map<std::pair<alg::Transport, alg::Endpoint>, std::uint16_t>;  ///< inside to outside port

    void read(alg::SipMessageView& view, std::string_view text) const;
    void check_headers();
    void check_line(const alg::HeaderLine& before, const alg::HeaderLine& after);
    void check_contacts(std::string_view before, std::string_view after) const;
    void check_uri(std::string_view before, std::string_view after, bool target) const;
    void check_body(std::string_view content_type, std::string_view before, std::string_view after, int nesting);
    void check_parts(std::string_view boundary, std::string_view before, std::string_view after, int nesting);
    void check_sdp(std::string_view before, std::string_view after);
    void check_media(const alg::SdpMedia& before, const alg::SdpMedia& after) const;
    void check_rtcp(const alg::SdpMedia& before, const alg::SdpMedia& after) const;
    void check_candidates(const alg::SdpMedia& before, const alg::SdpMedia& after) const;
    void check_invitation(std::string_view before, std::string_view after) const;
    /// The endpoint became what it had to become, or stayed.
    void check_endpoint(alg::Transport transport, const alg::Endpoint& before, const alg::Endpoint& after,
                        bool target = false) const;
    void check_address(const alg::IpAddress& before, const alg::IpAddress& after) const;
    [[nodiscard]] bool is_own(const alg::IpAddress& address) const;
    /// The numbers that the endpoint has now, and had before the packet. 0: none.
    [[nodiscard]] std::set<std::uint16_t> ports_of(alg::Transport transport, const alg::Endpoint& inside) const;

    const alg::Policy& policy_;
    const alg::Limits& limits_;
    const alg::NatPath& path_;
    Bound before_;
    Bound now_;
    // Of the check under way.
    alg::FlowTuple tuple_;
    bool outbound_ = false;
    bool declines_ = false;
    alg::SipMessageView old_;
    alg::SipMessageView new_;
    std::string text_;
};

}  // namespace messenger::test
