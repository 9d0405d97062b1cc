// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Subprocess
import SystemPackage
import Testing

@Suite("Refusing pictures", .serialized)
struct PictureRefusalTests {
  let reader = PictureReader()

  @Test(
    "what is not a picture is called that",
    arguments: [
      Array("Dear sir, here is my picture.".utf8), [], [0x89], [0x42, 0],
      Array("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".utf8),
      Array("%PDF-1.7\n1 0 obj".utf8), Array("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd".utf8),
      Array("P6 2 2 255 abcdefghijkl".utf8), Array("GIF88a".utf8),
      Array("push graphic-context\nviewbox 0 0 9 9".utf8),
    ] as [[UInt8]]
  )
  func notAPicture(_ bytes: [UInt8]) async throws {
    #expect(await mediaError { try await reader.read(bytes: bytes) }?.code == .notAPicture)
  }

  @Test("a text file named .png is not a picture")
  func textNamedPNG() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "holiday.png")
      try Data("These are my notes.\n".utf8).write(to: path)
      let error = await mediaError { try await reader.read(path: path.path()) }
      #expect(error?.code == .notAPicture)
      #expect(error?.message.contains("PNG, JPEG") == true)
    }
  }

  @Test("a bomb of 900 million pixels is refused by its header, within memory that cannot hold it")
  func bomb() async throws {
    let bomb = PNGBomb.bytes(width: 30_000, height: 30_000)
    #expect(bomb.count < 1_000_000)
    let error = await mediaError {
      try await PictureReader(timeout: .seconds(20), memory: 700 << 20).read(bytes: bomb)
    }
    #expect(error?.code == .pictureTooLarge)
    #expect(error?.message.contains("30000x30000") == true)
  }

  @Test("the bomb is a real picture when it is small enough")
  func smallBomb() async throws {
    let picture = try await reader.read(bytes: PNGBomb.bytes(width: 3_000, height: 2_000))
    #expect(picture.mode == .bilevel)
    #expect(picture.pixels.count == 6_000_000)
    #expect(picture.pixels.allSatisfy { $0 == 0 })
  }

  @Test("a picture that fits the pixels but not the memory runs out of resources")
  func outOfMemory() async throws {
    let bomb = PNGBomb.bytes(width: 19_000, height: 3_300)
    let error = await mediaError {
      try await PictureReader(memory: 200 << 20).read(bytes: bomb)
    }
    #expect(error?.code == .outOfResources, "\(error?.message ?? "")")
  }

  @Test(
    "size limits hold for every format",
    arguments: [
      "rgb.png", "rgb.jpg", "lossless.webp", "lossy.avif", "palette.gif", "rgb24.bmp", "rgb.tiff",
    ]
  )
  func limits(_ name: String) async throws {
    let bytes = try Files.golden(name)
    for limits in [
      PictureLimits(pixels: 41 * 29 - 1), PictureLimits(side: 40),
      PictureLimits(bytes: bytes.count - 1),
    ] {
      let error = await mediaError { try await PictureReader(limits: limits).read(bytes: bytes) }
      #expect(error?.code == .pictureTooLarge)
    }
    let exact = PictureLimits(pixels: 41 * 29, side: 41, bytes: bytes.count)
    #expect(try await PictureReader(limits: exact).read(bytes: bytes).width == 41)
  }

  @Test(
    "a truncated picture is refused, wherever it is cut",
    arguments: [
      "rgb.png", "rgb.jpg", "rgb-444-progressive.jpg", "lossless.webp", "lossy.webp",
      "lossy.avif", "palette.gif", "interlaced.gif", "rgb24.bmp", "rle8.bmp", "rgb.tiff",
      "gray.tiff",
    ]
  )
  func truncated(_ name: String) async throws {
    let bytes = try Files.golden(name)
    for share in [0.2, 0.5, 0.8, 0.95] {
      let cut = Array(bytes.prefix(Int(Double(bytes.count) * share)))
      let error = await mediaError { try await reader.read(bytes: cut) }
      #expect(error?.code == .damagedPicture, "\(share): \(error?.message ?? "")")
    }
  }

  @Test("damaged headers end in an error or a picture, never in anything else")
  func fuzzedHeaders() async throws {
    var generator = SeededGenerator(state: 20_261_122)
    for name in ["rgb.png", "rgb.jpg", "lossless.webp", "lossy.avif", "rgb.tiff"] {
      let original = try Files.golden(name)
      for _ in 0..<12 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
          let place = Int.random(in: 0..<min(bytes.count, 160), using: &generator)
          bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
        do {
          let picture = try await reader.read(bytes: bytes)
          #expect(picture.pixels.count <= 64_000_000 * 4)
        } catch let error as MediaError {
          #expect(error.code != .toolFailed && error.code != .toolMissing, "\(error.message)")
        }
      }
    }
  }

  @Test("random bytes behind a signature end in an error", arguments: PictureFormat.allCases)
  func randomBytes(_ format: PictureFormat) async throws {
    let signature: [UInt8] =
      switch format {
      case .png: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      case .jpeg: [0xFF, 0xD8, 0xFF]
      case .webp: Array("RIFF".utf8) + [0, 1, 0, 0] + Array("WEBPVP8 ".utf8)
      case .gif: Array("GIF89a".utf8)
      case .bmp: Array("BM".utf8)
      case .tiff: [0x49, 0x49, 42, 0, 8, 0, 0, 0]
      case .avif: [0, 0, 0, 20] + Array("ftypavif".utf8) + [0, 0, 0, 0] + Array("mif1".utf8)
      case .heic: [0, 0, 0, 20] + Array("ftypheic".utf8) + [0, 0, 0, 0] + Array("mif1".utf8)
      }
    #expect(PictureFormat(signatureOf: signature) == format)
    var generator = SeededGenerator(state: UInt64(format.rawValue))
    for length in [0, 1, 30, 4_000] {
      let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let error = await mediaError { try await reader.read(bytes: signature + noise) }
      #expect(error?.code != .toolFailed)
    }
  }

  @Test("BMP and GIF survive ten thousand damaged files each without a process to hide in")
  func fuzzedSwiftDecoders() throws {
    var generator = SeededGenerator(state: 7)
    let limits = PictureLimits(pixels: 1_000_000)
    for name in ["rle8.bmp", "palette4.bmp", "rgb565.bmp", "offset-transparent.gif"] {
      let original = try Files.golden(name)
      for _ in 0..<10_000 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
          let reach = Bool.random(using: &generator) ? 80 : bytes.count
          let place = Int.random(in: 0..<min(reach, bytes.count), using: &generator)
          bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
        if Bool.random(using: &generator) {
          bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
        }
        do throws(MediaError) {
          let picture =
            name.hasSuffix("bmp")
            ? try BitmapDecoder.decode(bytes, limits: limits)
            : try GIFDecoder.decode(bytes, limits: limits)
          #expect(
            picture.pixels.count
              == picture.width * picture.height * picture.mode.bytesPerPixel
          )
        } catch {
          #expect(error.code != .toolFailed)
        }
      }
    }
  }

  @Test("the decoder has given up its rights before it reads a byte")
  func confined() async throws {
    let program = try #require(
      Program.companion("zoetrope-picture", variable: "ZOETROPE_PICTURE")
    )
    let found = try await Subprocess.run(
      .path(program),
      arguments: ["--memory", "536870912", "--cpu-seconds", "7"],
      input: .inputWriter,
      output: .discarded,
      error: .discarded
    ) { execution in
      let process = "/proc/\(execution.processIdentifier.value)"
      var status = ""
      while !status.contains("Seccomp:\t2") {
        status = try String(contentsOfFile: "\(process)/status", encoding: .utf8)
        try await Task.sleep(for: .milliseconds(1))
      }
      return (status, try String(contentsOfFile: "\(process)/limits", encoding: .utf8))
    }
    let (status, limits) = found.closureResult
    #expect(status.contains("NoNewPrivs:\t1"))
    let expected = [
      "Max cpu time": "7", "Max file size": "0", "Max core file size": "0",
      "Max address space": "536870912",
    ]
    for (name, value) in expected {
      let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix(name) })
      let fields = line.dropFirst(name.count).split(separator: " ")
      #expect(fields.prefix(2) == [Substring(value), Substring(value)], "\(line)")
    }
    #expect(found.terminationStatus == .exited(PictureExit.notAPicture.rawValue))
  }

  @Test("a decoder that does not come back is stopped")
  func timesOut() async throws {
    try await Files.withDirectory { directory in
      let script = directory.appending(path: "slow")
      try Data("#!/bin/sh\nexec sleep 600\n".utf8).write(to: script)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755],
        ofItemAtPath: script.path()
      )
      let slow = PictureReader(executable: script.path(), timeout: .milliseconds(300))
      let error = await mediaError { try await slow.read(bytes: [1, 2, 3]) }
      #expect(error?.code == .timedOut)
    }
  }

  @Test("a decoder that dies or babbles is reported, with what it said")
  func brokenDecoder() async throws {
    let cases: [(String, MediaError.Code)] = [
      ("echo out of paint >&2; exit 3", .toolFailed), ("exit 0", .toolFailed),
      ("echo ZPICnonsense", .toolFailed), ("kill -SEGV $$", .damagedPicture),
      ("kill -XCPU $$", .outOfResources),
    ]
    try await Files.withDirectory { directory in
      for (index, (body, code)) in cases.enumerated() {
        let script = directory.appending(path: "broken\(index)")
        try Data("#!/bin/sh\n\(body)\n".utf8).write(to: script)
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o755],
          ofItemAtPath: script.path()
        )
        let error = await mediaError {
          try await PictureReader(executable: script.path()).read(bytes: [1, 2, 3])
        }
        #expect(error?.code == code, "\(body)")
        if index == 0 { #expect(error?.message.contains("out of paint") == true) }
      }
    }
  }
}
