// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import TensorCUDA
internal import TensorCore
internal import Testing

/// Numbers that the pretend GPU copies later than it is asked: until somebody waits for them there are
/// not-a-numbers in their place.
@Suite struct DownloadTests {
  private let fake: FakeLibraries

  init() throws { fake = try FakeLibraries() }

  private func backend(_ element: Element = .float32) throws -> CUDABackend {
    CUDABackend(
      try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil)),
      element
    )
  }

  private func numbers(_ count: Int, from first: Int = 0) -> [Float] {
    (first..<first + count).map { Float($0 % 1021) / 8 }
  }

  private func expectNothingLeft() throws {
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.liveBytes == 0)
    #expect(counts.pinned == 0 && counts.events == 0 && counts.wrongFrees == 0)
    #expect(counts.unboundCalls == 0)
  }

  @Test(arguments: Element.allCases)
  func `several are read in any order, again, or never, and are what a download gives`(
    _ element: Element
  ) throws {
    do {
      let backend = try backend(element)
      let whole = try backend.upload(numbers(6 * 50), shape: [6, 50]).activated(.silu)
      let expected = try whole.values()
      let pending = try (0..<6).map { try whole.slice($0..<$0 + 1).pendingValues() }
      let last = try whole.slice(4..<6).pendingValues()
      for index in [3, 0, 5, 1, 3] {
        #expect(try pending[index].values() == Array(expected[index * 50..<(index + 1) * 50]))
      }
      #expect(try last.values() == Array(expected[200...]))
      #expect(pending.allSatisfy { $0.isUnderWay })
    }
    try expectNothingLeft()
  }

  @Test func `buffers are used again, those of what nobody read as well`() throws {
    do {
      let backend = try backend()
      let first = try backend.upload(numbers(100), shape: [100])
      let second = try backend.upload(numbers(100, from: 7), shape: [100])
      for _ in 0..<3 {
        _ = try first.pendingValues()
        #expect(try second.pendingValues().values() == numbers(100, from: 7))
        #expect(try fake.counts.pinned == 1)
      }
      // A smaller one fits.
      #expect(try first.slice(2..<5).pendingValues().values() == numbers(3, from: 2))
      #expect(try fake.counts.pinned == 1)
      let both = try [first.pendingValues(), second.pendingValues(), first.pendingValues()]
      #expect(try fake.counts.pinned == 3)
      #expect(try both[1].values() == numbers(100, from: 7))
    }
    try expectNothingLeft()
  }

  @Test func `no more than two buffers are kept`() throws {
    let backend = try backend()
    let x = try backend.upload(numbers(100), shape: [100])
    let pending = try (0..<4).map { _ in try x.pendingValues() }
    let pinned = try fake.counts.pinned
    withExtendedLifetime(consume pending) {}
    #expect(pinned == 4)
    #expect(try fake.counts.pinned == 2)
  }

  @Test func `what outlives its tensor and its backend is read all the same`() throws {
    do {
      let pending = try backend().upload(numbers(100), shape: [100]).pendingValues()
      let counts = try fake.counts
      #expect(counts.frees == counts.allocations)
      #expect(try pending.values() == numbers(100))
    }
    try expectNothingLeft()
  }

  @Test func `what is too large, or too much beside others, is copied at once`() throws {
    do {
      let backend = try backend()
      let most = 32 << 18
      let values = numbers(most + 1)
      let large = try backend.upload(values, shape: [most + 1])
      let pending = try large.pendingValues()
      #expect(!pending.isUnderWay)
      #expect(try pending.values() == values)

      let part = try large.slice(1..<most + 1)
      let two = try (0..<2).map { _ in try part.pendingValues() }
      #expect(two.allSatisfy { $0.isUnderWay })
      let small = try large.slice(3..<5).pendingValues()
      #expect(!small.isUnderWay)
      #expect(try small.values() == Array(values[3..<5]))
      #expect(try two[1].values() == Array(values[1...]))
    }
    try expectNothingLeft()
  }

  @Test func `buffers that are too small make room for one that is not`() throws {
    let backend = try backend()
    let most = 32 << 18
    let large = try backend.upload(numbers(most), shape: [most])
    let resting = try fake.counts.pinned
    var two = try (0..<2).map { try large.slice(0..<most - 1 - $0).pendingValues() }
    two = []
    let whole = try large.pendingValues()
    #expect(whole.isUnderWay)
    #expect(try whole.values() == numbers(most))
    #expect(try fake.counts.pinned == resting + 2)
    withExtendedLifetime(two) {}
  }

  @Test(arguments: ["cuMemcpyDtoH", "cuEventCreate", "cuEventSynchronize"])
  func `a call that fails is an error, and the next download succeeds`(_ call: String) throws {
    do {
      let backend = try backend()
      let x = try backend.upload(numbers(100), shape: [100])
      try fake.fail(call)
      let error = #expect(throws: TensorError.self) { try x.pendingValues().values() }
      #expect(error?.code == .library && error?.operation == "download")
      #expect(try x.pendingValues().values() == numbers(100))
      #expect(try fake.counts.pinned == 1)
    }
    try expectNothingLeft()
  }

  @Test func `a host that can pin no memory is copied to at once`() throws {
    let backend = try backend()
    let x = try backend.upload(numbers(100), shape: [100])
    try fake.fail("cuMemHostAlloc", 2)
    let pending = try x.pendingValues()
    #expect(!pending.isUnderWay)
    #expect(try pending.values() == numbers(100))
    #expect(try x.pendingValues().isUnderWay)
  }
}
