// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser

/// The command.
@main
struct Zoetrope: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoetrope",
    abstract: "Turns a still picture into a short video with Stable Video Diffusion.",
    subcommands: [
      Generate.self, Extend.self, Reproduce.self, Serve.self, Pull.self, Models.self,
      Convert.self, Key.self, Doctor.self, Bench.self, ModelCommand.self, Health.self,
    ],
    groupedSubcommands: [
      CommandGroup(
        name: "Bundles",
        subcommands: [
          Build.self, List.self, Get.self, Export.self, Import.self, Delete.self, Containerize.self,
          Deploy.self, Login.self,
        ]
      )
    ]
  )

  // The parser's own would look everything up for each command.
  @Flag(help: "Print the version, what it was built of, and what it finds.")
  var version = false

  func run() async throws {
    guard version else { throw CleanExit.helpRequest(self) }
    Terminal.print(await Version.lines())
  }
}
