// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Synchronization

/// What the GPU does with its time, piece of work by piece of work, by its own clock.
///
/// A mark before and one behind each piece tell the time between; marks cost about a microsecond each,
/// so small pieces look a little longer than they are.
package final class Profile: Sendable {
  /// All pieces of work of one name.
  package struct Entry: Sendable {
    package let name: String
    package fileprivate(set) var count = 1
    package fileprivate(set) var seconds: Double
    /// Multiplications and additions; zero where they do not matter.
    package fileprivate(set) var operations: Double
    /// Bytes that must be read and written at least; zero where that is not known.
    package fileprivate(set) var bytes: Double

    /// Entries with those of one name added up, the longest first.
    package static func joined(_ entries: [Entry]) -> [Entry] {
      let sums = Dictionary(entries.map { ($0.name, $0) }) { sum, entry in
        var sum = sum
        sum.count += entry.count
        sum.seconds += entry.seconds
        sum.operations += entry.operations
        sum.bytes += entry.bytes
        return sum
      }
      return sums.values.sorted { ($0.seconds, $0.name) > ($1.seconds, $1.name) }
    }
  }

  private final class Span: Sendable {
    let name: String
    let operations, bytes: Double
    let start, end: Event

    init(
      _ name: String,
      _ operations: Double,
      _ bytes: Double,
      _ start: consuming Event,
      _ end: consuming Event
    ) {
      self.name = name
      self.operations = operations
      self.bytes = bytes
      self.start = start
      self.end = end
    }
  }

  private let device: Device
  private let spans = Mutex<[Span]>([])

  /// Makes an empty profile.
  ///
  /// - Parameter device: The GPU.
  package init(_ device: Device) { self.device = device }

  /// Does a piece of work between two marks.
  ///
  /// - Parameters:
  ///   - name: What the work is; times of work of the same name are added up.
  ///   - operations: Multiplications and additions.
  ///   - bytes: What must be read and written at least.
  ///   - work: Asks the GPU for the work.
  /// - Throws: What the work throws; `CUDAError` if the driver fails.
  package func measure(
    _ name: String,
    operations: Double,
    bytes: Double,
    _ work: () throws(CUDAError) -> Void
  ) throws(CUDAError) {
    let start = try Event(device)
    try work()
    let span = Span(name, operations, bytes, start, try Event(device))
    spans.withLock { $0.append(span) }
  }

  /// All that was measured since the last call, the longest first; waits for the GPU.
  package func take() throws(CUDAError) -> [Entry] {
    let spans = spans.withLock { spans in
      defer { spans = [] }
      return spans
    }
    return Entry.joined(
      try spans.map { span throws(CUDAError) in
        Entry(
          name: span.name,
          seconds: try span.end.seconds(since: span.start),
          operations: span.operations,
          bytes: span.bytes
        )
      }
    )
  }
}
