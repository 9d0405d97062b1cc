// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import TensorCUDA
import TensorCore
import TensorReference

extension Element {
  /// The nearest number that the type holds.
  func rounded(_ x: Float) -> Float {
    switch self {
    case .float32: x
    case .float16: Float(Float16(x))
    case .bfloat16:
      Float(bitPattern: (x.bitPattern &+ 0x7FFF &+ (x.bitPattern >> 16 & 1)) & 0xFFFF_0000)
    }
  }

  /// How far an operation may be from its definition.
  func tolerance(needsFullPrecision: Bool) -> Double {
    switch self {
    case .float16: 2e-3
    case .bfloat16: 1.6e-2
    case .float32: needsFullPrecision ? 1e-2 : 1e-5
    }
  }
}

extension Report {
  /// Every operation over small shapes against its definition.
  mutating func checkOperations(_ engine: CUDAEngine, _ elements: [Element]) {
    for element in elements {
      let backend = CUDABackend(engine, element)
      for test in OperationCase.all where element == .float32 || !test.needsFullPrecision {
        check(
          "operations \(element)",
          test,
          backend,
          ReferenceBackend(),
          limit: element.tolerance(needsFullPrecision: test.needsFullPrecision)
        )
      }
      guard element != .float32, engine.canComputeInFloat8 else { continue }
      let narrow = CUDABackend(engine, element, feedForwardsInFloat8: true)
      for test in OperationCase.feedForwards {
        // A hidden number that lies between two others of 8 bits may go to either. Channels that no tile fits are
        // computed as ever, and so are nearer to the definition than to what is rounded.
        check(
          "operations float8 and \(element)",
          test,
          narrow,
          ReferenceBackend(feedForwardsInFloat8: test.fitsFloat8),
          limit: 1.6e-2
        )
      }
    }
  }

  private mutating func check(
    _ suite: String,
    _ test: OperationCase,
    _ backend: CUDABackend,
    _ reference: ReferenceBackend,
    limit: Double
  ) {
    check(suite, test.name) {
      let round = backend.element.rounded
      var ours = Operands(backend, seed: 7, round: round)
      var theirs = Operands(reference, seed: 7, round: round)
      let actual = try test.run(&ours)
      let expected = try test.run(&theirs)
      guard actual.shape == expected.shape else {
        return Entry(
          suite: suite,
          name: test.name,
          holds: false,
          note: "\(actual.shape) is not \(expected.shape)"
        )
      }
      let error = Difference(try actual.values(), try expected.values()).relative
      return Entry(suite: suite, name: test.name, holds: error <= limit, error: error, limit: limit)
    }
  }
}
