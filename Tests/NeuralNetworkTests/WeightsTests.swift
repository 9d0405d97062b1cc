// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore
internal import TensorTesting
import Testing

@Suite struct WeightsTests {
  private let checkpoint = MemoryCheckpoint([
    "conv_in.weight": ([2, 3], [1, 2, 3, 4, 5, 6]),
    "blocks.0.to_out.1.bias": ([2], [7, 8]),
    "mix": ([1], [0.5]),
  ])

  @Test func `a path in Swift is the tensor's name`() throws {
    let weights = checkpoint.weights()
    #expect(try weights.conv_in.weight.tensor([2, 3]).values() == [1, 2, 3, 4, 5, 6])
    #expect(try weights.blocks[0].to_out[1].bias.tensor([2], scale: 2).values() == [14, 16])
    #expect(try weights.mix.number() == 0.5)
    try weights.requireAllRead()
  }

  @Test func `a missing tensor is named with its place`() {
    let weights = checkpoint.weights()
    let error = #expect(throws: WeightsError.self) { try weights.blocks[1].bias.tensor([2]) }
    #expect(error?.code == .missing)
    #expect(error?.description == "memory: blocks.1.bias is missing")
  }

  @Test func `a tensor of other sizes is named with both`() {
    let weights = checkpoint.weights()
    let error = #expect(throws: WeightsError.self) { try weights.conv_in.weight.tensor([3, 2]) }
    #expect(error?.code == .shape)
    #expect(
      error?.description
        == "memory: conv_in.weight is [2, 3], but the configuration asks for [3, 2]"
    )
    #expect(throws: WeightsError.self) { try weights.conv_in.weight.ignore([6], because: "test") }
  }

  @Test func `the first tensor that nobody read is named`() throws {
    let weights = checkpoint.weights()
    _ = try weights.conv_in.weight.tensor([2, 3])
    let error = #expect(throws: WeightsError.self) { try weights.requireAllRead() }
    #expect(error?.code == .unexpected)
    #expect(error?.tensor == "blocks.0.to_out.1.bias (and 1 more)")
    try weights.blocks[0].to_out[1].bias.ignore([2], because: "test")
    weights.mix.skip(because: "test")
    weights.nothing.skip(because: "test")
    try weights.requireAllRead()
  }

  @Test func `a skipped place takes everything below it along, and nothing beside it`() {
    let checkpoint = MemoryCheckpoint(random: ["a.b.c": [1], "a.b": [1], "a.bc": [1]])
    let weights = checkpoint.weights()
    weights.a.b.skip(because: "test")
    let error = #expect(throws: WeightsError.self) { try weights.requireAllRead() }
    #expect(error?.tensor == "a.bc")
  }

  @Test func `weights that do not stack are a weights error`() throws {
    let weights = checkpoint.weights()
    let first = try weights.upload([1, 2], [1, 2])
    let second = try weights.upload([1, 2, 3], [1, 3])
    let error = #expect(throws: WeightsError.self) { try weights.conv_in.prepare(first, second) }
    #expect(error?.code == .read && error?.tensor == "conv_in")
  }
}
