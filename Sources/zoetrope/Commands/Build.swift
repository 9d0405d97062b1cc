// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import Packaging
import Serving
import VideoService

/// `zoetrope build`.
struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Packs a service and what it needs into a bundle in the store.",
    discussion: """
      What the service is made of stands in zoetrope.yaml, or in a bentofile.yaml of BentoML. The \
      same inputs make a bundle with the same digest.
      """
  )

  @OptionGroup var store: StoreOptions

  @Argument(help: "The folder of the description.")
  var folder = "."

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The description, if it has another name.", valueName: "file")
  )
  var file: String?

  @Option(
    help: ArgumentHelp(
      "A checkpoint's folder to put in besides those of the description.",
      valueName: "folder"
    )
  )
  var model: String?

  @Option(
    name: .shortAndLong,
    help: "The bundle's version; the first digits of its digest if not given."
  )
  var tag: String?

  func run() throws {
    var service = try ServiceDescription.read(
      folder: folder,
      file: file,
      resources: .stableVideoDiffusion
    )
    if let model {
      guard service.models.first?.pull == nil else {
        throw ValidationError("--model: the description has one that is pulled, and one is served")
      }
      let path =
        model.hasPrefix("/") ? model : FileManager.default.currentDirectoryPath + "/" + model
      service.add(model: path)
    } else if service.models.isEmpty, let model = DemonstrationModel.find() {
      service.add(model: model)
      Terminal.say(
        "no models in the description, so the small demonstration model goes in; for another give "
          + "--model, or name it under models"
      )
    }
    for name in service.settings.keys.sorted() where !Serve.settings.contains(name) {
      throw ValidationError(
        "serve: there is no setting \(name); there are \(Serve.settings.joined(separator: ", "))"
      )
    }
    for remark in service.remarks { Terminal.say(remark) }
    if service.settings["api-keys"] == nil, service.settings["open"] == nil {
      Terminal.say(
        "serve: neither api-keys nor `open: true`, so that a container of this will not serve until "
          + "ZOETROPE_API_KEYS or ZOETROPE_OPEN is set"
      )
    }
    let entry = try BundleBuilder(
      store: try store.open(),
      service: service,
      folder: folder,
      programs: Installation.programs
    ).build(version: tag)
    Terminal.say("\(entry.tag): \(entry.digest)")
    Terminal.print(entry.tag)
  }
}

/// Where the running program was installed.
enum Installation {
  /// The folders above a path, the nearest first.
  static func folders(above path: String) -> [String] {
    var folders: [String] = []
    var folder = path
    while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
      folder = String(folder[..<slash])
      folders.append(folder)
    }
    return folders
  }

  /// The folder of the running program, with no symbolic links in it.
  static var programs: String {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
  }

  /// What images are made with.
  static func tools() throws -> ImageBuilder.Tools {
    ImageBuilder.Tools(
      programs: programs,
      ffmpeg: try smallFFmpeg ?? FFmpeg().path(),
      version: Version.text
    )
  }

  /// What `Tools/ffmpeg.sh` built, in a checkout or where it was installed, unless another is named.
  private static var smallFFmpeg: String? {
    guard Program.environment("ZOETROPE_FFMPEG") == nil else { return nil }
    return folders(above: programs + "/")
      .flatMap { ["\($0)/.build/ffmpeg/ffmpeg", "\($0)/lib/zoetrope/ffmpeg/ffmpeg"] }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
