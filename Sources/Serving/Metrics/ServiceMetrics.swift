// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CoreMetrics
import Glibc

/// What a server counts of its requests, under the names that BentoML gave them.
struct ServiceMetrics: Sendable {
  private let registry: PrometheusRegistry
  private let prefix: String
  private let common: [(String, String)]

  init(_ service: Service, registry: PrometheusRegistry) {
    self.registry = registry
    prefix = service.metricsNamespace
    // BentoML has the service's name twice.
    common = [
      ("runner_name", service.name), ("service_name", service.name),
      ("service_version", service.version),
    ]
    for (name, help) in [
      ("request_total", "Requests answered, by path and status."),
      ("request_duration_seconds", "Seconds from a request to the head of its answer."),
      ("request_in_progress", "Requests that are being answered."),
      ("last_request_timestamp_seconds", "When the last request came, in seconds since 1970."),
      ("work_running", "Requests that are being worked on."),
      ("work_waiting", "Requests that wait for their turn."),
    ] { registry.describe("\(prefix)_\(name)", help) }
    // A series that begins with its first event hides that event from rates.
    for endpoint in service.endpoints {
      for status in [200, 500] { total(endpoint.path, status).increment(by: 0) }
    }
  }

  /// Notes that a request came.
  ///
  /// - Parameters:
  ///   - path: One of the service's own paths: others are not told apart, as anyone can make them up.
  ///   - isProbe: Whether it says nothing of how much the service is used.
  func began(_ path: String, isProbe: Bool) {
    inProgress(path).increment(by: 1)
    guard !isProbe else { return }
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    Meter(label: "\(prefix)_last_request_timestamp_seconds", dimensions: common, factory: registry)
      .set(Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
  }

  /// Notes that a request was answered.
  func ended(_ path: String, status: Int, after duration: Duration) {
    inProgress(path).decrement(by: 1)
    total(path, status).increment()
    Recorder(
      label: "\(prefix)_request_duration_seconds",
      dimensions: dimensions(path, status),
      aggregate: true,
      factory: registry
    ).record(duration / .seconds(1))
  }

  /// Everything, with what the gate says at the moment.
  func text(_ gate: Gate) -> String {
    for (name, value) in [("running", gate.load.running), ("waiting", gate.waitingCount)] {
      Meter(label: "\(prefix)_work_\(name)", dimensions: common, factory: registry).set(value)
    }
    return registry.text
  }

  private func inProgress(_ path: String) -> Meter {
    Meter(
      label: "\(prefix)_request_in_progress",
      dimensions: [("endpoint", path)] + common,
      factory: registry
    )
  }

  private func total(_ path: String, _ status: Int) -> Counter {
    Counter(
      label: "\(prefix)_request_total",
      dimensions: dimensions(path, status),
      factory: registry
    )
  }

  private func dimensions(_ path: String, _ status: Int) -> [(String, String)] {
    [("endpoint", path), ("http_response_code", String(status))] + common
  }
}
