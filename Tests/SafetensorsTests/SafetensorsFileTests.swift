// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Safetensors
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

struct SafetensorsFileTests {
  @Test func `a file of golden tensors lists them all`() throws {
    let file = try SafetensorsFile(path: "\(fixtures)/tiny/main.safetensors")
    #expect(file.entries.count == 69)
    #expect(file.names.count == 69)
    #expect(Set(file.names) == Set(file.entries.keys))
    #expect(Set(file.entries.values.map(\.elementType)) == [.float32, .uint8])
  }

  @Test
  func `names come in the order of the bytes, which lie end to end up to the end of the file`()
    throws
  {
    let path = "\(fixtures)/tiny/model/unet/diffusion_pytorch_model.fp16.safetensors"
    let file = try SafetensorsFile(path: path)
    #expect(file.names.count == 822)
    #expect(file.metadata == ["format": "pt"])
    let ranges = try file.names.map { try #require(file.entries[$0]).byteRange }
    for (range, next) in zip(ranges, ranges.dropFirst()) {
      #expect(range.upperBound == next.lowerBound)
    }
    #expect(ranges.last?.upperBound == 2_467_052)
    #expect(file.totalByteCount == ranges.reduce(0) { $0 + $1.count })
  }

  @Test func `an entry gives kind, shape and size`() throws {
    let path = "\(fixtures)/tiny/model/image_encoder/model.safetensors"
    let file = try SafetensorsFile(path: path)
    for entry in file.entries.values {
      #expect(entry.elementType == .float32)
      #expect(entry.elementCount == entry.shape.reduce(1, *))
      #expect(entry.byteRange.count == entry.elementCount * 4)
    }
    let norm = try #require(file.entries["vision_model.pre_layrnorm.weight"])
    #expect(norm.shape.count == 1)
  }

  @Test func `half and single precision copies of a checkpoint hold the same numbers`() throws {
    let folder = "\(fixtures)/tiny/model/image_encoder"
    let single = try SafetensorsFile(path: "\(folder)/model.safetensors")
    let half = try SafetensorsFile(path: "\(folder)/model.fp16.safetensors")
    #expect(Set(single.names) == Set(half.names))
    var count = 0
    for name in single.names {
      let wide = try #require(single.bytes(of: name))
      let narrow = try #require(half.bytes(of: name))
      #expect(wide.count == narrow.count * 2)
      for index in 0..<narrow.count / 2 {
        let value = Float(
          bitPattern: (0..<4).reduce(0) { $0 | UInt32(wide[index * 4 + $1]) << ($1 * 8) }
        )
        let rounded = decodeHalf(UInt16(narrow[index * 2]) | UInt16(narrow[index * 2 + 1]) << 8)
        #expect(abs(rounded - value) <= max(abs(value) / 2048, 0x1p-25))
        count += 1
      }
    }
    #expect(count == single.totalByteCount / 4)
  }

  @Test func `a tensor that is not there gives nil and does not call the body`() throws {
    let file = try SafetensorsFile(path: "\(fixtures)/tiny/main.safetensors")
    var called = false
    let result: Int? = unsafe file.withBytes(of: "no such tensor") { _ in
      called = true
      return 1
    }
    #expect(result == nil)
    #expect(!called)
  }

  @Test func `an error of the body comes out as it is`() throws {
    struct Refusal: Error {}
    let file = try SafetensorsFile(path: "\(fixtures)/tiny/main.safetensors")
    let name = try #require(file.names.first)
    #expect(throws: Refusal.self) {
      _ = try unsafe file.withBytes(of: name) { _ throws(Refusal) -> Int in throw Refusal() }
    }
  }

  @Test func `pages can be discarded and announced without changing what is read`() throws {
    let file = try SafetensorsFile(path: "\(fixtures)/tiny/main.safetensors")
    for name in file.names {
      let before = file.bytes(of: name)
      file.discardPages(of: name)
      file.willNeed(name)
      #expect(file.bytes(of: name) == before)
    }
    file.discardPages(of: "no such tensor")
    file.willNeed("no such tensor")
  }

  @Test func `a scalar and an empty tensor are legal`() throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter()
    try writer.add("scalar", elementType: .float64, shape: [], bytes: [1, 2, 3, 4, 5, 6, 7, 8])
    try writer.add("empty", elementType: .float32, shape: [3, 0, 5], bytes: [])
    try writer.add("vast and empty", elementType: .float32, shape: [.max, .max, 0], bytes: [])
    try writer.write(toFile: folder.path("a.safetensors"))
    let file = try SafetensorsFile(path: folder.path("a.safetensors"))
    #expect(file.entries["scalar"]?.shape == [])
    #expect(file.entries["scalar"]?.elementCount == 1)
    #expect(file.bytes(of: "scalar") == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(file.entries["empty"]?.elementCount == 0)
    #expect(file.bytes(of: "empty") == [])
    #expect(file.bytes(of: "vast and empty") == [])
  }

  @Test func `a file of several gigabytes is addressed with 64 bits`() throws {
    let folder = try TestFolder()
    let byteCount = 6 << 30
    let header = #"{"a":{"dtype":"U8","shape":[\#(byteCount)],"data_offsets":[0,\#(byteCount)]}}"#
    let start = fileBytes(header: [UInt8](header.utf8), dataByteCount: 0)
    let path = try folder.write(start, to: "sparse.safetensors")
    let descriptor = unsafe open(path, O_WRONLY)
    let written = unsafe pwrite(descriptor, [7] as [UInt8], 1, start.count + byteCount - 1)
    close(descriptor)
    try #require(written == 1)
    let file = try SafetensorsFile(path: path)
    let last = unsafe file.withBytes(of: "a") { bytes in unsafe bytes[bytes.count - 1] }
    #expect(last == 7)
    #expect(file.totalByteCount == byteCount)
  }

  @Test func `a missing file, a folder and a named pipe are errors that name the path`() throws {
    let folder = try TestFolder()
    let missing = folder.path("missing.safetensors")
    #expect {
      try SafetensorsFile(path: missing)
    } throws: { error in
      let error = error as? SafetensorsError
      return error?.code == .notFound && error?.path == missing
        && error?.description.contains(missing) == true
    }
    #expect { try SafetensorsFile(path: folder.path) } throws: { error in
      (error as? SafetensorsError)?.code == .inputOutput
    }
    #expect {
      try SafetensorsFile(path: folder.path("a\0b"))
    } throws: { error in
      (error as? SafetensorsError)?.code == .invalidArgument
    }
    let pipe = folder.path("pipe.safetensors")
    let made = unsafe mkfifo(pipe, 0o600)
    #expect(made == 0)
    #expect { try SafetensorsFile(path: pipe) } throws: { error in
      (error as? SafetensorsError)?.code == .inputOutput
    }
  }

  @Test func `a file cut anywhere is refused`() throws {
    let folder = try TestFolder()
    let whole = try folder.writeTensors(["one", "two"], to: "whole.safetensors")
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: whole)))
    for count in 0..<bytes.count {
      let path = try folder.write([UInt8](bytes[..<count]), to: "cut.safetensors")
      #expect { try SafetensorsFile(path: path) } throws: { error in
        (error as? SafetensorsError)?.code == .malformedFile
      }
    }
  }

  @Test func `a Git LFS pointer is recognised`() throws {
    let folder = try TestFolder()
    let text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    let path = try folder.write(text, to: "model.safetensors")
    #expect { try SafetensorsFile(path: path) } throws: { error in
      (error as? SafetensorsError)?.message.contains("Git LFS") == true
    }
  }

  private func decodeHalf(_ bits: UInt16) -> Float {
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Float(bits & 0x3FF)
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * (1 + fraction / 1024)
      * Float(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}
