// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct CPUBackendTests {
  /// A little of everything, large enough to be shared out among threads.
  private static func work(_ operands: inout Operands) throws -> Tensor {
    let x = try operands.tensor([2, 24, 40, 64])
    let convolved = try x.convolution(
      operands.weight([64, 64, 3, 3]),
      bias: operands.tensor([64]),
      padding: Padding(1, 1),
      residual: x
    ).groupNorm(
      groups: 32,
      weight: operands.tensor([64], mean: 1),
      bias: operands.tensor([64]),
      epsilon: 1e-5,
      silu: true
    )
    let along = try convolved.reshaped([1, 2, 960, 64]).convolution(
      operands.weight([64, 64, 3, 1]),
      padding: Padding(1, 0)
    )
    let tokens = try along.reshaped([2, 960, 64]).linear(operands.weight([192, 64]))
    let attended =
      try tokens.tokenAttention(heads: 2)
      + tokens.reshaped([1, 2, 960, 192])
      .frameAttention(heads: 4).reshaped([2, 960, 64])
    return try attended.layerNorm(
      weight: operands.tensor([64], mean: 1),
      bias: operands.tensor([64]),
      epsilon: 1e-5
    ).feedForward(
      gated: operands.weight([512, 64]),
      gatedBias: operands.tensor([512]),
      output: operands.weight([64, 256]),
      outputBias: operands.tensor([64]),
      residual: attended
    )
  }

  @Test func `one thread and several give the same but for rounding`() throws {
    let count = CPUBackend.threadCount
    defer { CPUBackend.threadCount = count }
    let results = try [1, 2, 3].map { threads in
      CPUBackend.threadCount = threads
      #expect(CPUBackend.threadCount == threads)
      var operands = Operands(CPUBackend(), seed: 5)
      return try Self.work(&operands).values()
    }
    expectClose(results[1], results[0], within: 1e-5, "two threads")
    expectClose(results[2], results[0], within: 1e-5, "three threads")
  }

  @Test func `a run repeated on the same threads is equal to the bit`() throws {
    var first = Operands(cpu, seed: 6)
    var second = Operands(CPUBackend(), seed: 6)
    #expect(try Self.work(&first).values() == Self.work(&second).values())
  }

  @Test func `tasks that share a backend do not disturb each other`() async throws {
    let backend = CPUBackend()
    var expected: [[Float]] = []
    for seed in 0..<4 as Range<UInt64> {
      var operands = Operands(CPUBackend(), seed: seed)
      expected.append(try Self.work(&operands).values())
    }
    try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for task in 0..<8 {
        group.addTask {
          var operands = Operands(backend, seed: UInt64(task % 4))
          return (task % 4, try Self.work(&operands).values())
        }
      }
      for try await (seed, values) in group {
        expectClose(values, expected[seed], within: 1e-5, "seed \(seed)")
      }
    }
  }

  @Test func `a weight or a tensor of another backend is refused`() throws {
    let reference = ReferenceBackend()
    let foreign = try reference.upload([1, 2, 3, 4], shape: [2, 2])
    #expect(throws: TensorError.self) { try cpu.prepare(foreign) }
    let weight = try reference.prepare(foreign)
    let x = try cpu.upload([1, 2], shape: [1, 2])
    #expect(throws: TensorError.self) { try x.linear(weight) }
  }

  #if os(Linux)
  @Test func `memory that is let go of is used again`() throws {
    func residentBytes() throws -> Int {
      let text = try String(contentsOf: URL(filePath: "/proc/self/statm"), encoding: .utf8)
      return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }
    let backend = CPUBackend()
    let x = try backend.upload([Float](repeating: 1, count: 1 << 21), shape: [2048, 1024])
    let before = try residentBytes()
    var y = x
    for _ in 0..<500 { y = try y.combined(1, with: x, 1) }
    // Kept all, the sums would take 4 GiB; the limit leaves room for what other tests do meanwhile.
    #expect(try residentBytes() - before < 1 << 30)
    #expect(try y.slice(2047..<2048).values()[1023] == 501)
  }
  #endif

  @Test func `the backend says what it computes with`() {
    #expect(cpu.name == "cpu")
    #expect(CPUBackend.libraryVersion.split(separator: ".").count == 3)
    #expect(CPUBackend.threadCount >= 1)
  }

  @Test func `more memory than the machine has is refused with the bytes`() throws {
    let pixel = try CPUBackend().upload([1], shape: [1, 1, 1, 1])
    let error = #expect(throws: TensorError.self) {
      try pixel.upsampled(to: Extent(1 << 20, 1 << 20))
    }
    #expect(error?.code == .outOfMemory)
    #expect(error?.message.contains("4194304 MiB") == true)
  }
}
