// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorReference
internal import TensorTesting
import Testing

/// What the tensors of the published SVD-XT are called in both layouts; see `make_names.py`.
enum PublishedNames {
  struct Name {
    let component: ModelComponent
    let ours, theirs: String
    let form: TensorForm
    /// The sizes in diffusers' layout.
    let shape: [Int]

    /// The sizes in the single file.
    var theirShape: [Int] {
      switch form {
      case .same: shape
      case .matrix: shape + [1, 1]
      case .transposed: shape.reversed()
      case .third: [shape[0] * 3] + shape.dropFirst()
      }
    }
  }

  static func read() throws -> [Name] {
    let path = URL(filePath: Fixtures.folder + "/names/svd-xt.tsv")
    var prefixes: [Substring: Substring] = [:]
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n").compactMap { line in
      let columns = line.split(separator: "\t")
      guard columns.count == 5 else {
        prefixes[columns[0]] = columns[1]
        return nil
      }
      let theirs = try #require(prefixes[columns[2].prefix(1)]) + columns[2].dropFirst()
      let ours = String(columns[1])
      let isPictureAttention = columns[0] == "vae" && columns[1].contains(".attentions.")
      let form: TensorForm =
        if let third = Int(columns[3]) {
          .third(third)
        } else if ours == "visual_projection.weight" {
          .transposed
        } else if isPictureAttention, !ours.contains("group_norm") { .matrix } else { .same }
      return Name(
        component: try #require(ModelComponent(rawValue: String(columns[0]))),
        ours: ours,
        theirs: String(theirs),
        form: form,
        shape: columns[4].split(separator: "x").compactMap { Int($0) }
      )
    }
  }

  /// The layouts that the published configuration asks for.
  static func tables() throws -> [ModelComponent: TensorNames] {
    let folder = try TemporaryFolder()
    try FullConfiguration.write(frames: 25, to: folder.path)
    func path(_ component: ModelComponent) -> String {
      "\(folder.path)/\(component.configuration)"
    }
    return [
      .unet: UNetLayout(try UNetConfiguration(path: path(.unet))).names,
      .vae: VAELayout(try VAEConfiguration(path: path(.vae))).names,
      .imageEncoder: VisionLayout(try CLIPVisionConfiguration(path: path(.imageEncoder))).names,
    ]
  }
}

@Suite struct TensorNamesTests {
  @Test func `every tensor of the published model has its published name, both ways`() throws {
    let tables = try PublishedNames.tables()
    let names = try PublishedNames.read()
    try #require(names.count == 2322)
    for name in names {
      let table = try #require(tables[name.component])
      let theirs = table.theirs(of: name.ours)
      #expect(theirs?.name == name.theirs, "\(name.ours)")
      #expect(theirs?.form == name.form || name.ours.hasSuffix(".bias"), "\(name.ours)")
      let ours = table.ours(of: name.theirs).map(\.name)
      if case .third(let index) = name.form {
        #expect(ours.count == 3 && ours[index] == name.ours, "\(name.theirs)")
      } else {
        #expect(ours == [name.ours], "\(name.theirs)")
      }
      for (component, table) in tables where component != name.component {
        #expect(table.ours(of: name.theirs).isEmpty)
      }
    }
  }

  @Test func `the published names tell the published layout, even where a few are missing`() throws
  {
    let names = try PublishedNames.read().map(\.theirs)
    let folder = try TemporaryFolder()
    try FullConfiguration.write(frames: 25, to: folder.path)
    let unet = UNetLayout(try UNetConfiguration(path: folder.path + "/unet/config.json"))
    let vae = VAELayout(try VAEConfiguration(path: folder.path + "/vae/config.json"))
    for left in [names, names.filter { !$0.hasSuffix(".in_layers.0.weight") }] {
      #expect(UNetLayout(names: left) == unet)
      #expect(VAELayout(names: left) == vae)
      #expect(VisionLayout(names: left).layers == 32)
    }
  }

  @Test func `names that are not a model's are no one's`() throws {
    let tables = try PublishedNames.tables()
    for name in [
      "", ".", "weight", "model.diffusion_model", "model.diffusion_model.input_blocks",
      "model.diffusion_model.input_blocks.12.0.in_layers.0.weight",
      "model.diffusion_model.input_blocks.1.0.time_stack.surprise.weight",
      "first_stage_model.decoder.up.4.block.0.conv1.weight",
    ] {
      for table in tables.values { #expect(table.ours(of: name).isEmpty, "\(name)") }
    }
    let hostile = [
      "model.diffusion_model.input_blocks.99999999999999999999.0.in_layers.0.weight",
      "conditioner.embedders.3.encoder.encoder.down.9223372036854775807.block.0.x",
      "conditioner.embedders.0.open_clip.model.visual.transformer.resblocks.9223372036854775807.x",
    ]
    #expect(UNetLayout(names: hostile).down.map(\.blocks) == [0])
    #expect(VAELayout(names: hostile).levels == 0)
    #expect(VisionLayout(names: hostile).layers == 1)
  }

  /// The whole published file, with zeros that take no place on the disk.
  @Test(arguments: [("svd_xt.safetensors", 25), ("svd.safetensors", 14)])
  func `a file of the published sizes tells the published configuration`(
    _ name: String,
    _ frames: Int
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/" + name
    var header: [String] = []
    var end = 0
    var weights = 0
    for name in try PublishedNames.read() {
      weights += name.shape.reduce(1, *)
      // Queries, keys and values are listed one by one.
      if case .third(let index) = name.form, index > 0 { continue }
      let bytes = name.theirShape.reduce(2, *)
      header.append(
        "\"\(name.theirs)\":{\"dtype\":\"F16\",\"shape\":\(name.theirShape),"
          + "\"data_offsets\":[\(end),\(end + bytes)]}"
      )
      end += bytes
    }
    let text = Data("{\(header.joined(separator: ","))}".utf8)
    let length = UInt64(text.count)
    try (Data((0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }) + text)
      .write(to: URL(filePath: path))
    try extend(path, to: 8 + text.count + end)

    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.isSingleFile && checkpoint.remarks.isEmpty && checkpoint.spare.isEmpty)
    var remarks: [String] = []
    #expect(try checkpoint.parts(remarks: &remarks).reduce(0) { $0 + $1.weights } == weights)
    try FullConfiguration.write(frames: frames, to: folder.path)
    let expected = try Checkpoint(path: folder.path)
    #expect(try checkpoint.unetConfiguration() == expected.unetConfiguration())
    #expect(try checkpoint.vaeConfiguration() == expected.vaeConfiguration())
    #expect(try checkpoint.imageEncoderConfiguration() == expected.imageEncoderConfiguration())
  }
}
