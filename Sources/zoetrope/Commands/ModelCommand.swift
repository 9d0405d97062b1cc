// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import StableVideoDiffusion
import TensorCPU

/// `zoetrope model`.
struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Makes checkpoints.",
    subcommands: [Init.self]
  )

  /// `zoetrope model init`.
  struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a checkpoint with random weights in the real layout.",
      discussion:
        "Its clips are coloured noise: it is for trying everything before any weights exist."
    )

    @Flag(help: "Small enough to run anywhere in seconds (the only size so far).")
    var tiny = false

    @Option(help: "Another seed makes other weights.")
    var seed: UInt64 = 1001

    @Argument(help: "The folder to write; it must not hold a checkpoint yet.")
    var folder: String

    func validate() throws {
      if !tiny { throw ValidationError("give --tiny, the only size so far") }
    }

    func run() async throws {
      try TinyCheckpoint.write(to: folder, seed: seed, backend: CPUBackend())
      Terminal.say("\(folder): a tiny checkpoint with random weights")
    }
  }
}
