// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import FoundationEssentials
internal import Testing

/// The pretend library recommends three ways to multiply: the second takes a third of the first's time, and the
/// third turns out to be unsupported when it is run.
@Suite struct `Algorithms of cuBLASLt` {
  let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
  let fake: FakeLibraries
  let allocator: DeviceAllocator

  init() throws {
    fake = try FakeLibraries()
    allocator = try DeviceAllocator(Device(fake.libraries().driver))
  }

  /// Multiplies twice, as a new process would.
  private func multiply(
    _ folder: String?,
    isInPlace: Bool = false,
    leastTuned: Double = 0
  ) throws {
    let products = try MatrixProducts(
      fake.libraries().cublasLt,
      allocator,
      CompilationCache(folder: folder),
      leastTuned: leastTuned
    )
    let x = try allocator.allocate(4 * 8 * 16)
    let weight = try allocator.allocate(4 * 4 * 16)
    let y = try allocator.allocate(4 * 8 * 4)
    var problem = MatrixProducts.Problem(rows: 8, columns: 4, inner: 16, .float32)
    problem.hasResidual = isInPlace
    var operands = MatrixProducts.Operands(x: x.address, weight: weight.address, y: y.address)
    operands.residual = isInPlace ? y.address : 0
    for _ in 0..<2 { try products.multiply(problem, operands) }
  }

  /// What was chosen.
  private var files: [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return all.filter { $0.hasPrefix("choice") }
  }

  @Test func `are tried once, and the fastest that works is written down`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try multiply(folder)
    let path = folder + "/" + (try #require(files.first))
    let whole = try Data(contentsOf: URL(filePath: path))
    #expect(files.count == 1)
    #expect(String(decoding: whole, as: UTF8.self).hasSuffix("1 of 3\n"))
    // The next process measures nothing: a failing clock would be noticed.
    try fake.fail("cuEventElapsedTime")
    try multiply(folder)
    #expect(throws: CUDAError.self) { try multiply(folder + "/other") }
    for damaged in [Data(), whole.dropLast(), Data("9 of 3\n".utf8)] as [Data] {
      try Data(damaged).write(to: URL(filePath: path))
      try multiply(folder)
      #expect(try Data(contentsOf: URL(filePath: path)) == whole)
    }
  }

  @Test func `are not tried where nothing can be kept, nor for what is small or adds to itself`()
    throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try fake.fail("cuEventElapsedTime")
    try multiply(nil)
    // Nothing can be written below what is a file.
    try Data().write(to: URL(filePath: folder + "-file"))
    defer { try? FileManager.default.removeItem(atPath: folder + "-file") }
    try multiply(folder + "-file/folder")
    try multiply(folder, isInPlace: true)
    try multiply(folder, leastTuned: 1e6)
    #expect(files.isEmpty)
  }
}
