// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CoreMetrics
import Synchronization

/// One line, or one histogram, of what Prometheus reads.
protocol PrometheusSeries: AnyObject, Sendable {
  /// The samples: what is added to the name, a further label, and the value.
  var samples: [PrometheusSample] { get }
}

/// One number with what tells it from others of its family.
struct PrometheusSample {
  var suffix = ""
  var label: (name: String, value: String)?
  let value: Double
}

/// A number that only grows.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
  private let value = Mutex(0.0)

  var samples: [PrometheusSample] { [PrometheusSample(value: value.withLock { $0 })] }

  func increment(by amount: Int64) { increment(by: Double(amount)) }

  func increment(by amount: Double) {
    guard amount >= 0 else { return }
    value.withLock { $0 += amount }
  }

  func reset() { value.withLock { $0 = 0 } }
}

/// A number that comes and goes.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
  private let value = Mutex(0.0)

  var samples: [PrometheusSample] { [PrometheusSample(value: value.withLock { $0 })] }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }
}

/// How often values fell below each of some bounds.
final class PrometheusHistogram: PrometheusSeries, RecorderHandler, TimerHandler {
  private struct State {
    var counts: [Double]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  /// - Parameter bounds: The upper bounds, growing; infinity is added.
  init(bounds: [Double]) {
    self.bounds = bounds + [.infinity]
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  var samples: [PrometheusSample] {
    let state = state.withLock { $0 }
    var total = 0.0
    var samples: [PrometheusSample] = []
    for (bound, count) in zip(bounds, state.counts) {
      total += count
      let label = ("le", PrometheusRegistry.text(bound))
      samples.append(PrometheusSample(suffix: "_bucket", label: label, value: total))
    }
    return samples + [
      PrometheusSample(suffix: "_sum", value: state.sum),
      PrometheusSample(suffix: "_count", value: total),
    ]
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard let index = bounds.firstIndex(where: { value <= $0 }) else { return }
    state.withLock { state in
      state.counts[index] += 1
      state.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
