// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Safetensors
import Testing

struct SafetensorsWriterTests {
  private struct Refusal: Error {}

  @Test func `every kind of element comes back as it was written`() throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter(metadata: ["format": "pt", "quote": "\"\\\n\u{1}é😀"])
    var contents: [String: [UInt8]] = [:]
    for (seed, type) in ElementType.allCases.enumerated() {
      let bytes = (0..<6 * type.byteCount).map { UInt8(truncatingIfNeeded: $0 * 7 + seed) }
      contents[type.rawValue] = bytes
      try writer.add(type.rawValue, elementType: type, shape: [2, 3], bytes: bytes)
    }
    try writer.write(toFile: folder.path("all.safetensors"))
    let file = try SafetensorsFile(path: folder.path("all.safetensors"))
    #expect(file.metadata == writer.metadata)
    #expect(file.entries.count == ElementType.allCases.count)
    for type in ElementType.allCases {
      let entry = try #require(file.entries[type.rawValue])
      #expect(entry.elementType == type)
      #expect(entry.shape == [2, 3])
      #expect(entry.byteRange.lowerBound % type.byteCount == 0)
      #expect(file.bytes(of: type.rawValue) == contents[type.rawValue])
    }
    #expect(try folder.names == ["all.safetensors"])
  }

  @Test func `a copied checkpoint is equal, tensor by tensor`() throws {
    let folder = try TestFolder()
    let path = "\(fixtures)/tiny/model/vae/diffusion_pytorch_model.fp16.safetensors"
    let original = try SafetensorsFile(path: path)
    var writer = SafetensorsWriter(metadata: original.metadata)
    for name in original.names {
      let entry = try #require(original.entries[name])
      try writer.add(name, elementType: entry.elementType, shape: entry.shape) { sink in
        _ = try unsafe original.withBytes(of: name) { bytes in try unsafe sink.append(bytes) }
      }
    }
    try writer.write(toFile: folder.path("copy.safetensors"))
    let copy = try SafetensorsFile(path: folder.path("copy.safetensors"))
    #expect(copy.names == original.names)
    #expect(copy.totalByteCount == original.totalByteCount)
    for name in original.names {
      #expect(copy.entries[name]?.shape == original.entries[name]?.shape)
      #expect(copy.bytes(of: name) == original.bytes(of: name))
    }
  }

  @Test(arguments: 0..<16)
  func `the data begin at a multiple of 8 bytes, whatever the header's length`(_ length: Int) throws
  {
    let folder = try TestFolder()
    var writer = SafetensorsWriter()
    let name = String(repeating: "n", count: length)
    try writer.add(name, elementType: .float64, shape: [1], bytes: Array(0..<8))
    try writer.write(toFile: folder.path("a.safetensors"))
    let file = try SafetensorsFile(path: folder.path("a.safetensors"))
    #expect(file.entries[name]?.byteRange.lowerBound.isMultiple(of: 8) == true)
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: folder.path("a.safetensors"))))
    #expect(bytes[0].isMultiple(of: 8))
  }

  @Test func `a file without tensors can be written and read`() throws {
    let folder = try TestFolder()
    try SafetensorsWriter().write(toFile: folder.path("none.safetensors"))
    let file = try SafetensorsFile(path: folder.path("none.safetensors"))
    #expect(file.names.isEmpty)
    #expect(file.totalByteCount == 0)
  }

  @Test func `a tensor may come in pieces`() throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter()
    try writer.add("a", elementType: .int32, shape: [25]) { sink in
      var next: UInt8 = 0
      while sink.remainingByteCount > 0 {
        let count = min(7, sink.remainingByteCount)
        try sink.append((0..<count).map { UInt8($0) + next })
        next += UInt8(count)
      }
    }
    try writer.write(toFile: folder.path("a.safetensors"))
    let file = try SafetensorsFile(path: folder.path("a.safetensors"))
    #expect(file.bytes(of: "a") == Array(0..<100))
  }

  @Test(arguments: [0, 3, 5, 100])
  func `a wrong number of bytes is refused, and the old file stays`(_ count: Int) throws {
    let folder = try TestFolder()
    try folder.writeTensors(["old"], to: "a.safetensors")
    var writer = SafetensorsWriter()
    try writer.add("fine", elementType: .uint8, shape: [1], bytes: [1])
    try writer.add("wrong", elementType: .uint8, shape: [4]) { sink in
      try sink.append([UInt8](repeating: 0, count: count))
    }
    let error = try #require(throws: SafetensorsError.self) {
      try writer.write(toFile: folder.path("a.safetensors"))
    }
    #expect(error.code == .invalidArgument)
    #expect(error.tensor == "wrong")
    #expect(try folder.names == ["a.safetensors"])
    #expect(try SafetensorsFile(path: folder.path("a.safetensors")).names == ["old"])
  }

  @Test func `an error while a tensor is made leaves nothing behind`() throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter()
    try writer.add("a", elementType: .uint8, shape: [2], bytes: [1, 2])
    try writer.add("b", elementType: .uint8, shape: [2]) { sink in
      try sink.append([1])
      throw Refusal()
    }
    #expect(throws: Refusal.self) { try writer.write(toFile: folder.path("a.safetensors")) }
    #expect(throws: Refusal.self) {
      try writer.write(toFolder: folder.path, stem: "model", maximumShardByteCount: 2)
    }
    #expect(try folder.names == [])
  }

  @Test func `a file cannot be written to a folder that is not there, or over a folder`() throws {
    let folder = try TestFolder()
    let writer = SafetensorsWriter()
    for path in [folder.path("no/a.safetensors"), folder.path("sub")] {
      try? FileManager.default.createDirectory(
        atPath: folder.path("sub"),
        withIntermediateDirectories: false
      )
      let error = try #require(throws: SafetensorsError.self) { try writer.write(toFile: path) }
      #expect(error.code == .inputOutput)
      #expect(error.path == path)
    }
    #expect(try folder.names == ["sub"])
    let error = try #require(throws: SafetensorsError.self) {
      try writer.write(toFile: folder.path + "/")
    }
    #expect(error.code == .invalidArgument)
  }

  @Test func `bad names, shapes and sizes are refused when a tensor is added`() throws {
    var writer = SafetensorsWriter()
    try writer.add("a", elementType: .uint8, shape: [1], bytes: [0])
    let bad: [(String, [Int], [UInt8])] = [
      ("a", [1], [0]), ("__metadata__", [1], [0]), ("b", [-1], []), ("b", [.max, 3], []),
      ("b", [2], [0]),
    ]
    for (name, shape, bytes) in bad {
      let error = try #require(throws: SafetensorsError.self) {
        try writer.add(name, elementType: .uint8, shape: shape, bytes: bytes)
      }
      #expect(error.code == .invalidArgument)
      #expect(error.tensor == name)
    }
    try writer.add("b", elementType: .uint8, shape: [1], bytes: [0])
  }

  @Test(arguments: [nil, "fp16"])
  func `shards are written with an index that finds them again`(_ variant: String?) throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for (name, count) in [("a", 6), ("b\"", 4), ("c", 1), ("large", 30), ("d", 9)] {
      let bytes = [UInt8](repeating: UInt8(count), count: count)
      try writer.add(name, elementType: .int8, shape: [count], bytes: bytes)
    }
    try writer.write(
      toFolder: folder.path,
      stem: "model",
      variant: variant,
      maximumShardByteCount: 10
    )
    let stem = variant.map { "model.\($0)" } ?? "model"
    let indexName = "model.safetensors.index.\(variant.map { "\($0)." } ?? "")json"
    let shards = (1...4).map { "\(stem)-0000\($0)-of-00004.safetensors" }
    #expect(try folder.names == (shards + [indexName]).sorted())
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path, stem: "model", variant: variant)
    #expect(checkpoint.files.map(\.names) == [["a", "b\""], ["c"], ["large"], ["d"]])
    #expect(checkpoint.totalByteCount == 50)
    #expect(checkpoint.warning == nil)
    #expect(checkpoint.bytes(of: "b\"") == [4, 4, 4, 4])
    let text = try String(contentsOfFile: folder.path(indexName), encoding: .utf8)
    #expect(
      text == """
        {
          "metadata": {
            "total_size": 50
          },
          "weight_map": {
            "a": "\(shards[0])",
            "b\\"": "\(shards[0])",
            "c": "\(shards[1])",
            "d": "\(shards[3])",
            "large": "\(shards[2])"
          }
        }

        """
    )
  }

  @Test func `a checkpoint that fits one file has no index`() throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter()
    try writer.add("a", elementType: .uint8, shape: [10], bytes: Array(0..<10))
    try writer.write(toFolder: folder.path, stem: "model", maximumShardByteCount: 10)
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test func `shards are not written beside a single file that would hide them`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["old"], to: "model.safetensors")
    var writer = SafetensorsWriter()
    try writer.add("a", elementType: .uint8, shape: [2], bytes: [1, 2])
    try writer.add("b", elementType: .uint8, shape: [2], bytes: [1, 2])
    let error = try #require(throws: SafetensorsError.self) {
      try writer.write(toFolder: folder.path, stem: "model", maximumShardByteCount: 2)
    }
    #expect(error.code == .invalidArgument)
    #expect(error.message.contains("remove it"))
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test(arguments: [0, -1])
  func `a shard must have room`(_ limit: Int) throws {
    let folder = try TestFolder()
    let error = try #require(throws: SafetensorsError.self) {
      try SafetensorsWriter().write(
        toFolder: folder.path,
        stem: "model",
        maximumShardByteCount: limit
      )
    }
    #expect(error.code == .invalidArgument)
  }
}
