// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import FoundationEssentials
internal import TensorCUDA
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

@Suite struct `Plans of cuDNN` {
  let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString

  /// Whether cuDNN computed a convolution; its result is looked at either way.
  private func isComputed(hasEngine: Bool, isFirstRefused: Bool = false) throws -> Bool {
    let fake = try FakeLibraries()
    if hasEngine { try fake.enableEngine() }
    if isFirstRefused { try fake.fail("cudnnBackendFinalize", 3000) }
    let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: folder))
    func result(_ backend: any Backend) throws -> [Float] {
      var operands = Operands(backend, seed: 5)
      let x = try operands.tensor([2, 5, 7, 8])
      let weight = try operands.weight([16, 8, 3, 3])
      return try x.convolution(weight, bias: operands.tensor([16]), padding: Padding(1, 1)).values()
    }
    expectClose(
      try result(CUDABackend(engine, .float32)),
      try result(ReferenceBackend()),
      within: 1e-5,
      "a convolution"
    )
    return engine.convolutions.refusals.isEmpty
  }

  private var files: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
    }
  }

  @Test func `are kept on disk, and found anew where what is there does not do`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try !isComputed(hasEngine: false))
    #expect(try files.isEmpty)
    #expect(try isComputed(hasEngine: true))
    #expect(try files.count == 1)
    // Nothing is recommended any more, so this one is from the disk.
    #expect(try isComputed(hasEngine: false))
    let path = folder + "/" + (try #require(files.first))
    let whole = try Data(contentsOf: URL(filePath: path))
    for damaged in [Data(), whole.dropLast(), Data("{}".utf8)] as [Data] {
      try Data(damaged).write(to: URL(filePath: path))
      #expect(try !isComputed(hasEngine: false))
      #expect(try isComputed(hasEngine: true))
      #expect(try Data(contentsOf: URL(filePath: path)) == whole)
    }
    // The library itself may refuse what it wrote.
    #expect(try isComputed(hasEngine: true, isFirstRefused: true))
    #expect(try !isComputed(hasEngine: false, isFirstRefused: true))
  }
}
