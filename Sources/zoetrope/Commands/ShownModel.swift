// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Packaging
import StableVideoDiffusion

/// A model in the Hub's cache, in a folder or in a single file, as `zoetrope models show` tells of it.
struct ShownModel: Encodable {
  /// A part of the model.
  struct Part: Encodable {
    let name: String
    let tensors, weights, bytes: Int
    /// The kinds of the numbers, by their names in safetensors files, the most frequent first.
    let types: [String]
  }

  struct File: Encodable {
    let path: String
    let bytes: Int
    /// Nil for a hidden file of which nothing in the cache tells it.
    let digest: String?
  }

  /// A LoRA, as it fits the model.
  struct Adapter: Encodable {
    let path: String
    let scale: Float
    let layers: Int
    let ranks: [Int]
    let digest: String
  }

  /// What the heads of a model's files tell.
  struct Contents: Encodable {
    /// "diffusers", or "single file".
    let layout: String
    let frames: Int
    let channels: [Int]
    let parts: [Part]
  }

  let model: String
  /// The commit of the repository, and what stands for it there.
  let commit: String?
  let revisions: [String]
  /// The folder or the file.
  let path: String
  /// That of a bundle's model with these files.
  let digest: String
  /// Nil for what is in the cache and no model of ours, or not all there.
  var contents: Contents? = nil
  let files: [File]
  /// What is added to the weights; nil if nothing is.
  private(set) var loras: [Adapter]?
  var remarks: [String] = []

  /// Looks at a folder or a file.
  ///
  /// - Throws: As `Checkpoint`; `PackagingError` for a file that cannot be read.
  init(path: String) throws {
    let checkpoint = try Checkpoint(path: path)
    contents = try Contents(checkpoint, &remarks)
    model = checkpoint.name
    commit = nil
    revisions = []
    self.path = path
    let folder = checkpoint.folder
    let paths =
      checkpoint.isSingleFile
      ? try checkpoint.weightFiles()
      : try Files.below(folder, followsLinks: true, enters: { !$0.hasPrefix(".") })
        .filter { !$0.hasPrefix(".") }
    let files = try paths.map { path in
      guard case .file(let size, _)? = Files.kind("\(folder)/\(path)") else {
        throw PackagingError(.notFound, "\(folder)/\(path) is not a file")
      }
      return BundleManifest.File(
        path: path,
        digest: try Files.digest("\(folder)/\(path)"),
        size: size
      )
    }
    digest = BundleManifest.Model.digest(of: files).description
    self.files = files.map { file in
      File(path: file.path, bytes: file.size, digest: file.digest.description)
    }
  }

  /// Looks at a model in the cache.
  ///
  /// - Throws: `PackagingError` for a file that cannot be read.
  init(_ kept: KeptModel) throws {
    model = kept.model.repository
    commit = kept.commit
    revisions = kept.revisions
    path = kept.folder
    let digests = try PulledModel.files(of: kept)
    digest = BundleManifest.Model.digest(of: digests).description
    let computed = Dictionary(digests.map { ($0.path, $0.digest.description) }) { $1 }
    files = kept.files.map { file in
      File(
        path: file.path,
        bytes: file.size,
        digest: file.hash?.description ?? computed[file.path]
      )
    }
    do {
      contents = try Contents(Checkpoint(path: path), &remarks)
    } catch {
      remarks = ["\(error)"]
    }
  }

  /// Holds LoRAs to the model.
  ///
  /// - Throws: As `Checkpoint`; `ConfigurationError` for one that does not fit; `SafetensorsError`.
  mutating func add(_ loras: [LoRA]) throws {
    guard !loras.isEmpty else { return }
    let checkpoint = try Checkpoint(path: path)
    var ignored: [String] = []
    let adapted = try checkpoint.adding(
      loras,
      to: checkpoint.tensors(of: .unet, remarks: &ignored)
    )
    self.loras = try adapted.files.map { file in
      remarks += file.remarks
      return Adapter(
        path: file.lora.path,
        scale: file.lora.scale,
        layers: file.layerCount,
        ranks: file.ranks,
        digest: try Files.digest(file.lora.path).description
      )
    }
  }

  /// Prints it.
  func show(json: Bool) throws {
    guard !json else { return Terminal.print(try Output.json(self)) }
    let title = [model + (commit.map { "@\($0)" } ?? "")] + revisions
    Terminal.print(title.joined(separator: " "))
    Terminal.print(path)
    if let contents {
      Terminal.print(
        "\(contents.layout), \(contents.frames) frames, levels of \(contents.channels) channels"
      )
      for part in contents.parts {
        Terminal.print(
          "\(part.name)  \(part.tensors) tensors, \(part.weights) weights, "
            + "\(Output.megabytes(part.bytes)), \(part.types.joined(separator: ", "))"
        )
      }
    }
    let bytes = files.reduce(0) { $0 + $1.bytes }
    Terminal.print("\(digest)  \(Output.megabytes(bytes))  the whole")
    for file in files {
      let digest = file.digest ?? "no digest is known"
      Terminal.print("\(digest)  \(Output.megabytes(file.bytes))  \(file.path)")
    }
    for lora in loras ?? [] {
      let ranks = lora.ranks.map(String.init).joined(separator: ", ")
      Terminal.print(
        "\(lora.digest)  \(lora.path):\(lora.scale)  a LoRA of \(lora.layers) layers, rank \(ranks)"
      )
    }
    for remark in remarks { Terminal.say(remark) }
  }
}

extension ShownModel.Contents {
  fileprivate init(_ checkpoint: Checkpoint, _ remarks: inout [String]) throws {
    let configuration = try checkpoint.unetConfiguration()
    remarks += checkpoint.remarks
    layout = checkpoint.isSingleFile ? "single file" : "diffusers"
    frames = configuration.numFrames
    channels = configuration.blockOutChannels
    parts = try checkpoint.parts(remarks: &remarks).map { part in
      ShownModel.Part(
        name: part.component.rawValue,
        tensors: part.tensors,
        weights: part.weights,
        bytes: part.bytes,
        types: part.types
      )
    }
  }
}
