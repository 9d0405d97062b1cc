// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import FoundationEssentials
import StableVideoDiffusion

/// How models are loaded, and where they compute.
struct EngineOptions: ParsableArguments {
  @Option(
    help: "The variant of the weight files, as fp16; found by itself where it is the only one."
  )
  var variant: String?

  @Option(help: "How many threads compute; one a core if not given.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Where to compute: cpu, cuda, cuda:N, or auto, the default, for a GPU if there is one.",
      valueName: "device"
    )
  )
  var device: DeviceChoice?

  @Option(
    help: """
      The type that a GPU computes with: float16, the default, bfloat16 or float32; or float8, for float16 with \
      feed-forward layers in 8 bits, which is faster and makes another clip.
      """
  )
  var compute: ComputeType?

  @Option(
    help: """
      standard or low: low needs a third less of a GPU's memory and takes a little more time; low where a \
      GPU has too little for standard.
      """
  )
  var memory: MemoryMode?

  @Option(
    help: ArgumentHelp(
      """
      A LoRA to add to the model's weights: a safetensors file, or a folder that diffusers or peft wrote, \
      and behind a colon its scale, 1 if not given; again for more.
      """,
      valueName: "path[:scale]"
    )
  )
  var lora: [String] = []

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is not from 1 to 1024")
    }
  }

  /// The LoRAs that are named.
  ///
  /// - Throws: As `LoRA.init`.
  func loras() throws -> [LoRA] { try lora.map { try LoRA(argument: $0) } }

  /// What to load of a folder, and where to compute.
  func settings(folder: String, name: String? = nil, loras: [LoRA] = []) -> Engine.Settings {
    Engine.Settings(
      folder: folder,
      name: name,
      variant: variant,
      loras: loras,
      threads: threads,
      device: device ?? .automatic,
      compute: compute ?? .float16,
      memory: memory
    )
  }
}

/// Which model to use, and how.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The folder of a checkpoint in diffusers' layout, one safetensors file in Stability's, or \
      OWNER/NAME of a model that `zoetrope pull` or the Hub's own tools fetched; ZOETROPE_MODEL if not \
      given, and without that the demonstration model.
      """,
      valueName: "path"
    )
  )
  var model: String?

  @OptionGroup var engine: EngineOptions

  /// The model that is meant, and where it lies.
  func choice() throws -> ModelChoice {
    if let model { return try ModelChoice(model) }
    if let model = ProcessInfo.processInfo.environment["ZOETROPE_MODEL"], !model.isEmpty {
      return try ModelChoice(model)
    }
    return try Self.standIn()
  }

  /// The model that is meant where none is named.
  static func standIn() throws -> ModelChoice {
    if let model = DemonstrationModel.find() { return ModelChoice(standIn: model) }
    throw ValidationError(
      "no model, and the demonstration model is not beside the program: give --model FOLDER or set "
        + "ZOETROPE_MODEL; `zoetrope model init --tiny FOLDER` makes one to try things with"
    )
  }

  func load() async throws -> Engine { try await load(choice()) }

  /// Loads the model that was chosen.
  func load(_ choice: ModelChoice) async throws -> Engine {
    if choice.standsIn { Terminal.say(DemonstrationModel.remark) }
    let loaded = try await Engine(
      engine.settings(folder: choice.folder, name: choice.name, loras: try engine.loras())
    )
    for remark in loaded.remarks { Terminal.say(remark) }
    return loaded
  }
}
