// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import FoundationEssentials
internal import Testing

@Suite struct CompilationCacheTests {
  let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
  let fake: FakeLibraries

  init() throws { fake = try FakeLibraries() }

  private func code(_ source: String, _ options: [String]) throws -> [UInt8] {
    try CompilationCache(folder: folder).machineCode(
      of: source,
      name: "kernels",
      options: options,
      Compiler(fake.libraries().nvrtc)
    )
  }

  private var files: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }

  @Test func `a source is compiled once for each of its options`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try code("source", ["-DELEMENT=0"])
    #expect(try code("source", ["-DELEMENT=0"]) == first)
    #expect(try fake.counts.compilations == 1)
    _ = try code("source", ["-DELEMENT=1"])
    _ = try code("other source", ["-DELEMENT=0"])
    #expect(try fake.counts.compilations == 3)
    #expect(files.count == 3)
  }

  @Test func `a damaged file is compiled anew`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try code("source", ["-DELEMENT=0"])
    let path = folder + "/" + (try #require(files.first))
    let data = try Data(contentsOf: URL(filePath: path))
    var wrong = data
    wrong[wrong.count - 1] ^= 1
    for damaged in [Data(), data.dropLast(), wrong] as [Data] {
      try Data(damaged).write(to: URL(filePath: path))
      #expect(try code("source", ["-DELEMENT=0"]) == whole)
    }
    #expect(try fake.counts.compilations == 4)
  }

  @Test func `a folder that cannot be written is no failure`() throws {
    let cache = CompilationCache(folder: "/proc/no-such-folder")
    let compiler = try Compiler(fake.libraries().nvrtc)
    for _ in 0..<2 {
      _ = try cache.machineCode(of: "s", name: "k", options: ["-DELEMENT=2"], compiler)
    }
    #expect(try fake.counts.compilations == 2)
  }

  @Test func `what the compiler says is in the error`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try fake.fail("nvrtcCompileProgram", 6)
    let error = #expect(throws: CUDAError.self) { try code("source", ["-DELEMENT=0"]) }
    #expect(error?.code == .compilation)
    #expect(error?.message == "a pretended error: line 1: a pretended mistake")
    #expect(files.isEmpty)
  }
}
