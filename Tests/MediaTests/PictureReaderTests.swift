// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Testing

@Suite("Reading pictures", .serialized)
struct PictureReaderTests {
  let reader = PictureReader()

  @Test(
    "a picture of every format and mode decodes to Pillow's RGB",
    arguments: Golden.all.filter { $0.kind == "plain" }
  )
  func decodes(_ golden: Golden) async throws {
    let picture = try await reader.read(bytes: try Files.golden(golden.file))
    expectClose(picture.rgb(), golden)
  }

  @Test(
    "a picture resized in its own mode and then made RGB has Pillow's bytes",
    arguments: Golden.all.filter { $0.kind == "stretch" }
  )
  func resizes(_ golden: Golden) async throws {
    let picture = try await reader.read(bytes: try Files.golden(golden.file))
    let fitted = try picture.fitted(width: golden.width, height: golden.height, fit: .stretch)
    expectClose(fitted, golden)
  }

  @Test(
    "crop and pad agree with Pillow's ImageOps",
    arguments: Golden.all.filter { $0.kind == "crop" || $0.kind == "pad" }
  )
  func fits(_ golden: Golden) async throws {
    let picture = try await reader.read(bytes: try Files.golden(golden.file))
    let fit = try #require(PictureFit(rawValue: golden.kind))
    expectClose(try picture.fitted(width: golden.width, height: golden.height, fit: fit), golden)
  }

  @Test(
    "orientation is honoured, or ignored as Image.open ignores it",
    arguments: Golden.all.filter { PictureOrientation(rawValue: $0.kind) != nil }
  )
  func orients(_ golden: Golden) async throws {
    let orientation = try #require(PictureOrientation(rawValue: golden.kind))
    let picture = try await reader.read(
      bytes: try Files.golden(golden.file),
      orientation: orientation
    )
    expectClose(picture.rgb(), golden)
  }

  @Test("the goldens are there")
  func goldensExist() {
    #expect(Golden.all.count > 150)
  }

  @Test("a file is read by its path, whatever its name ends in")
  func readsPath() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "picture.txt")
      try Data(try Files.golden("rgb.png")).write(to: path)
      let picture = try await reader.read(path: path.path())
      #expect(picture.mode == .rgb)
      #expect(picture.width == 41)
    }
  }

  @Test("a path that is no regular file is refused")
  func refusesDirectory() async throws {
    #expect(
      await mediaError { try await reader.read(path: "/nowhere/a.png") }?.code == .unreadableFile
    )
    #expect(await mediaError { try await reader.read(path: "/tmp") }?.code == .unreadableFile)
    #expect(await mediaError { try await reader.read(path: "/dev/zero") }?.code == .unreadableFile)
  }

  @Test("many pictures are read at once")
  func readsManyAtOnce() async throws {
    let bytes = try Files.golden("rgb.jpg")
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<40 { group.addTask { try await reader.read(bytes: bytes).width } }
      for try await width in group { #expect(width == 41) }
    }
  }

  @Test("a read that is cancelled while it waits or works ends")
  func cancelled() async throws {
    let bytes = try Files.golden("rgb.jpg")
    let reads = (0..<20).map { _ in Task { try await reader.read(bytes: bytes).width } }
    for read in reads.dropFirst(3) { read.cancel() }
    for read in reads.dropFirst(3) {
      await #expect(throws: CancellationError.self) { try await read.value }
    }
    for read in reads.prefix(3) { #expect(try await read.value == 41) }
  }

  @Test("a picture of more than a hundred megabytes is decoded without a temporary file")
  func large() async throws {
    let picture = try await reader.read(bytes: try Files.golden("large.webp"))
    #expect(picture.width == 7_000)
    #expect(picture.height == 6_000)
    let small = try picture.fitted(width: 4, height: 3, fit: .stretch)
    #expect(small.pixels == (0..<12).flatMap { _ in [12, 34, 56] })
  }

  @Test("a missing decoder is named, and how to give its path")
  func missingDecoder() async throws {
    let error = await mediaError {
      try await PictureReader(executable: "/nowhere/zoetrope-picture").read(bytes: [1, 2, 3])
    }
    #expect(error?.code == .toolMissing)
  }
}
