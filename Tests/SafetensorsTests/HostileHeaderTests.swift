// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Safetensors
import Testing

struct HostileHeaderTests {
  @Test(arguments: HostileHeader.syntax + HostileHeader.description + HostileHeader.layout)
  func `a hostile header is refused by name`(_ hostile: HostileHeader) throws {
    let folder = try TestFolder()
    let bytes = fileBytes(header: hostile.header, dataByteCount: hostile.dataByteCount)
    let path = try folder.write(bytes, to: "hostile.safetensors")
    let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error.code == hostile.code)
    #expect(error.path == path)
    #expect(error.message.contains(hostile.words), "\(error)")
    if let tensor = hostile.tensor {
      #expect(error.tensor == tensor)
      #expect(error.description.contains(#"tensor ""#))
    }
    #expect(!error.description.contains { $0.isNewline })
  }

  @Test(arguments: ["F8_E5M2", "U32", "f32", "", "F32 "])
  func `an unknown kind of element is named`(_ name: String) throws {
    let folder = try TestFolder()
    let header = HostileHeader.tensor("[0]", "[0,0]", dtype: "\"\(name)\"")
    let bytes = fileBytes(header: [UInt8](header.utf8), dataByteCount: 0)
    let path = try folder.write(bytes, to: "kind.safetensors")
    let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error.code == .unsupportedElementType)
    #expect(error.tensor == "a")
    #expect(error.message.contains("\"\(name)\""))
  }

  @Test(arguments: [
    (UInt64.max, "100000000 are allowed"), (1 << 63, "100000000 are allowed"),
    (100_000_001, "100000000 are allowed"), (100_000_000, "beyond the end of the file"),
    (25, "beyond the end of the file"),
  ])
  func `a header longer than allowed or than the file is refused`(
    _ length: UInt64,
    _ words: String
  )
    throws
  {
    let folder = try TestFolder()
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
    let path = try folder.write(
      prefix + [UInt8](repeating: 0x20, count: 24),
      to: "long.safetensors"
    )
    let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error.code == .malformedFile)
    #expect(error.message.contains(words))
  }

  @Test(arguments: 0..<8)
  func `a file shorter than the length of a header is refused`(_ count: Int) throws {
    let folder = try TestFolder()
    let path = try folder.write([UInt8](repeating: 0, count: count), to: "short.safetensors")
    let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error.code == .malformedFile)
    #expect(error.message.contains(count == 0 ? "empty" : "too few"))
  }

  @Test func `odd but legal headers are read`() throws {
    let folder = try TestFolder()
    let header = """
      { "\\ud83d\\ude00\\/\\n" : { "shape":[ 1 , 2 ], "note":[-1.5e+3,null,{"k":true}],
        "data_offsets":[2,4],"dtype":"U8"},\t"":{"dtype":"BOOL","shape":[],"data_offsets":[1,2]},
        "__metadata__":{"k":"\\u00e9"},"first":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}\r
         
      """
    let bytes = fileBytes(header: [UInt8](header.utf8), dataByteCount: 4)
    let file = try SafetensorsFile(path: folder.write(bytes, to: "odd.safetensors"))
    #expect(file.names == ["first", "", "😀/\n"])
    #expect(file.metadata == ["k": "é"])
    #expect(file.entries["😀/\n"]?.shape == [1, 2])
  }

  @Test func `a hostile name does not break the line of an error`() throws {
    let folder = try TestFolder()
    let name = #"\n\u001b[31m\u202e"# + String(repeating: "x", count: 5000)
    let bytes = fileBytes(header: [UInt8](#"{"\#(name)":1}"#.utf8), dataByteCount: 0)
    let path = try folder.write(bytes, to: "name.safetensors")
    let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error.description.utf8.allSatisfy { $0 >= 0x20 })
    #expect(!error.description.unicodeScalars.contains("\u{202E}"))
    #expect(error.description.count < 600)
  }
}
