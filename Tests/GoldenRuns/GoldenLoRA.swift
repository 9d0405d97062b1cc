// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors
internal import StableVideoDiffusion
package import TensorCore
internal import TensorReference

/// A LoRA of every layer of the tiny checkpoint's denoiser, and what peft makes with it.
package enum GoldenLoRA {
  /// The scale that the reference's numbers were made with.
  private static let scale: Float = 0.75

  /// Adds the LoRA, and runs the denoiser once.
  ///
  /// - Parameters:
  ///   - folder: The fixtures.
  ///   - backend: Where to compute.
  ///   - limit: How far the denoiser's output may be.
  /// - Returns: A comparison for each sum that the reference kept, and one for the output.
  /// - Throws: What loading and computing throw.
  package static func comparisons(
    in folder: String,
    on backend: any Backend,
    limit: Double
  ) throws -> [Comparison] {
    let golden = try SafetensorsFile(path: folder + "/lora/golden.safetensors")
    let lora = try LoRA(folder + "/lora/lora.safetensors", scale: scale)
    let model = folder + "/tiny/model"
    let checkpoint = try Checkpoint(path: model, variant: "fp16")
    var remarks: [String] = []
    let adapted = try checkpoint.adding(
      [lora],
      to: checkpoint.tensors(of: .unet, remarks: &remarks)
    )
    var all: [Comparison] = []
    for name in golden.names.sorted() where adapted.names.contains(name + ".weight") {
      let sum = try adapted.load(name + ".weight", scale: 1, to: backend).values()
      all.append(Comparison(name, sum, try floats(name, of: golden), 1e-6))
    }

    func tensor(_ name: String) throws -> Tensor {
      let shape = golden.entries[name]?.shape ?? []
      return try backend.upload(floats(name, of: golden), shape: Shape(shape))
    }
    let loaded = try StableVideoDiffusionModel(
      folder: model,
      variant: "fp16",
      loras: [lora],
      backend: backend
    )
    let conditioning = try loaded.unet.prepare(
      context: tensor("context"),
      imageLatents: tensor("image"),
      halves: 1,
      frames: 3
    )
    let times = try loaded.unet.times(
      floats("timestep", of: golden),
      ids: floats("ids", of: golden),
      backend: backend
    )
    let output = try loaded.unet(tensor("sample"), time: times[0], conditioning).values()
    all.append(Comparison("velocity", output, try floats("output", of: golden), limit))
    return all
  }
}
