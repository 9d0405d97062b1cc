// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Safetensors
import Testing

struct SafetensorsCheckpointTests {
  private func refusal(
    _ folder: String,
    stem: String = "model",
    variant: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> SafetensorsError {
    try #require(throws: SafetensorsError.self, sourceLocation: sourceLocation) {
      try SafetensorsCheckpoint(folder: folder, stem: stem, variant: variant)
    }
  }

  private func index(_ map: [(String, String)]) -> String {
    let members = map.map { #""\#($0.0)":"\#($0.1)""# }.joined(separator: ",")
    return #"{"metadata":{"total_size":0,"more":[1]},"weight_map":{\#(members)}}"#
  }

  @Test(arguments: [("unet", 424, 4, 2_618_912), ("vae", 249, 2, 811_892)])
  func `shards of a variant are found through their index`(
    _ component: String,
    _ tensorCount: Int,
    _ fileCount: Int,
    _ byteCount: Int
  ) throws {
    let checkpoint = try SafetensorsCheckpoint(
      folder: "\(fixtures)/tiny-odd/model/\(component)",
      stem: "diffusion_pytorch_model",
      variant: "fp16"
    )
    #expect(checkpoint.names.count == tensorCount)
    #expect(Set(checkpoint.names).count == tensorCount)
    #expect(checkpoint.files.count == fileCount)
    #expect(checkpoint.totalByteCount == byteCount)
    #expect(checkpoint.usedVariant == "fp16")
    #expect(checkpoint.warning == nil)
    for name in checkpoint.names {
      let entry = try #require(checkpoint.entry(name))
      #expect(entry.elementType == .float16)
      #expect(checkpoint.file(holding: name)?.entries[name] == entry)
      #expect(checkpoint.bytes(of: name)?.count == entry.byteRange.count)
      checkpoint.willNeed(name)
      checkpoint.discardPages(of: name)
    }
  }

  @Test func `a single file is found, with the variant and without`() throws {
    let folder = "\(fixtures)/tiny/model/image_encoder"
    let half = try SafetensorsCheckpoint(folder: folder, stem: "model", variant: "fp16")
    let single = try SafetensorsCheckpoint(folder: folder + "/", stem: "model", variant: nil)
    #expect(half.usedVariant == "fp16")
    #expect(single.usedVariant == nil)
    #expect(half.names.count == 40)
    #expect(Set(half.names) == Set(single.names))
    #expect(half.totalByteCount * 2 == single.totalByteCount)
  }

  @Test func `an absent variant gives way to the plain file, with a warning`() throws {
    let checkpoint = try SafetensorsCheckpoint(
      folder: "\(fixtures)/tiny/model/image_encoder",
      stem: "model",
      variant: "bf16"
    )
    #expect(checkpoint.usedVariant == nil)
    let warning = try #require(checkpoint.warning)
    #expect(warning.contains(#""bf16""#))
    #expect(warning.contains("model.safetensors"))
  }

  @Test func `a tensor that is not there gives nil everywhere`() throws {
    let folder = "\(fixtures)/tiny/model/image_encoder"
    let checkpoint = try SafetensorsCheckpoint(folder: folder, stem: "model", variant: nil)
    #expect(checkpoint.entry("x") == nil)
    #expect(checkpoint.file(holding: "x") == nil)
    #expect(checkpoint.bytes(of: "x") == nil)
  }

  @Test(arguments: [
    "model.safetensors.index.fp16.json", "model.safetensors.fp16.index.json",
  ])
  func `both spellings of a variant's index are read`(_ indexName: String) throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a"], to: "any-name.safetensors")
    try folder.write(index([("a", "any-name.safetensors")]), to: indexName)
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path, stem: "model", variant: "fp16")
    #expect(checkpoint.usedVariant == "fp16")
    #expect(checkpoint.bytes(of: "a") == [UInt8]("a".utf8))
  }

  @Test func `the files are looked for in a fixed order`() throws {
    let folder = try TestFolder()
    func firstName() throws -> String {
      let checkpoint = try SafetensorsCheckpoint(
        folder: folder.path,
        stem: "model",
        variant: "fp16"
      )
      return checkpoint.names[0]
    }
    func addSharded(_ tensor: String, _ indexName: String) throws {
      try folder.writeTensors([tensor], to: "\(tensor).safetensors")
      try folder.write(index([(tensor, "\(tensor).safetensors")]), to: indexName)
    }
    try addSharded("plainIndex", "model.safetensors.index.json")
    #expect(try firstName() == "plainIndex")
    try folder.writeTensors(["plainFile"], to: "model.safetensors")
    #expect(try firstName() == "plainFile")
    try addSharded("oldIndex", "model.safetensors.fp16.index.json")
    #expect(try firstName() == "oldIndex")
    try addSharded("newIndex", "model.safetensors.index.fp16.json")
    #expect(try firstName() == "newIndex")
    try folder.writeTensors(["variantFile"], to: "model.fp16.safetensors")
    #expect(try firstName() == "variantFile")
  }

  @Test func `a variant that is there and broken is an error, not a reason to take another`() throws
  {
    let folder = try TestFolder()
    try folder.writeTensors(["a"], to: "model.safetensors")
    try folder.write("rubbish", to: "model.fp16.safetensors")
    let error = try refusal(folder.path, variant: "fp16")
    #expect(error.code == .malformedFile)
    #expect(error.path.hasSuffix("model.fp16.safetensors"))
  }

  @Test func `a missing checkpoint is reported with every name that was looked for`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a"], to: "model.fp32.safetensors")
    let error = try refusal(folder.path, variant: "fp16")
    #expect(error.code == .notFound)
    for name in [
      "model.fp16.safetensors", "model.safetensors.index.fp16.json",
      "model.safetensors.fp16.index.json", "model.safetensors", "model.safetensors.index.json",
      "model.fp32.safetensors",
    ] {
      #expect(error.message.contains(name))
    }
    #expect(!error.message.contains("pickle"))
  }

  @Test func `a missing folder is reported as such`() throws {
    let folder = try TestFolder()
    let error = try refusal(folder.path("nowhere"))
    #expect(error.code == .notFound)
    #expect(error.path == folder.path("nowhere"))
    #expect(error.message.contains("no such folder"))
    #expect(error.message.contains("model.safetensors.index.json"))
  }

  @Test(arguments: ["pytorch_model.bin", "model.ckpt", "model.pth", "model.pt"])
  func `a pickle is never run`(_ name: String) throws {
    let folder = try TestFolder()
    try folder.write("\u{80}\u{2}.", to: name)
    let error = try refusal(folder.path)
    #expect(error.code == .notFound)
    #expect(error.message.contains(name))
    #expect(error.message.contains("never run"))
    #expect(error.message.contains("again as safetensors"))
  }

  @Test func `a link whose target is missing is an error about the link`() throws {
    let folder = try TestFolder()
    let path = folder.path("model.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: path,
      withDestinationPath: "../blobs/0123"
    )
    let error = try refusal(folder.path)
    #expect(error.path == path)
  }

  @Test func `links are followed`() throws {
    let (folder, store) = (try TestFolder(), try TestFolder())
    let target = try store.writeTensors(["a"], to: "0123")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("model.safetensors"),
      withDestinationPath: target
    )
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path, stem: "model", variant: nil)
    #expect(checkpoint.names == ["a"])
  }

  @Test(arguments: [
    "../a.safetensors", "sub/a.safetensors", "/etc/a.safetensors", "..", "", "a.bin",
    "a..safetensors", "a\\u0000.safetensors",
  ])
  func `an index cannot name a file outside its folder or of another kind`(_ shard: String) throws {
    let folder = try TestFolder()
    try folder.write(index([("t", shard)]), to: "model.safetensors.index.json")
    let error = try refusal(folder.path)
    #expect(error.code == .malformedIndex)
    #expect(error.tensor == "t")
  }

  @Test(arguments: [
    ("", "not an object"), ("[]", "not an object"), ("{}", "weight_map is missing"),
    (#"{"weight_map":{}}"#, "empty"), (#"{"weight_map":[]}"#, "not an object"),
    (#"{"weight_map":{"t":1}}"#, "not a string"), (#"{"weight_map":{}} x"#, "more text"),
    (#"{"weight_map":{},"weight_map":{}}"#, "twice"),
    (#"{"weight_map":{"t":"a.safetensors","t":"b.safetensors"}}"#, "twice"),
  ])
  func `a malformed index is refused`(_ text: String, _ words: String) throws {
    let folder = try TestFolder()
    try folder.write(text, to: "model.safetensors.index.json")
    let error = try refusal(folder.path)
    #expect(error.code == .malformedIndex)
    #expect(error.message.contains(words), "\(error)")
  }

  @Test func `a missing shard is named with its index`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a"], to: "one.safetensors")
    let text = index([("a", "one.safetensors"), ("b", "two.safetensors")])
    try folder.write(text, to: "model.safetensors.index.json")
    let error = try refusal(folder.path)
    #expect(error.code == .notFound)
    #expect(error.path == folder.path("two.safetensors"))
    #expect(error.message.contains("model.safetensors.index.json"))
  }

  @Test func `a tensor that its shard lacks is named with the shard`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a"], to: "one.safetensors")
    try folder.writeTensors(["b"], to: "two.safetensors")
    let indexName = "model.safetensors.index.json"
    try folder.write(index([("a", "one.safetensors"), ("c", "two.safetensors")]), to: indexName)
    let absent = try refusal(folder.path)
    #expect(absent.code == .malformedIndex)
    #expect(absent.tensor == "c")
    #expect(absent.message.contains("two.safetensors"))
    try folder.write(index([("a", "two.safetensors"), ("b", "one.safetensors")]), to: indexName)
    let elsewhere = try refusal(folder.path)
    #expect(elsewhere.tensor == "a")
    #expect(elsewhere.message.contains("one.safetensors"))
    #expect(elsewhere.message.contains("two.safetensors"))
  }

  @Test func `a tensor in two shards is named with both`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a", "both"], to: "one.safetensors")
    try folder.writeTensors(["b", "both"], to: "two.safetensors")
    let text = index([("a", "one.safetensors"), ("b", "two.safetensors")])
    try folder.write(text, to: "model.safetensors.index.json")
    let error = try refusal(folder.path)
    #expect(error.code == .malformedIndex)
    #expect(error.tensor == "both")
    #expect(error.message.contains("one.safetensors"))
    #expect(error.message.contains("two.safetensors"))
  }

  @Test func `a tensor that the index does not know is listed all the same`() throws {
    let folder = try TestFolder()
    try folder.writeTensors(["a", "extra"], to: "one.safetensors")
    try folder.write(index([("a", "one.safetensors")]), to: "model.safetensors.index.json")
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path, stem: "model", variant: nil)
    #expect(checkpoint.names == ["a", "extra"])
    #expect(checkpoint.bytes(of: "extra") == [UInt8]("extra".utf8))
  }

  @Test(arguments: [("../model", nil), ("", nil), ("model", "a/b"), ("model", "")])
  func `a stem or variant that is no part of a file name is refused`(
    _ stem: String,
    _ variant: String?
  ) throws {
    let folder = try TestFolder()
    #expect(try refusal(folder.path, stem: stem, variant: variant).code == .invalidArgument)
    #expect(try refusal(folder.path, stem: "m\0\(stem)").code == .invalidArgument)
  }
}
