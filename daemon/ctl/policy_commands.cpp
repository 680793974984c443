// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/policy_commands.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "alg/base/text.h"
#include "daemon/config/config_file.h"
#include "daemon/ctl/read_config.h"
#include "daemon/policy_files/policy_text.h"
#include "daemon/policy_files/reg_export.h"
#include "daemon/policy_files/reg_file.h"
#include "daemon/policy_files/registry_pol.h"
#include "daemon/process/file_bytes.h"

namespace messenger::daemon {

namespace {

constexpr std::uintmax_t kLongestFile = std::uintmax_t{64} << 20U;

template <class... Arguments>
void complain(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::print(stderr, "messenger-algctl: {}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Absent after a complaint.
[[nodiscard]] std::optional<std::string> read_file(const std::string& file) {
    std::string why;
    auto bytes = read_file_bytes(file, kLongestFile, why);
    if (!bytes) complain("{} cannot be read as an export of a policy: {}", file, why);
    return bytes;
}

/// A Registry.pol does not say whose it is; the folder that it lies in does (Machine, User).
[[nodiscard]] Hive hive_of(const std::string& file, bool user) {
    const std::string folder = std::filesystem::path(file).parent_path().filename().string();
    return user || alg::equals_ignoring_case(folder, "user") ? Hive::current_user : Hive::local_machine;
}

/// False after a complaint.
[[nodiscard]] bool read_policy_file(const std::string& file, const std::string& bytes, bool user,
                                    std::vector<PolicyError>& errors, PolicyRegistry& registry) {
    const ChangeTaker take = [&registry](const RegistryChange& change) { registry.apply(change); };
    if (is_registry_pol(bytes)) {
        const auto error = read_registry_pol(bytes, file, hive_of(file, user), take);
        if (error) errors.push_back(*error);
        return !error;
    }
    const auto found = read_reg_file(bytes, file, take);
    errors.insert(errors.end(), found.begin(), found.end());
    return found.empty();
}

void print_notes(const PortPolicyResult& result, const std::optional<Config>& config) {
    for (const PolicyError& note : result.notes) fmt::print(stderr, "note: {}\n", note.to_string());
    const auto closed = closed_ports(config.value_or(Config{}), result.policy);
    if (closed.empty()) return;
    std::string list;
    for (const auto port : closed) list += (list.empty() ? "" : ", ") + std::to_string(port);
    fmt::print(stderr, "note: the media range holds ports that stay closed (network.protected_ports, SIP): {}\n", list);
}

}  // namespace

int run_import_policy(const ImportPolicyArguments& arguments) {
    std::optional<Config> config;
    const bool compares = arguments.diff || !arguments.config.empty();
    if (compares) {
        config = read_config_or_complain(arguments.config);
        if (!config) return kExitFailed;
    }
    PolicyRegistry registry;
    std::vector<PolicyError> errors;
    bool readable = true;
    for (const std::string& file : arguments.files) {
        const auto bytes = read_file(file);
        readable = bytes && read_policy_file(file, *bytes, arguments.user, errors, registry) && readable;
    }
    PortPolicyResult result = judge_port_policy(registry);
    result.errors.insert(result.errors.begin(), errors.begin(), errors.end());
    const bool good = readable && result.errors.empty();
    const auto differences = config ? compare(*config, result.policy) : std::vector<PolicyDifference>{};
    if (arguments.json) {
        if (!good) result.policy = {};
        fmt::print("{}", format_json(result, good && compares ? &differences : nullptr));
        return good ? kExitDone : kExitFailed;
    }
    for (const PolicyError& error : result.errors) complain("{}", error.to_string());
    if (!good) return kExitFailed;
    print_notes(result, config);
    fmt::print("{}", compares ? format_difference(differences) : format_toml(result));
    return kExitDone;
}

int run_export_policy(const ExportPolicyArguments& arguments) {
    const auto config = read_config_or_complain(arguments.config);
    if (!config) return kExitFailed;
    const RegExport exported = export_reg(*config);
    for (const std::string& error : exported.errors) complain("{}", error);
    if (!exported.errors.empty()) return kExitFailed;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        arguments.output.empty() ? stdout : std::fopen(arguments.output.c_str(), "wbe"),
        arguments.output.empty() ? std::fflush : std::fclose);
    const bool written =
        file && std::fwrite(exported.bytes.data(), 1, exported.bytes.size(), file.get()) == exported.bytes.size() &&
        std::fflush(file.get()) == 0;
    if (written) return kExitDone;
    const int error = errno;
    complain("{} cannot be written: {}", arguments.output.empty() ? "standard output" : arguments.output,
             std::generic_category().message(error));
    return kExitFailed;
}

void add_policy_commands(CLI::App& app, Run& run) {
    CLI::App* importing = app.add_subcommand(
        "import-policy",
        "Reads the port ranges of Group Policy (.reg exports, Registry.pol), checks them, and prints the keys of "
        "messenger-algd's configuration that mean the same.");
    const auto to_import = std::make_shared<ImportPolicyArguments>();
    importing->add_flag("--diff", to_import->diff, "Instead, what the configuration has and what it should have.");
    importing->add_option("--config", to_import->config, "The configuration to compare with; implies --diff.")
        ->type_name("FILE");
    importing->add_flag("--json", to_import->json, "One JSON object, for programs.");
    importing->add_flag(
        "--user", to_import->user,
        "Registry.pol files are of the user part (HKEY_CURRENT_USER); known without this if they lie in a "
        "folder User.");
    importing->add_option("FILE", to_import->files, "Policy files, in the order in which they apply: later ones win.")
        ->required()
        ->type_name("");
    importing->callback([to_import, &run] { run = [to_import] { return run_import_policy(*to_import); }; });

    CLI::App* exporting = app.add_subcommand(
        "export-policy",
        "Writes the .reg file that pins Messenger and Communicator to the ports that the configuration lets pass.");
    const auto to_export = std::make_shared<ExportPolicyArguments>();
    exporting
        ->add_option("--config", to_export->config,
                     "Where the ports are configured. Default: " + std::string(kDefaultConfig) + '.')
        ->type_name("FILE");
    exporting->add_option("-o,--output", to_export->output, "Default: standard output.")->type_name("FILE");
    exporting->callback([to_export, &run] { run = [to_export] { return run_export_policy(*to_export); }; });
}

}  // namespace messenger::daemon
