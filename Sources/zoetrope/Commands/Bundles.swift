// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Packaging

/// Where bundles are kept.
struct StoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder of bundles; ZOETROPE_BUNDLES if not given, else zoetrope/bundles in XDG_DATA_HOME.",
      valueName: "folder"
    )
  )
  var store: String?

  func open() throws -> BundleStore {
    let environment = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    let data = value("XDG_DATA_HOME") ?? value("HOME").map { $0 + "/.local/share" }
    guard let folder = store ?? value("ZOETROPE_BUNDLES") ?? data.map({ $0 + "/zoetrope/bundles" })
    else { throw ValidationError("where to keep bundles? give --store FOLDER or set HOME") }
    return try BundleStore(folder)
  }
}

/// Which bundle of the store is meant.
struct BundleOptions: ParsableArguments {
  @OptionGroup var store: StoreOptions

  @Argument(help: "NAME:VERSION, or NAME for the latest.")
  var bundle: String

  /// The store, and what it has under the name.
  func open() throws -> (store: BundleStore, entry: BundleStore.Entry) {
    let store = try store.open()
    return (store, try store.bundle(bundle))
  }
}

/// `zoetrope list`.
struct List: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the bundles in the store.")

  @OptionGroup var store: StoreOptions

  @Flag(help: "Print a JSON object a line.")
  var json = false

  private struct Row: Encodable {
    let tag: String
    let digest: Digest
    let bytes: Int
    let modelBytes: Int
  }

  func run() throws {
    for entry in try store.open().list() {
      let files = entry.manifest.files.reduce(0) { $0 + $1.size }
      let models = entry.manifest.models.reduce(0) { $0 + $1.size }
      if json {
        Terminal.print(
          try Output.json(
            Row(tag: entry.tag, digest: entry.digest, bytes: files + models, modelBytes: models)
          )
        )
      } else {
        let size = "\(Output.megabytes(files)) and models of \(Output.megabytes(models))"
        Terminal.print("\(entry.tag)  \(entry.digest)  \(size)")
      }
    }
  }
}

/// `zoetrope get`.
struct Get: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a bundle holds: its manifest, as JSON."
  )

  @OptionGroup var chosen: BundleOptions

  func run() throws {
    let (_, entry) = try chosen.open()
    Terminal.print(String(decoding: try entry.manifest.encoded(), as: UTF8.self))
  }
}

/// `zoetrope export`.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a bundle to a file, which `zoetrope import` reads elsewhere."
  )

  @OptionGroup var chosen: BundleOptions

  @Argument(help: "The tar archive to write.")
  var file: String

  func run() throws {
    let (store, entry) = try chosen.open()
    try store.export(entry, to: file)
    Terminal.say("\(file): \(entry.tag)")
  }
}

/// `zoetrope import`.
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Brings an exported bundle into the store.",
    discussion: "Every file of it is held to its digest."
  )

  @OptionGroup var store: StoreOptions

  @Argument(help: "The archive that `zoetrope export` wrote.")
  var file: String

  func run() throws {
    let entry = try store.open().importBundle(file)
    Terminal.print(entry.tag)
  }
}

/// `zoetrope delete`.
struct Delete: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Removes a bundle, and the files that no other bundle needs."
  )

  @OptionGroup var chosen: BundleOptions

  func validate() throws {
    guard chosen.bundle.contains(":") else {
      throw ValidationError(
        "name the version too, as \(chosen.bundle):VERSION; see `zoetrope list`"
      )
    }
  }

  func run() throws {
    let (store, entry) = try chosen.open()
    let freed = try store.delete(entry)
    Terminal.say("\(entry.tag) is gone, and \(Output.megabytes(freed)) with it")
  }
}

/// Forms of what is printed.
enum Output {
  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// As "12.3 MB", of a million bytes each.
  static func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000) / 100_000
    return "\(tenths / 10).\(tenths % 10) MB"
  }
}
