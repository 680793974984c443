// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "daemon/commands/daemon_parts.h"

namespace messenger::daemon {

/// What the daemon counts, at this moment. Every family is there from the start, with every value that its labels can
/// have, so that a rate over them is right from the first event on. The names are stable;
/// packaging/grafana-dashboard.json uses them.
[[nodiscard]] std::vector<prometheus::MetricFamily> collect_metrics(const DaemonParts& parts);

/// Prometheus' text format.
[[nodiscard]] std::string metrics_text(const std::vector<prometheus::MetricFamily>& families);

/// The same as one JSON list: name, labels, and value or count and sum.
[[nodiscard]] nlohmann::json metrics_json(const std::vector<prometheus::MetricFamily>& families);

}  // namespace messenger::daemon
