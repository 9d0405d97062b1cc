// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import StableVideoDiffusion

/// `zoetrope reproduce`.
struct Reproduce: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a clip again from what its file tells, and compares the two.",
    discussion: """
      Every clip carries the parameters that it was made with. Needs the same picture and the same \
      model. The status is 0 if the new clip is byte for byte the old one, 2 if it is not, and 1 if it \
      could not be made.
      """
  )

  @Argument(help: "A clip that this program or its server made; of png, the folder.")
  var clip: String

  @Option(
    parsing: .upToNextOption,
    help: "The picture that the clip was made of; of a clip that was made with others, all of them."
  )
  var picture: [String]

  @Option(
    name: .shortAndLong,
    help: "The file to write; by default the clip's name with -again before its ending."
  )
  var output: String?

  @OptionGroup var model: ModelOptions

  func run() async throws {
    guard let record = ClipRecord(comment: try await FFmpeg().comment(of: clip)) else {
      throw RecordError(
        "\(clip) does not tell how it was made; only what zoetrope makes does"
      )
    }
    try check(record)
    let output = output ?? Self.name(beside: clip, "again")
    guard !FileManager.default.fileExists(atPath: output) else {
      throw RecordError("\(output) is there already; name another file with --output")
    }
    let engine = try await model.load()
    guard (record.model.loras ?? []) == engine.adapters else {
      let loras = (record.model.loras ?? []).map { lora in
        "--lora \(lora.name):\(lora.scale) (SHA-256 \(lora.sha256.prefix(12)))"
      }
      throw RecordError(
        "\(clip) was made with "
          + (loras.isEmpty ? "no LoRA" : "other LoRAs: " + loras.joined(separator: ", "))
      )
    }
    guard record.model.digest == engine.model.digest else {
      throw RecordError(
        "\(clip) was made with another model, \(record.model.name) "
          + "(digest \(record.model.digest.prefix(12)), not \(engine.model.digest.prefix(12))); "
          + "name its folder with --model"
      )
    }
    for (what, then, now) in [
      ("version", record.version, Version.text), ("device", record.device, engine.device),
    ] where then != now {
      Terminal.say("\(clip) was made with \(what) \(then), not \(now): bytes may differ")
    }
    try await make(record, to: output, engine)
    guard try Self.contents(of: clip) == Self.contents(of: output) else {
      Terminal.print("\(output) differs from \(clip)")
      throw ExitCode(2)
    }
    Terminal.print("\(output) is identical to \(clip), byte for byte")
  }

  /// Compares what was given with what the clip was made of, before the model is loaded.
  private func check(_ record: ClipRecord) throws {
    guard picture.count == record.pictures.count else {
      throw RecordError(
        "--picture: \(clip) was made with \(record.pictures.count) pictures, and \(picture.count) "
          + "were given"
      )
    }
    for (path, digest) in zip(picture, record.pictures) {
      let found = try FileHash.sha256(path)
      guard found == digest else {
        throw RecordError(
          "--picture: \(path) is not the picture of \(clip) (SHA-256 \(found.prefix(12)), not "
            + "\(digest.prefix(12)))"
        )
      }
    }
    let clips = record.pictures.count * record.parameters.num_videos_per_prompt
    guard (1...max(clips, 1)).contains(record.clip), clips <= 4096,
      record.files(pictures: [], outputs: []) != nil
    else {
      throw RecordError(
        "\(clip) was made by version \(record.version), which this one cannot follow"
      )
    }
  }

  /// Makes all clips that were made together, since they share their noise, and keeps the one.
  private func make(_ record: ClipRecord, to output: String, _ engine: Engine) async throws {
    let manager = FileManager.default
    let others = manager.temporaryDirectory.path + "/zoetrope-" + UUID().uuidString
    try manager.createDirectory(atPath: others, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: others) }
    let count = record.pictures.count * record.parameters.num_videos_per_prompt
    let outputs = (1...count).map { $0 == record.clip ? output : "\(others)/\($0)" }
    guard let files = record.files(pictures: picture, outputs: outputs) else { return }
    let report = GenerationReport(json: false)
    defer { report.end() }
    _ = try await Interruption.cancelling {
      try await ClipMaker(engine: engine).make(files, record.request) { report.show($0) }
    }
  }

  /// `clip-again.mp4` for `clip.mp4` and `again`.
  static func name(beside path: String, _ word: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let dot = path.lastIndex(of: ".").flatMap { path[$0...].contains("/") ? nil : $0 }
    return "\(path[..<(dot ?? path.endIndex)])-\(word)\(dot.map { path[$0...] } ?? "")"
  }

  /// A file's bytes, or those of a folder's files by their names.
  private static func contents(of path: String) throws -> [String: Data] {
    let manager = FileManager.default
    var isFolder = false
    guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { return [:] }
    let names = isFolder ? try manager.contentsOfDirectory(atPath: path) : [""]
    return names.reduce(into: [:]) { contents, name in
      contents[name] = manager.contents(atPath: isFolder ? "\(path)/\(name)" : path)
    }
  }
}

/// Why what a clip tells cannot be followed.
struct RecordError: Error, CustomStringConvertible {
  /// One line: what is wrong and what would be right.
  let description: String

  init(_ description: String) { self.description = description }
}
