// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import CUDA
internal import FoundationEssentials
package import SharedLibrary

#if canImport(Glibc)
internal import Glibc
#endif

/// A copy of the pretend GPU of a test's own, so that tests that run together do not count each
/// other's calls.
@safe package final class FakeLibraries: Sendable {
  package let path: String
  package let library: SharedLibrary

  package init() throws {
    let folder = FileManager.default.temporaryDirectory.path
    path = "\(folder)/FakeCUDA-\(UUID().uuidString).so"
    try FileManager.default.copyItem(atPath: Self.original, toPath: path)
    library = try SharedLibrary.open("fake", LibrarySearch(fileNames: [], explicit: [path]))
  }

  // The loader has mapped it and needs its name no more.
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Beside the program that runs the tests, where the package manager builds products.
  private static let original: String = {
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return program.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/libFakeCUDA.so"
  }()

  package var search: LibrarySearch { LibrarySearch(fileNames: [], explicit: [path]) }

  package func libraries() throws -> CUDALibraries { try CUDALibraries { _ in self.search } }

  /// What has happened, as `fake_cuda_counts` of `FakeCUDA.h` lists it.
  package struct Counts {
    package let allocations, frees, wrongFrees, liveBytes, unboundCalls, launches,
      compilations: Int64
    package let streams, events, modules, contexts, pinned: Int64
  }

  package var counts: Counts {
    get throws {
      typealias Read = @convention(c) (UnsafeMutablePointer<Int64>) -> Void
      var n = [Int64](repeating: 0, count: 12)
      unsafe try symbol("fake_cuda_read_counts", as: Read.self)(&n)
      return Counts(
        allocations: n[0],
        frees: n[1],
        wrongFrees: n[2],
        liveBytes: n[3],
        unboundCalls: n[4],
        launches: n[5],
        compilations: n[6],
        streams: n[7],
        events: n[8],
        modules: n[9],
        contexts: n[10],
        pinned: n[11]
      )
    }
  }

  /// Lets a call fail once, after so many more calls of it.
  package func fail(_ call: String, _ result: Int32 = 999, after: Int32 = 0) throws {
    typealias Fail = @convention(c) (UnsafePointer<CChar>, Int32, Int32) -> Void
    unsafe try symbol("fake_cuda_fail_call", as: Fail.self)(call, result, after)
  }

  package func describe(capability: Int32, memory: Int64) throws {
    typealias Describe = @convention(c) (Int32, Int64) -> Void
    try symbol("fake_cuda_describe", as: Describe.self)(capability, memory)
  }

  /// Lets cuDNN have an engine for convolutions.
  package func enableEngine() throws {
    typealias Enable = @convention(c) (Int32) -> Void
    try symbol("fake_cuda_enable_engine", as: Enable.self)(1)
  }

  private func symbol<Function>(_ name: String, as: Function.Type) throws -> Function {
    unsafe unsafeBitCast(try library.address(of: name), to: Function.self)
  }
}
