// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A tensor's elements on their way to the host.
///
/// What was asked of a backend before they were waited for is done meanwhile.
public protocol PendingValues: AnyObject, Sendable {
  /// Whether waiting for them may take time that the backend could use for other work.
  ///
  /// It says so once and for all: that they have come since changes nothing.
  var isUnderWay: Bool { get }

  /// The elements in row-major order; waits until they are there.
  ///
  /// - Throws: `TensorError` if they could not be made or read.
  func values() throws(TensorError) -> [Float]
}

/// Elements that are on the host already.
package final class ReadValues: PendingValues {
  private let elements: [Float]

  /// Keeps elements.
  ///
  /// - Parameter elements: In row-major order.
  package init(_ elements: [Float]) { self.elements = elements }

  /// False.
  package var isUnderWay: Bool { false }

  /// The elements in row-major order.
  package func values() -> [Float] { elements }
}
