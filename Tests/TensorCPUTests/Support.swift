// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU

/// One backend for all tests: its pool then hands out blocks full of other tests' numbers, so that an
/// element that an operation forgets to write is seen.
let cpu = CPUBackend()

/// How far results may be from the reference, as relative root mean squares.
enum Tolerance {
  /// Where float32 numbers are only moved.
  static let exact = 0.0
  /// One or two roundings to float32 an element.
  static let elementwise = 2e-7
  /// Functions approximated to a few units in the last place.
  static let function = 5e-7
  /// Sums of up to a few thousand products.
  static let product = 2e-6
  /// Means and variances of rows.
  static let norm = 2e-6
  /// A softmax between two products.
  static let attention = 2e-6
}
