// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import FoundationEssentials
internal import SharedLibrary
internal import Testing

@Suite struct LibraryTests {
  @Test func `a library that is nowhere is named with what brings it`() {
    let error = #expect(throws: CUDAError.self) {
      try CUDALibraries { LibrarySearch(fileNames: $0.fileNames.map { "absent-" + $0 }) }
    }
    #expect(error?.code == .library)
    #expect(error?.call == "NVIDIA driver")
    #expect(error?.message.contains("no absent-libcuda.so.1 was found; install") == true)
  }

  @Test func `a file that is no library is passed over and said to be none`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let script = folder + "/libthing.so.1"
    try Data("GROUP ( libthing.so.2 )".utf8).write(to: URL(filePath: script))
    var head: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 13)
    head[18] = 3
    let old = folder + "/libthing.so.2"
    try Data(head).write(to: URL(filePath: old))
    let error = #expect(throws: SharedLibraryError.self) {
      try SharedLibrary.open(
        "thing",
        LibrarySearch(fileNames: ["libthing.so.1", "libthing.so.2"], explicit: [folder])
      )
    }
    #expect(error?.code == .notLoadable)
    #expect(
      error?.attempts == [
        .init(path: script, reason: "it is not a library"),
        .init(path: old, reason: "it is a 32-bit library"),
      ]
    )
  }

  @Test func `a library is found by a folder, by Python's layout and by its file`() throws {
    let fake = try FakeLibraries()
    let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
    let inside = folder + "/nvidia/thing/lib"
    try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.copyItem(atPath: fake.path, toPath: inside + "/libthing.so.1")
    for place in [folder, inside, inside + "/libthing.so.1"] {
      let library = try SharedLibrary.open(
        "thing",
        LibrarySearch(fileNames: ["libthing.so.1"], explicit: [place])
      )
      #expect(library.path == inside + "/libthing.so.1")
    }
    let found = try SharedLibrary.open(
      "thing",
      LibrarySearch(fileNames: ["libthing.so.1"], patterns: [folder + "/nv*/*/lib"])
    )
    #expect(found.path == inside + "/libthing.so.1")
  }

  @Test func `a bare name is left to the loader, and the file that it took is told`() throws {
    let library = try SharedLibrary.open("C library", LibrarySearch(fileNames: ["libm.so.6"]))
    #expect(library.path.hasPrefix("/") && library.path.contains("libm"))
    #expect(try library.address(of: "cos") != 0)
    let error = #expect(throws: SharedLibraryError.self) { try library.address(of: "no_such") }
    #expect(error?.code == .missingSymbol)
  }

  @Test func `the head of a file tells whether it can be opened`() throws {
    let fake = try FakeLibraries()
    let own = try #require(ELFFile(path: fake.path))
    #expect(own.obstacle == nil && own.machine == ELFFile.ownMachine)
    #expect(ELFFile(path: "/dev/null") == nil)
    #expect(ELFFile(path: "/no/such/file") == nil)
  }

  @Test func `a library without what is asked of it fails in that call alone`() throws {
    // The C library opens well enough, and has no cuInit.
    let wrong = try SharedLibrary.open("C library", LibrarySearch(fileNames: ["libm.so.6"]))
    let error = #expect(throws: CUDAError.self) { try Device(wrong) }
    #expect(error?.code == .symbol)
    #expect(error?.call == "cuInit")
  }
}
