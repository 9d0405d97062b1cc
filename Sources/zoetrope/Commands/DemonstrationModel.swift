// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// The small checkpoint that Zoetrope comes with, used where no model is named.
enum DemonstrationModel {
  /// Where it may lie, the likeliest place first.
  ///
  /// - Parameters:
  ///   - program: The path of the running program, with no symbolic links in it.
  ///   - environment: For the folders of shared data (XDG Base Directory Specification).
  /// - Returns: Folders, which need not exist.
  static func places(program: String, environment: [String: String]) -> [String] {
    // A checkout holds it beside the build's folder; an installation under its prefix.
    let places = Installation.folders(above: program)
      .flatMap { [$0 + "/Models/demo", $0 + "/share/zoetrope/models/demo"] }
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    let own = value("XDG_DATA_HOME") ?? value("HOME").map { $0 + "/.local/share" }
    let shared = value("XDG_DATA_DIRS") ?? "/usr/local/share:/usr/share"
    let roots = [own].compactMap { $0 } + shared.split(separator: ":").map(String.init)
    return places + roots.map { $0 + "/zoetrope/models/demo" }
  }

  /// The folder it lies in, nil when it is nowhere.
  static func find() -> String? {
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
    return places(program: program, environment: ProcessInfo.processInfo.environment)
      .first { FileManager.default.fileExists(atPath: $0 + "/model_index.json") }
  }

  /// What it is, and how to get the real one.
  static let remark =
    "no model named, so this is the small demonstration model; for Stable Video Diffusion itself, accept "
    + "its licence at huggingface.co/stabilityai/stable-video-diffusion-img2vid-xt, `zoetrope pull "
    + "stabilityai/stable-video-diffusion-img2vid-xt`, and give that name with --model or ZOETROPE_MODEL"
}
