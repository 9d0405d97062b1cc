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
        check("operations \(element)", test.name) {
          var ours = Operands(backend, seed: 7, round: element.rounded)
          var theirs = Operands(ReferenceBackend(), seed: 7, round: element.rounded)
          let actual = try test.run(&ours)
          let expected = try test.run(&theirs)
          guard actual.shape == expected.shape else {
            return Entry(
              suite: "operations \(element)",
              name: test.name,
              holds: false,
              note: "\(actual.shape) is not \(expected.shape)"
            )
          }
          let error = Difference(try actual.values(), try expected.values()).relative
          let limit = element.tolerance(needsFullPrecision: test.needsFullPrecision)
          return Entry(
            suite: "operations \(element)",
            name: test.name,
            holds: error <= limit,
            error: error,
            limit: limit
          )
        }
      }
    }
  }
}
