// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// Makes bundles of services.
package struct BundleBuilder {
  /// Names that are never included: what version control and builds leave about.
  private static let skipped: Set<String> = [".git", ".build", "__pycache__", ".venv"]

  private let store: BundleStore
  private let service: ServiceDescription
  private let folder: String
  private let programs: String

  /// - Parameters:
  ///   - store: Where the bundle goes.
  ///   - service: What it is.
  ///   - folder: The folder of the service's description.
  ///   - programs: The folder that holds `zoetrope` and `zoetrope-picture`.
  package init(
    store: BundleStore,
    service: ServiceDescription,
    folder: String,
    programs: String
  ) {
    self.store = store
    self.service = service
    self.folder = folder
    self.programs = programs
  }

  /// Puts everything into the store and gives it a name.
  ///
  /// - Parameter version: The version; nil for the beginning of the digest.
  /// - Returns: The bundle with its name.
  /// - Throws: ``PackagingError``: `notFound` for a file that is missing, `damaged` for a model with
  ///   another digest than the description says, `alreadyExists` for a version that is taken.
  package func build(version: String? = nil) throws(PackagingError) -> BundleStore.Entry {
    let lock = try StoreLock(store.folder, isExclusive: false)
    defer { lock.release() }
    var files = try included()
    for name in ["zoetrope", "zoetrope-picture"] {
      let (digest, size) = try store.put(try ELFImage.withoutSymbols("\(programs)/\(name)"))
      files.append(.init(path: "bin/\(name)", digest: digest, size: size, isExecutable: true))
    }
    let (digest, size) = try store.put(Array(settingsFile.utf8))
    files.append(.init(path: "serve.yaml", digest: digest, size: size))
    files.sort { Files.precedes($0.path, $1.path) }
    var models: [BundleManifest.Model] = []
    for model in service.models { models.append(try self.model(model)) }
    return try store.add(BundleManifest(service, files: files, models: models), version: version)
  }

  private func included() throws(PackagingError) -> [BundleManifest.File] {
    guard !service.include.isEmpty else { return [] }
    var include: [Glob] = []
    for pattern in service.include { include.append(try Glob(pattern)) }
    var exclude: [Glob] = []
    for pattern in service.exclude { exclude.append(try Glob(pattern)) }
    let paths = try Files.below(folder) { path in
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return !Self.skipped.contains(name) && !exclude.contains { $0.matches(path) }
    }
    var files: [BundleManifest.File] = []
    for path in paths
    where include.contains(where: { $0.matches(path) })
      && !exclude.contains(where: { $0.matches(path) })
    {
      // Where it points to may be anything that the one who builds can read.
      guard case .file(_, let isExecutable)? = Files.kind("\(folder)/\(path)", followsLinks: false)
      else {
        throw PackagingError(
          .invalidFile,
          "\(folder)/\(path) is not a regular file: exclude it, or put the file itself there"
        )
      }
      guard Files.staysBelow(path) else {
        throw PackagingError(
          .invalidFile,
          "\(folder) holds a file whose name cannot be kept: \(path)"
        )
      }
      let (digest, size) = try store.put(file: "\(folder)/\(path)")
      files.append(
        .init(path: "files/" + path, digest: digest, size: size, isExecutable: isExecutable)
      )
    }
    return files
  }

  private func model(
    _ model: ServiceDescription.Model
  ) throws(PackagingError) -> BundleManifest.Model {
    guard model.isIncluded else {
      return BundleManifest.Model(
        name: model.name,
        digest: model.digest,
        pull: model.pull,
        files: []
      )
    }
    let place = model.path.hasPrefix("/") ? model.path : "\(folder)/\(model.path)"
    guard Files.kind("\(place)/model_index.json") != nil else {
      throw PackagingError(
        .notFound,
        "the model \(model.name): \(place)/model_index.json is not there; give the folder of a "
          + "checkpoint in diffusers' layout"
      )
    }
    var files: [BundleManifest.File] = []
    // A download's folder is often links to where the files are kept.
    for path in try Files.below(place, followsLinks: true, enters: { !$0.hasPrefix(".") })
    where !path.hasPrefix(".") {
      guard Files.staysBelow(path) else {
        throw PackagingError(
          .invalidFile,
          "\(place) holds a file whose name cannot be kept: \(path)"
        )
      }
      let (digest, size) = try store.put(file: "\(place)/\(path)")
      files.append(.init(path: path, digest: digest, size: size))
    }
    let digest = BundleManifest.Model.digest(of: files)
    if let expected = model.digest, expected != digest {
      throw PackagingError(
        .damaged,
        "the model \(model.name) in \(place) has the digest \(digest), not \(expected): it is another "
          + "one, or damaged"
      )
    }
    return BundleManifest.Model(name: model.name, digest: digest, files: files)
  }

  /// The settings as `zoetrope serve --config` reads them.
  private var settingsFile: String {
    service.settings.sorted { Files.precedes($0.key, $1.key) }.map { name, values in
      values.count == 1
        ? "\(name): \(Self.quoted(values[0]))\n"
        : "\(name):\n" + values.map { "  - \(Self.quoted($0))\n" }.joined()
    }.joined()
  }

  /// In YAML's single quotes, in which only those mean something.
  private static func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "''") + "'"
  }
}
