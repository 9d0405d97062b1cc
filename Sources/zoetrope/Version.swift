// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import CVersion
import FoundationEssentials
import Media
import Subprocess
import SystemPackage
import TensorCPU

/// The version of this program, and what it was built of.
enum Version {
  static let text = "0.1.0"

  /// The commit that was built, with `-changed` if not all of it was in there; nil if the build was
  /// not told.
  static var commit: String? { told(unsafe String(cString: cversion_commit())) }

  /// The day of that commit, as 2026-11-23: not that of the build, so that a second one is the same.
  static var date: String? {
    told(unsafe String(cString: cversion_epoch())).flatMap { Double($0) }.map { seconds in
      Date(timeIntervalSince1970: seconds).formatted(.iso8601.year().month().day())
    }
  }

  /// The version of the compiler.
  static var swift: String {
    told(unsafe String(cString: cversion_swift())) ?? leastSwift
  }

  private static var leastSwift: String {
    #if compiler(>=6.4)
    "6.4 or later"
    #elseif compiler(>=6.3)
    "6.3"
    #else
    "6.2"
    #endif
  }

  private static func told(_ text: String) -> String? { text.isEmpty ? nil : text }

  /// What is at work in it, by name, as it is found on this machine.
  ///
  /// - Parameter hasCUDA: Whether NVIDIA's libraries are looked for too, which loads them.
  /// - Returns: Names and versions; nil for what is not there.
  static func parts(hasCUDA: Bool) async -> [(name: String, version: String?)] {
    [
      ("oneDNN", CPUBackend.libraryVersion), ("libvips", await libvips()),
      ("ffmpeg", try? await FFmpeg().version()),
    ]
      + (hasCUDA
        ? Survey().libraries.map { ($0.name, $0.problem == nil ? $0.version : nil) } : [])
  }

  /// The version of the library in the program that decodes pictures, which says it itself.
  private static func libvips() async -> String? {
    guard let program = Program.companion("zoetrope-picture", variable: "ZOETROPE_PICTURE"),
      let result = try? await Subprocess.run(
        .path(program),
        arguments: ["--version"],
        output: .string(limit: 1 << 10),
        error: .discarded
      )
    else { return nil }
    let words = result.standardOutput.split { $0 == " " || $0 == "\n" }
    return words.count == 2 && words[0] == "libvips" ? String(words[1]) : nil
  }

  /// All of it, a line each.
  static func lines() async -> String {
    let build = [commit, date.map { "of " + $0 }].compactMap(\.self).joined(separator: " ")
    let facts =
      [("commit", told(build)), ("Swift", swift)] + (await parts(hasCUDA: true)).map { ($0, $1) }
    let width = (facts.map(\.0.count).max() ?? 0) + 2
    return
      (["zoetrope " + text]
      + facts.map { name, value in
        name + String(repeating: " ", count: width - name.count)
          + (value ?? (name == "commit" ? "not known" : "not found"))
      }).joined(separator: "\n")
  }
}
