// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import CoreMetrics
import Synchronization

/// Keeps metrics and writes them as Prometheus reads them (text format 0.0.4).
///
/// Names and label names are made valid by replacing what must not be in them. Beyond the greatest
/// number of series, new ones are counted nowhere: labels that a stranger can choose must not fill the
/// memory.
public final class PrometheusRegistry: MetricsFactory {
  private enum Kind: String { case counter, gauge, histogram }

  private struct Family {
    let kind: Kind
    /// By the text of the labels.
    var series: [String: any PrometheusSeries] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    var help: [String: String] = [:]
    var seriesCount = 0
  }

  /// The upper bounds of a histogram's buckets: seconds, from a probe's to a video's.
  static let bounds = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 180, 300, 600, 1800,
  ]

  private let maximumSeries: Int
  private let state = Mutex(State())

  /// Creates a registry without metrics.
  ///
  /// - Parameter maximumSeries: The most series that are kept.
  public init(maximumSeries: Int = 1000) { self.maximumSeries = maximumSeries }

  /// Says what a metric is, for those who read the text.
  public func describe(_ name: String, _ help: String) {
    state.withLock { $0.help[Self.valid(name)] = help }
  }

  /// All metrics, in the order of their names.
  public var text: String {
    let (families, help) = state.withLock { ($0.families, $0.help) }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      if let help = help[name] { text += "# HELP \(name) \(Self.escaped(help))\n" }
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        for sample in series.samples {
          var all = labels
          if let label = sample.label {
            all += (all.isEmpty ? "" : ",") + "\(label.name)=\"\(label.value)\""
          }
          if !all.isEmpty { all = "{\(all)}" }
          text += "\(name)\(sample.suffix)\(all) \(Self.text(sample.value))\n"
        }
      }
    }
    return text
  }

  // MARK: MetricsFactory

  /// Finds or makes a counter.
  public func makeCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any CounterHandler {
    series(label, dimensions, .counter) { PrometheusCounter() }
  }

  /// Finds or makes a counter of fractions.
  public func makeFloatingPointCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter) { PrometheusCounter() }
  }

  /// Finds or makes a gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge) { PrometheusGauge() }
  }

  /// Finds or makes a histogram, or a gauge if only the last value is of interest.
  public func makeRecorder(
    label: String,
    dimensions: [(String, String)],
    aggregate: Bool
  ) -> any RecorderHandler {
    if aggregate {
      series(label, dimensions, .histogram) { PrometheusHistogram(bounds: Self.bounds) }
    } else {
      series(label, dimensions, .gauge) { PrometheusGauge() }
    }
  }

  /// Finds or makes a histogram of seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, .histogram) { PrometheusHistogram(bounds: Self.bounds) }
  }

  /// Does nothing: a series stays for as long as the registry.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Does nothing, as for counters.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  /// Does nothing, as for counters.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Does nothing, as for counters.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Does nothing, as for counters.
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func series<Series: PrometheusSeries>(
    _ label: String,
    _ dimensions: [(String, String)],
    _ kind: Kind,
    _ make: () -> Series
  ) -> Series {
    let name = Self.valid(label)
    let labels = dimensions.map { "\(Self.valid($0.0))=\"\(Self.escaped($0.1))\"" }
      .joined(separator: ",")
    return state.withLock { state in
      let family = state.families[name]
      if let series = family?.series[labels] as? Series { return series }
      let series = make()
      guard state.seriesCount < maximumSeries, family == nil || family?.kind == kind,
        family?.series[labels] == nil
      else { return series }
      state.families[name, default: Family(kind: kind)].series[labels] = series
      state.seriesCount += 1
      return series
    }
  }

  // MARK: Text

  static func text(_ value: Double) -> String {
    value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)"
  }

  private static func valid(_ name: String) -> String {
    var result = ""
    for character in name {
      let isValid =
        character.isASCII
        && (character.isLetter || character == "_" || (character.isNumber && !result.isEmpty))
      result.append(isValid ? character : "_")
    }
    return result
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
