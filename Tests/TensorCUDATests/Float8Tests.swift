// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import TensorCUDA
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

@Suite struct Float8Tests {
  @Test(arguments: [Element.float16, .bfloat16])
  func `a feed-forward layer's factors are rounded to 8 bits, and nothing else is`(
    _ element: Element
  ) throws {
    let fake = try FakeLibraries()
    do {
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      let backend = CUDABackend(engine, element, feedForwardsInFloat8: true)
      for test in OperationCase.feedForwards {
        let actual = try Self.values(test, on: backend, element)
        let exact = try Self.values(test, on: ReferenceBackend(), element)
        let rounded = try Self.values(
          test,
          on: ReferenceBackend(feedForwardsInFloat8: true),
          element
        )
        // Channels that no tile fits are computed as ever.
        // A hidden number that lies between two others of 8 bits may go to either.
        expectClose(actual, test.fitsFloat8 ? rounded : exact, within: 1.6e-2, test.name)
        if test.fitsFloat8 {
          #expect(Difference(actual, exact).relative > 2e-2, "\(test) is not in 8 bits")
          #expect(Difference(actual, exact).relative < 8e-2, "\(test)")
        }
      }
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.modules == 0)
  }

  @Test func `a hidden layer that does not fit is computed in pieces`() throws {
    let engine = try CUDAEngine(
      FakeLibraries().libraries(),
      cache: CompilationCache(folder: nil)
    )
    func values(_ workingBytes: Int) throws -> [Float] {
      let backend = CUDABackend(
        engine,
        .float16,
        workingBytes: workingBytes,
        feedForwardsInFloat8: true
      )
      var operands = Operands(backend, seed: 5)
      let weights = try operands.feedForwardWeights(128)
      let x = try operands.tensor([300, 128])
      return try x.feedForward(
        gated: weights.gated,
        gatedBias: operands.tensor([1024]),
        output: weights.output,
        outputBias: operands.tensor([128]),
        residual: x
      ).values()
    }
    #expect(try values(64 << 10) == values(384 << 20))
  }

  @Test func `what is too large becomes the largest, and a weight of zeros stays one`() throws {
    let engine = try CUDAEngine(
      FakeLibraries().libraries(),
      cache: CompilationCache(folder: nil)
    )
    let backend = CUDABackend(engine, .float16, feedForwardsInFloat8: true)
    func weight(_ value: Float, _ shape: Shape) throws -> Tensor {
      try backend.upload([Float](repeating: value, count: shape.count), shape: shape)
    }
    func layer(_ x: Float, gated: Float, output: Float) throws -> [Float] {
      let weights = try backend.prepareFeedForward(
        gated: weight(gated, [1024, 128]),
        output: weight(output, [128, 512])
      )
      return try weight(x, [2, 128]).feedForward(
        gated: weights.gated,
        gatedBias: weight(2, [1024]),
        output: weights.output,
        outputBias: weight(3, [128]),
        residual: weight(1, [2, 128])
      ).values()
    }
    // 2 · gelu(2) of each of 512 hidden numbers, where x counts for nothing; to the nearest of 8 bits, 4.
    #expect(try layer(1, gated: 0, output: 1.0 / 512).allSatisfy { $0 == 8 })
    #expect(try layer(1, gated: 1, output: 0).allSatisfy { $0 == 4 })
    // 128 · 448 / 128 as both value and gate: a hidden layer of 448, the largest.
    #expect(
      try layer(60_000, gated: 1.0 / 128, output: 1.0 / 512).allSatisfy { abs($0 - 452) < 1 }
    )
  }

  private static func values(
    _ test: OperationCase,
    on backend: any Backend,
    _ element: Element
  ) throws -> [Float] {
    var operands = Operands(backend, seed: 7, round: element.rounded)
    return try test.run(&operands).values()
  }
}
