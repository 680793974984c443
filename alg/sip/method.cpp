// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <utility>

#include "alg/sip/message.h"

namespace messenger::alg {
namespace {

constexpr std::array kMethods = {
    std::pair{std::string_view("INVITE"), Method::invite},
    std::pair{std::string_view("ACK"), Method::ack},
    std::pair{std::string_view("BYE"), Method::bye},
    std::pair{std::string_view("CANCEL"), Method::cancel},
    std::pair{std::string_view("REGISTER"), Method::register_},
    std::pair{std::string_view("PRACK"), Method::prack},
    std::pair{std::string_view("UPDATE"), Method::update},
    std::pair{std::string_view("MESSAGE"), Method::message},
    std::pair{std::string_view("INFO"), Method::info},
    std::pair{std::string_view("SUBSCRIBE"), Method::subscribe},
    std::pair{std::string_view("NOTIFY"), Method::notify},
    std::pair{std::string_view("BENOTIFY"), Method::benotify},
    std::pair{std::string_view("REFER"), Method::refer},
    std::pair{std::string_view("OPTIONS"), Method::options},
    std::pair{std::string_view("PUBLISH"), Method::publish},
    std::pair{std::string_view("SERVICE"), Method::service},
    std::pair{std::string_view("NEGOTIATE"), Method::negotiate},
};
static_assert(kMethods.size() == static_cast<std::size_t>(Method::other));

}  // namespace

Method parse_method(std::string_view token) {
    const auto* const found =
        std::find_if(kMethods.begin(), kMethods.end(), [token](const auto& entry) { return entry.first == token; });
    return found == kMethods.end() ? Method::other : found->second;
}

}  // namespace messenger::alg
