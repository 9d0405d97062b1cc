// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Layers against the plain operations that they stand for, on the reference and on the processor.
@Suite struct LayerTests {
  static let backends: [any Backend] = [ReferenceBackend(), CPUBackend()]

  @Test(arguments: [(1, 1, 1), (3, 4, 5), (32, 7, 2)])
  func `upsampling and convolving at once is one after the other`(
    _ channels: Int,
    _ height: Int,
    _ width: Int
  ) throws {
    let checkpoint = MemoryCheckpoint(random: [
      "weight": [channels, channels, 3, 3], "bias": [channels],
    ])
    for backend in Self.backends {
      let layer = try UpsamplingConvolution(checkpoint.weights(backend), channels)
      let plain = try Convolution(checkpoint.weights(), channels, channels)
      let shape: Shape = [2, height, width, channels]
      let expected = try plain(
        random(shape, ReferenceBackend()).upsampled(to: Extent(2 * height, 2 * width))
      )
      let actual = try layer(random(shape, backend))
      #expect(actual.shape == expected.shape)
      expectClose(try actual.values(), try expected.values(), within: rounding, backend.name)
    }
  }

  @Test func `a convolution over frames carries its scale in weight and bias`() throws {
    let checkpoint = MemoryCheckpoint(random: ["weight": [6, 4, 3, 1, 1], "bias": [6]])
    for backend in Self.backends {
      let x = try random([2, 5, 7, 4], backend)
      let residual = try random([2, 5, 7, 6], backend)
      let plain = try TemporalConvolution(checkpoint.weights(backend), 4, 6)
      let scaled = try TemporalConvolution(checkpoint.weights(backend), 4, 6, scale: 0.3)
      let expected = try plain(x).combined(0.3, with: residual, 1)
      expectClose(
        try scaled(x, residual: residual).values(),
        try expected.values(),
        within: rounding,
        backend.name
      )
    }
  }

  @Test func `a convolution over frames mixes neighbours and sees zeros beyond the ends`() throws {
    let checkpoint = MemoryCheckpoint([
      "weight": ([1, 1, 3, 1, 1], [100, 10, 1]), "bias": ([1], [0.5]),
    ])
    for backend in Self.backends {
      let layer = try TemporalConvolution(checkpoint.weights(backend), 1, 1)
      let clip = try backend.upload([1, 2, 3, 4], shape: [1, 4, 1, 1])
      #expect(try layer(clip).values() == [12.5, 123.5, 234.5, 340.5])
    }
  }

  @Test func `queries, keys and values are three layers side by side`() throws {
    let checkpoint = MemoryCheckpoint(random: [
      "q.weight": [5, 5], "q.bias": [5], "k.weight": [5, 5], "k.bias": [5], "v.weight": [5, 5],
      "v.bias": [5],
    ])
    for backend in Self.backends {
      let weights = checkpoint.weights(backend)
      let x = try random([4, 5], backend)
      for bias in [true, false] {
        let all = try QueryKeyValue(weights.q, weights.k, weights.v, 5, bias: bias)
        let each = try [weights.q, weights.k, weights.v].map { try Linear($0, 5, 5, bias: bias)(x) }
        let expected = try each[0].concatenatingColumns(each[1]).concatenatingColumns(each[2])
        expectClose(try all(x).values(), try expected.values(), within: rounding, backend.name)
      }
    }
  }

  @Test func `a feed-forward layer gates its first half with its second`() throws {
    let checkpoint = MemoryCheckpoint(random: [
      "net.0.proj.weight": [24, 3], "net.0.proj.bias": [24], "net.2.weight": [3, 12],
      "net.2.bias": [3],
    ])
    let backend = ReferenceBackend()
    let weights = checkpoint.weights(backend)
    let x = try random([7, 3], backend)
    let wide = try Linear(weights.net[0].proj, 3, 24)(x).values()
    let gates = try backend.upload(
      stride(from: 0, to: wide.count, by: 24).flatMap { Array(wide[$0 + 12..<$0 + 24]) },
      shape: [7, 12]
    ).activated(.gelu).values()
    let narrow = gates.indices.map { wide[$0 / 12 * 24 + $0 % 12] * gates[$0] }
    let expected = try Linear(weights.net[2], 12, 3)(
      backend.upload(narrow, shape: [7, 12]),
      residual: x
    )
    for backend in Self.backends {
      let layer = try FeedForward(checkpoint.weights(backend), 3)
      let actual = try layer(random([7, 3], backend), residual: random([7, 3], backend))
      expectClose(try actual.values(), try expected.values(), within: rounding, backend.name)
    }
  }

  @Test func `a time embedding is two layers with SiLU between`() throws {
    let checkpoint = MemoryCheckpoint(random: [
      "linear_1.weight": [8, 4], "linear_1.bias": [8], "linear_2.weight": [6, 8],
      "linear_2.bias": [6],
    ])
    for backend in Self.backends {
      let weights = checkpoint.weights(backend)
      let layer = try TimestepEmbedding(weights, 4, hidden: 8, outputs: 6)
      try weights.requireAllRead()
      let x = try random([3, 4], backend)
      let hidden = try Linear(weights.linear_1, 4, 8)(x).activated(.silu)
      expectClose(
        try layer(x).values(),
        try Linear(weights.linear_2, 8, 6)(hidden).values(),
        within: rounding,
        backend.name
      )
    }
  }

  @Test func `a bias given to a layer takes the place of its own`() throws {
    let checkpoint = MemoryCheckpoint(random: ["weight": [4, 3], "bias": [4]])
    for backend in Self.backends {
      let layer = try Linear(checkpoint.weights(backend), 3, 4)
      let zeros = try backend.upload([Float](repeating: 0, count: 6), shape: [2, 3])
      let bias: [Float] = [1, 2, 3, 4, 5, 6, 7, 8]
      #expect(try layer(zeros, bias: backend.upload(bias, shape: [2, 4])).values() == bias)
      #expect(try layer(zeros).slice(0..<1).values() == layer.bias?.values())
    }
  }

  @Test func `norms take their numbers from the checkpoint`() throws {
    let checkpoint = MemoryCheckpoint([
      "weight": ([32], [Float](repeating: 3, count: 32)), "bias": ([32], (0..<32).map(Float.init)),
    ])
    for backend in Self.backends {
      let x = try random([2, 5, 32], backend)
      let ones = try backend.upload([Float](repeating: 3, count: 32), shape: [32])
      let bias = try backend.upload((0..<32).map(Float.init), shape: [32])
      let group = try GroupNorm(checkpoint.weights(backend), 32, epsilon: 1e-2)
      #expect(
        try group(x, silu: true).values()
          == x.groupNorm(groups: 32, weight: ones, bias: bias, epsilon: 1e-2, silu: true).values()
      )
      let layer = try LayerNorm(checkpoint.weights(backend), 32, epsilon: 1e-2)
      #expect(
        try layer(x).values() == x.layerNorm(weight: ones, bias: bias, epsilon: 1e-2).values()
      )
    }
  }

  private func random(_ shape: Shape, _ backend: any Backend) throws -> Tensor {
    var operands = Operands(backend, seed: 33)
    return try operands.tensor(shape)
  }
}
