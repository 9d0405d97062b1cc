// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Finds uploads that only trickle, so that they cannot hold places in the queue.
///
/// Only the time counts in which the server waits for the client: a slow disk is not the client's fault.
package struct UploadPace: Sendable {
  /// The fewest bytes a second that an upload must bring.
  private let rate: Int
  /// How long it may bring fewer.
  private let patience: Duration
  private var waited = Duration.zero
  private var byteCount = 0

  /// Measures one upload.
  ///
  /// - Parameters:
  ///   - rate: The fewest bytes a second that it must bring.
  ///   - patience: How long it may bring fewer, more than zero.
  package init(rate: Int, patience: Duration) {
    self.rate = rate
    self.patience = patience
  }

  /// Takes note of bytes that have come.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - wait: How long the server had waited for them.
  /// - Throws: ``ServingError`` with code `tooSlow` if the upload has been too slow for too long.
  package mutating func note(_ count: Int, after wait: Duration) throws(ServingError) {
    waited += wait
    byteCount += count
    guard waited >= patience else { return }
    guard Double(byteCount) >= Double(rate) * (patience / .seconds(1)) else {
      throw ServingError(
        .tooSlow,
        "the upload brought \(byteCount) bytes in \((waited / .seconds(1)).rounded()) seconds; "
          + "it must bring \(rate) in each"
      )
    }
    waited = .zero
    byteCount = 0
  }
}

extension HTTPServer.Settings {
  /// What an upload must keep to.
  var uploadPace: UploadPace { UploadPace(rate: slowestUpload, patience: uploadPatience) }
}
