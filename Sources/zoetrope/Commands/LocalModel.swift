// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import StableVideoDiffusion

/// A model in a folder or in a single file, as `zoetrope models show` tells of it.
struct LocalModel: Encodable {
  /// A part of the model.
  struct Part: Encodable {
    let name: String
    let tensors, weights, bytes: Int
    /// The kinds of the numbers, by their names in safetensors files, the most frequent first.
    let types: [String]
  }

  let path: String
  /// "diffusers", or "single file".
  let layout: String
  let frames: Int
  let channels: [Int]
  let parts: [Part]
  let remarks: [String]

  /// Looks at the heads of a model's files.
  ///
  /// - Throws: As `Checkpoint`.
  init(_ path: String) throws {
    let checkpoint = try Checkpoint(path: path)
    let configuration = try checkpoint.unetConfiguration()
    var remarks = checkpoint.remarks
    self.path = path
    layout = checkpoint.isSingleFile ? "single file" : "diffusers"
    frames = configuration.numFrames
    channels = configuration.blockOutChannels
    parts = try checkpoint.parts(remarks: &remarks).map { part in
      Part(
        name: part.component.rawValue,
        tensors: part.tensors,
        weights: part.weights,
        bytes: part.bytes,
        types: part.types
      )
    }
    self.remarks = remarks
  }

  /// Prints it.
  func show(json: Bool) throws {
    guard !json else { return Terminal.print(try Output.json(self)) }
    Terminal.print("\(path)  \(layout), \(frames) frames, levels of \(channels) channels")
    for part in parts {
      Terminal.print(
        "\(part.name)  \(part.tensors) tensors, \(part.weights) weights, "
          + "\(Output.megabytes(part.bytes)), \(part.types.joined(separator: ", "))"
      )
    }
    for remark in remarks { Terminal.say(remark) }
  }
}
