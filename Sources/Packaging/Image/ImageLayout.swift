// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// A folder as the OCI image layout has it: blobs by digest, and an index of images.
package struct ImageLayout: Sendable {
  package let folder: String

  /// Opens a folder, or begins one.
  ///
  /// - Parameter folder: The folder.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package init(making folder: String) throws(PackagingError) {
    self.folder = folder
    try Files.makeFolder("\(folder)/blobs/sha256")
  }

  /// Opens a folder that is there.
  ///
  /// - Parameter folder: The folder.
  /// - Throws: ``PackagingError`` with `notFound` if it is no layout.
  package init(reading folder: String) throws(PackagingError) {
    guard Files.kind("\(folder)/oci-layout") != nil else {
      throw PackagingError(.notFound, "\(folder) is not an OCI layout: it has no file oci-layout")
    }
    self.folder = folder
  }

  package func path(_ digest: Digest) -> String { "\(folder)/blobs/sha256/\(digest.hex)" }

  /// Takes a document in.
  func put(
    _ value: some Encodable,
    _ type: String
  ) throws(PackagingError) -> Descriptor {
    let bytes = try jsonBytes(value)
    let digest = Digest(of: bytes)
    try Files.write(bytes, to: path(digest))
    return Descriptor(mediaType: type, digest: digest, size: bytes.count)
  }

  /// Reads a blob and holds it to its digest.
  func read(_ digest: Digest) throws(PackagingError) -> [UInt8] {
    let bytes = try Files.read(path(digest))
    guard Digest(of: bytes) == digest else {
      throw PackagingError(.damaged, "\(path(digest)) does not have its digest")
    }
    return bytes
  }

  func decode<Value: Decodable>(
    _ digest: Digest,
    as type: Value.Type
  ) throws(PackagingError) -> Value {
    try decoded(try read(digest), as: type, from: path(digest))
  }

  /// Copies a blob from another layout.
  func copy(_ descriptor: Descriptor, from other: ImageLayout) throws(PackagingError) {
    guard Files.kind(path(descriptor.digest)) == nil else { return }
    var reader = try FileReader(other.path(descriptor.digest))
    var writer = try FileWriter(path(descriptor.digest))
    var hasher = Digest.Hasher()
    while true {
      let bytes = try reader.next()
      guard !bytes.isEmpty else { break }
      hasher.update(bytes)
      try writer.sink.write(bytes)
    }
    guard hasher.finish() == descriptor.digest else {
      throw PackagingError(.damaged, "\(reader.path) does not have its digest")
    }
    try writer.finish()
  }

  /// The image for Linux and this processor, or the only one.
  func image() throws(PackagingError) -> ImageManifest {
    var index = try decoded(
      try Files.read("\(folder)/index.json"),
      as: ImageIndex.self,
      from: "\(folder)/index.json"
    )
    for _ in 0..<4 {
      let chosen = try Self.choose(index, folder)
      guard [MediaType.index, MediaType.dockerIndex].contains(chosen.mediaType) else {
        return try decode(chosen.digest, as: ImageManifest.self)
      }
      index = try decode(chosen.digest, as: ImageIndex.self)
    }
    throw PackagingError(.damaged, "\(folder): indexes within indexes")
  }

  static func choose(_ index: ImageIndex, _ source: String) throws(PackagingError) -> Descriptor {
    let fitting = index.manifests.filter {
      $0.platform == Descriptor.Platform(architecture: Processor.name, os: "linux")
    }
    guard let chosen = fitting.first ?? (index.manifests.count == 1 ? index.manifests[0] : nil)
    else {
      throw PackagingError(.notFound, "\(source) has no image for linux/\(Processor.name)")
    }
    return chosen
  }

  /// Writes the index, by which the folder is a layout with one image.
  func finish(_ manifest: Descriptor, tag: String) throws(PackagingError) {
    var manifest = manifest
    manifest.annotations = ["org.opencontainers.image.ref.name": tag]
    manifest.platform = Descriptor.Platform(architecture: Processor.name, os: "linux")
    try Files.write(
      try jsonBytes(ImageIndex(manifests: [manifest])),
      to: "\(folder)/index.json"
    )
    try Files.write(Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), to: "\(folder)/oci-layout")
  }

  /// Writes the layout as one file, which `docker load`, `podman load` and skopeo read.
  ///
  /// - Parameters:
  ///   - path: The tar archive.
  ///   - manifest: The image.
  ///   - name: The name that Docker gives it, `name:version`.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package func archive(
    to path: String,
    _ manifest: ImageManifest,
    name: String
  ) throws(PackagingError) {
    struct Image: Encodable {
      let Config: String
      let RepoTags: [String]
      let Layers: [String]
    }
    func place(_ descriptor: Descriptor) -> String { "blobs/sha256/\(descriptor.digest.hex)" }
    let docker = Image(
      Config: place(manifest.config),
      RepoTags: [name],
      Layers: manifest.layers.map(place)
    )
    try Files.write(try jsonBytes([docker]), to: "\(folder)/manifest.json")
    var writer = try FileWriter(path)
    var archive = ArchiveWriter(writer.sink)
    for file in try Files.below(folder) {
      guard case .file(let size, _)? = Files.kind("\(folder)/\(file)") else { continue }
      try archive.add(file, file: "\(folder)/\(file)", size: size)
    }
    try archive.finish()
    try writer.finish()
  }
}

/// The processor that this program was built for.
enum Processor {
  /// As images name it.
  static var name: String {
    #if arch(arm64)
    "arm64"
    #else
    "amd64"
    #endif
  }
}

func decoded<Value: Decodable>(
  _ bytes: [UInt8],
  as type: Value.Type,
  from source: String
) throws(PackagingError) -> Value {
  do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
    throw PackagingError(.damaged, "\(source) is not what an image has there: \(error)")
  }
}
