// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
package import Serving

/// What a bundle holds: everything that a service is made of, by digest.
///
/// It has no time and no owner in it, so that the same inputs make the same bundle.
package struct BundleManifest: Codable, Equatable, Sendable {
  /// A file, which lies in the store under its digest.
  package struct File: Codable, Equatable, Sendable {
    package var path: String
    package var digest: Digest
    package var size: Int
    package var isExecutable = false

    package init(path: String, digest: Digest, size: Int, isExecutable: Bool = false) {
      self.path = path
      self.digest = digest
      self.size = size
      self.isExecutable = isExecutable
    }

    enum CodingKeys: String, CodingKey {
      case path, digest, size
      case isExecutable = "executable"
    }
  }

  /// A checkpoint.
  package struct Model: Codable, Equatable, Sendable {
    package var name: String
    /// That of the list of its files, names and digests.
    package var digest: Digest?
    /// What the server fetches from the Hub when it starts, as `OWNER/NAME@COMMIT`.
    package var pull: String?
    /// None for one that does not travel with the bundle.
    package var files: [File]

    package var size: Int { files.reduce(0) { $0 + $1.size } }

    /// The digest of a checkpoint that consists of some files.
    ///
    /// - Parameter files: The files, with their paths in the checkpoint's folder.
    /// - Returns: The digest, whatever the order of the files.
    package static func digest(of files: [File]) -> Digest {
      let list = files.sorted { Files.precedes($0.path, $1.path) }
        .map { "\($0.digest) \($0.size) \($0.path)\n" }
      return Digest(of: list.joined().utf8)
    }
  }

  package var format = 1
  package var name: String
  package var labels: [String: String]
  package var environment: [String: String]
  package var resources: Resources
  package var image: ServiceDescription.Image
  /// Nil if the description says nothing of it, as older ones do not.
  package var storage: ServiceDescription.Storage?
  /// Settings of `zoetrope serve`, by name.
  package var settings: [String: [String]]
  /// Programs below `bin`, what was included below `files`, and `serve.yaml`.
  package var files: [File]
  package var models: [Model]

  /// Whether the server fetches its model when it starts.
  package var pullsModel: Bool { models.first?.pull != nil }

  /// All files with those of the models, below `models` and the model's name.
  package var allFiles: [File] {
    files
      + models.flatMap { model in
        model.files.map { file in
          var file = file
          file.path = "models/\(model.name)/\(file.path)"
          return file
        }
      }
  }

  /// The bytes that the bundle's digest is of.
  ///
  /// - Throws: ``PackagingError`` with `invalidValue` for what JSON cannot say.
  package func encoded() throws(PackagingError) -> [UInt8] { try jsonBytes(self) }

  /// Reads a manifest, which may come from anyone.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - source: What errors call it.
  /// - Throws: ``PackagingError`` with `damaged`.
  package init(_ bytes: [UInt8], source: String) throws(PackagingError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
      throw PackagingError(.damaged, "\(source) is not the manifest of a bundle: \(error)")
    }
    let paths = allFiles.map(\.path)
    guard format == 1, Names.isName(name), models.allSatisfy({ Names.isName($0.name) }),
      paths.allSatisfy(Files.staysBelow), Set(paths).count == paths.count,
      allFiles.allSatisfy({ $0.size >= 0 }), environment.keys.allSatisfy(Names.isVariable),
      image.packages.allSatisfy(Names.isPackage),
      models.allSatisfy({ $0.pull.map(Names.isPinnedModel) != false })
    else {
      throw PackagingError(
        .damaged,
        "\(source) is the manifest of a bundle that cannot be: refused"
      )
    }
  }

  init(_ service: ServiceDescription, files: [File], models: [Model]) {
    name = service.name
    labels = service.labels
    environment = service.environment
    resources = service.resources
    image = service.image
    storage = service.storage
    settings = service.settings
    self.files = files
    self.models = models
  }
}

/// Encodes with names in order and without spaces: equal values have equal bytes.
func jsonBytes(_ value: some Encodable) throws(PackagingError) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do { return [UInt8](try encoder.encode(value)) } catch {
    throw PackagingError(.invalidValue, "this cannot be written as JSON: \(error)")
  }
}
