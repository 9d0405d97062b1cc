// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CoreMetrics
import Glibc
import Synchronization

/// What a server counts of its requests, under the names that BentoML gave them.
final class ServiceMetrics: Sendable {
  /// The series of one path, found once: looking them up costs more than counting.
  private struct PathSeries {
    let inProgress: Meter
    var byStatus: [Int: (total: Counter, duration: Recorder)] = [:]
  }

  private let registry: PrometheusRegistry
  private let prefix: String
  private let common: [(String, String)]
  private let lastRequest: Meter
  private let paths = Mutex<[String: PathSeries]>([:])

  init(_ service: Service, registry: PrometheusRegistry) {
    self.registry = registry
    prefix = service.metricsNamespace
    // BentoML has the service's name twice.
    common = [
      ("runner_name", service.name), ("service_name", service.name),
      ("service_version", service.version),
    ]
    lastRequest = Meter(
      label: "\(prefix)_last_request_timestamp_seconds",
      dimensions: common,
      factory: registry
    )
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
      for status in [200, 500] {
        paths.withLock { series(endpoint.path, status, &$0).total.increment(by: 0) }
      }
    }
  }

  /// Notes that a request came.
  ///
  /// - Parameters:
  ///   - path: One of the service's own paths: others are not told apart, as anyone can make them up.
  ///   - isProbe: Whether it says nothing of how much the service is used.
  func began(_ path: String, isProbe: Bool) {
    paths.withLock { series(path, &$0).inProgress.increment(by: 1) }
    guard !isProbe else { return }
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    lastRequest.set(Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
  }

  /// Notes that a request was answered.
  func ended(_ path: String, status: Int, after duration: Duration) {
    paths.withLock { paths in
      let (total, seconds) = series(path, status, &paths)
      total.increment()
      seconds.record(duration / .seconds(1))
      paths[path]?.inProgress.decrement(by: 1)
    }
  }

  /// Everything, with how much runs and waits at the moment.
  func text(_ work: (running: Int, waiting: Int)) -> String {
    for (name, value) in [("running", work.running), ("waiting", work.waiting)] {
      Meter(label: "\(prefix)_work_\(name)", dimensions: common, factory: registry).set(value)
    }
    return registry.text
  }

  private func series(_ path: String, _ paths: inout [String: PathSeries]) -> PathSeries {
    if let series = paths[path] { return series }
    let series = PathSeries(
      inProgress: Meter(
        label: "\(prefix)_request_in_progress",
        dimensions: [("endpoint", path)] + common,
        factory: registry
      )
    )
    paths[path] = series
    return series
  }

  private func series(
    _ path: String,
    _ status: Int,
    _ paths: inout [String: PathSeries]
  ) -> (total: Counter, duration: Recorder) {
    if let series = series(path, &paths).byStatus[status] { return series }
    let dimensions =
      [("endpoint", path), ("http_response_code", String(status))] + common
    let series = (
      total: Counter(
        label: "\(prefix)_request_total",
        dimensions: dimensions,
        factory: registry
      ),
      duration: Recorder(
        label: "\(prefix)_request_duration_seconds",
        dimensions: dimensions,
        aggregate: true,
        factory: registry
      )
    )
    paths[path]?.byStatus[status] = series
    return series
  }
}
