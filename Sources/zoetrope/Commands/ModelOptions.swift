// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import FoundationEssentials
import StableVideoDiffusion

/// Which model to use, and how.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The folder of a checkpoint in diffusers' layout; ZOETROPE_MODEL if not given, and without \
      that the demonstration model.
      """,
      valueName: "folder"
    )
  )
  var model: String?

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

  @Option(help: "The type that a GPU computes with: float16, bfloat16 or float32; float16.")
  var compute: Element?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is not from 1 to 1024")
    }
  }

  /// The folder of the model, and whether it is the one that stands in where none is named.
  func choice() throws -> (folder: String, standsIn: Bool) {
    if let model { return (model, false) }
    if let model = ProcessInfo.processInfo.environment["ZOETROPE_MODEL"], !model.isEmpty {
      return (model, false)
    }
    if let model = DemonstrationModel.find() { return (model, true) }
    throw ValidationError(
      "no model, and the demonstration model is not beside the program: give --model FOLDER or set "
        + "ZOETROPE_MODEL; `zoetrope model init --tiny FOLDER` makes one to try things with"
    )
  }

  /// What to load of a folder, and where to compute.
  func settings(folder: String) -> Engine.Settings {
    Engine.Settings(
      folder: folder,
      variant: variant,
      threads: threads,
      device: device ?? .automatic,
      element: compute ?? .float16
    )
  }

  func load() async throws -> Engine { try await load(choice()) }

  /// Loads the model of a folder that was chosen.
  func load(_ choice: (folder: String, standsIn: Bool)) async throws -> Engine {
    let (folder, standsIn) = choice
    if standsIn { Terminal.say(DemonstrationModel.remark) }
    let engine = try await Engine(settings(folder: folder))
    for remark in engine.model.remarks + [engine.remark].compactMap(\.self) {
      Terminal.say(remark)
    }
    return engine
  }
}
