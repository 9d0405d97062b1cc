// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser

/// The command.
@main
struct Zoetrope: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoetrope",
    abstract: "Turns a still picture into a short video with Stable Video Diffusion.",
    version: Version.text,
    subcommands: [
      Generate.self, Reproduce.self, Serve.self, Pull.self, Models.self, Key.self, Doctor.self,
      Bench.self,
      ModelCommand.self, Health.self,
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
}

/// The version of this program.
enum Version {
  static let text = "0.1.0"
}
