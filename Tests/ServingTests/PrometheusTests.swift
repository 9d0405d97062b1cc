// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CoreMetrics
import Serving
import Testing

@Suite struct `The metrics' text` {
  @Test func `is what Prometheus reads`() {
    let registry = PrometheusRegistry()
    registry.describe("jobs_total", "Jobs that were\nmade.")
    Counter(label: "jobs_total", dimensions: [("kind", "b\"\\\n")], factory: registry).increment()
    Counter(label: "jobs_total", dimensions: [("kind", "a")], factory: registry).increment(by: 3)
    Meter(label: "jobs.now", factory: registry).set(2.5)
    #expect(
      registry.text == #"""
        # TYPE jobs_now gauge
        jobs_now 2.5
        # HELP jobs_total Jobs that were\nmade.
        # TYPE jobs_total counter
        jobs_total{kind="a"} 3.0
        jobs_total{kind="b\"\\\n"} 1.0

        """#
    )
  }

  @Test func `counts a histogram's values up from bound to bound`() {
    let registry = PrometheusRegistry()
    let timer = Timer(label: "took_seconds", dimensions: [("k", "v")], factory: registry)
    for milliseconds in [1, 5, 7, 2000, 4_000_000] { timer.recordMilliseconds(milliseconds) }
    let text = registry.text
    for line in [
      "# TYPE took_seconds histogram\n", "took_seconds_bucket{k=\"v\",le=\"0.005\"} 2.0\n",
      "took_seconds_bucket{k=\"v\",le=\"0.01\"} 3.0\n",
      "took_seconds_bucket{k=\"v\",le=\"2.5\"} 4.0\n",
      "took_seconds_bucket{k=\"v\",le=\"1800.0\"} 4.0\n",
      "took_seconds_bucket{k=\"v\",le=\"+Inf\"} 5.0\n",
      "took_seconds_sum{k=\"v\"} 4002.013\n", "took_seconds_count{k=\"v\"} 5.0\n",
    ] { #expect(text.contains(line), "\(line) is not in \(text)") }
  }

  @Test func `gives the same series to the same labels, from any number of tasks`() async {
    let registry = PrometheusRegistry()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 {
        group.addTask {
          for _ in 0..<100 { Counter(label: "n", factory: registry).increment() }
        }
      }
    }
    #expect(registry.text == "# TYPE n counter\nn 10000.0\n")
  }

  @Test func `stays bounded whatever labels are made up`() {
    let registry = PrometheusRegistry(maximumSeries: 10)
    for index in 0..<2000 {
      Counter(label: "n", dimensions: [("path", "/\(index)")], factory: registry).increment()
    }
    #expect(registry.text.split(separator: "\n").count == 11)
  }

  @Test func `keeps one kind to a name`() {
    let registry = PrometheusRegistry()
    Counter(label: "n", factory: registry).increment()
    Meter(label: "n", factory: registry).set(7)
    #expect(registry.text == "# TYPE n counter\nn 1.0\n")
  }
}
