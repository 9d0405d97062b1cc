// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc

/// A folder of bundles: files by digest, and names for some of them.
///
/// `blobs/sha256/HEX` are files and manifests, `tags/NAME/VERSION` the digests of manifests, and
/// `latest/NAME` the version last built or brought in.
package struct BundleStore: Sendable {
  /// A bundle with its name.
  package struct Entry: Sendable {
    package let name: String
    package let version: String
    package let digest: Digest
    package let manifest: BundleManifest

    package var tag: String { "\(name):\(version)" }
  }

  package let folder: String

  /// - Parameter folder: The store's folder, made if it is not there.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package init(_ folder: String) throws(PackagingError) {
    self.folder = folder
    for name in ["blobs/sha256", "tags", "latest"] { try Files.makeFolder("\(folder)/\(name)") }
  }

  /// Where the bytes of a digest are, or would be.
  package func path(_ digest: Digest) -> String { "\(folder)/blobs/sha256/\(digest.hex)" }

  // MARK: Putting in

  /// Takes bytes in.
  ///
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package func put(_ bytes: [UInt8]) throws(PackagingError) -> (digest: Digest, size: Int) {
    let digest = Digest(of: bytes)
    if Files.kind(path(digest)) == nil { try Files.write(bytes, to: path(digest)) }
    return (digest, bytes.count)
  }

  /// Takes a copy of a file in.
  ///
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package func put(file: String) throws(PackagingError) -> (digest: Digest, size: Int) {
    // Most of what is large is there already, so it is not written before that is known.
    let known = try Files.digest(file)
    if case .file(let size, _)? = Files.kind(path(known)) { return (known, size) }
    var reader = try FileReader(file)
    return try put { () throws(PackagingError) in try reader.next() }
  }

  /// Takes bytes in as they come, until there are none.
  func put(
    _ next: () throws(PackagingError) -> [UInt8]
  ) throws(PackagingError) -> (digest: Digest, size: Int) {
    var hasher = Digest.Hasher()
    var writer = try FileWriter("\(folder)/blobs/sha256/new")
    while true {
      let bytes = try next()
      guard !bytes.isEmpty else { break }
      hasher.update(bytes)
      try writer.sink.write(bytes)
    }
    let digest = hasher.finish()
    try writer.finish(as: path(digest))
    return (digest, hasher.count)
  }

  /// Names a bundle whose files are in.
  ///
  /// - Parameters:
  ///   - manifest: The bundle.
  ///   - version: Its version; nil for the first 12 digits of its digest.
  /// - Returns: The bundle with its name.
  /// - Throws: ``PackagingError`` with `alreadyExists` if that is the version of another bundle;
  ///   `invalidValue`, `fileSystem`.
  package func add(
    _ manifest: BundleManifest,
    version: String? = nil
  ) throws(PackagingError) -> Entry {
    let (digest, _) = try put(try manifest.encoded())
    let version = version ?? String(digest.hex.prefix(12))
    guard Names.isName(version), version != "latest" else {
      throw PackagingError(
        .invalidValue,
        "the version \"\(version)\" must be \(Names.nameForm), and not latest"
      )
    }
    let place = "\(folder)/tags/\(manifest.name)"
    try Files.makeFolder(place)
    if let other = try? self.digest(manifest.name, version), other != digest {
      throw PackagingError(
        .alreadyExists,
        "\(manifest.name):\(version) is another bundle: delete it, or choose another version"
      )
    }
    try Files.write(Array(digest.description.utf8), to: "\(place)/\(version)")
    try Files.write(Array(version.utf8), to: "\(folder)/latest/\(manifest.name)")
    return Entry(name: manifest.name, version: version, digest: digest, manifest: manifest)
  }

  // MARK: Looking up

  /// All bundles in order of name and version.
  ///
  /// - Throws: ``PackagingError`` with `damaged` or `fileSystem`.
  package func list() throws(PackagingError) -> [Entry] {
    var entries: [Entry] = []
    for name in try Files.names(in: "\(folder)/tags") {
      for version in try Files.names(in: "\(folder)/tags/\(name)") where Names.isName(version) {
        entries.append(try entry(name, version))
      }
    }
    return entries
  }

  /// The bundle of a tag.
  ///
  /// - Parameter tag: `NAME:VERSION`, or `NAME` or `NAME:latest` for the one last built.
  /// - Returns: The bundle.
  /// - Throws: ``PackagingError`` with `notFound`, `invalidValue` or `damaged`.
  package func bundle(_ tag: String) throws(PackagingError) -> Entry {
    let parts = tag.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    guard parts.allSatisfy(Names.isName) else {
      throw PackagingError(.invalidValue, "\"\(tag)\" is not a bundle's NAME or NAME:VERSION")
    }
    let name = parts[0]
    if parts.count == 2, parts[1] != "latest" { return try entry(name, parts[1]) }
    guard let bytes = try? Files.read("\(folder)/latest/\(name)", limit: 64),
      Names.isName(String(decoding: bytes, as: UTF8.self))
    else {
      let versions = (try? Files.names(in: "\(folder)/tags/\(name)")) ?? []
      let hint =
        versions.isEmpty ? "see `zoetrope list`" : "there are \(versions.joined(separator: ", "))"
      throw PackagingError(.notFound, "no bundle \(name) is the latest: \(hint)")
    }
    return try entry(name, String(decoding: bytes, as: UTF8.self))
  }

  private func digest(_ name: String, _ version: String) throws(PackagingError) -> Digest {
    let path = "\(folder)/tags/\(name)/\(version)"
    guard Files.kind(path) != nil else {
      throw PackagingError(.notFound, "there is no bundle \(name):\(version); see `zoetrope list`")
    }
    guard let digest = Digest(String(decoding: try Files.read(path, limit: 128), as: UTF8.self))
    else { throw PackagingError(.damaged, "\(path) does not hold a digest") }
    return digest
  }

  private func entry(_ name: String, _ version: String) throws(PackagingError) -> Entry {
    let digest = try digest(name, version)
    return Entry(
      name: name,
      version: version,
      digest: digest,
      manifest: try manifest(digest, source: "\(name):\(version)")
    )
  }

  func manifest(_ digest: Digest, source: String) throws(PackagingError) -> BundleManifest {
    let bytes = try Files.read(path(digest))
    guard Digest(of: bytes) == digest else {
      throw PackagingError(.damaged, "\(path(digest)) does not have its digest: delete \(source)")
    }
    return try BundleManifest(bytes, source: source)
  }

  // MARK: Taking out

  /// Removes a bundle's name, and what no other bundle needs.
  ///
  /// - Returns: How many bytes were freed.
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package func delete(_ entry: Entry) throws(PackagingError) -> Int {
    let lock = try StoreLock(folder, isExclusive: true)
    defer { lock.release() }
    let path = "\(folder)/tags/\(entry.name)/\(entry.version)"
    guard unsafe unlink(path) == 0 else {
      throw PackagingError(.fileSystem, "\(path) cannot be removed: \(systemMessage())")
    }
    let latest = "\(folder)/latest/\(entry.name)"
    if let bytes = try? Files.read(latest, limit: 64), bytes == Array(entry.version.utf8) {
      unsafe unlink(latest)
    }
    unsafe rmdir("\(folder)/tags/\(entry.name)")
    var needed: Set<String> = []
    for entry in try list() {
      needed.insert(entry.digest.hex)
      needed.formUnion(entry.manifest.allFiles.map(\.digest.hex))
    }
    var freed = 0
    for name in try Files.names(in: "\(folder)/blobs/sha256") where !needed.contains(name) {
      let path = "\(folder)/blobs/sha256/\(name)"
      if case .file(let size, _)? = Files.kind(path), unsafe unlink(path) == 0 { freed += size }
    }
    return freed
  }
}

/// Keeps those who take out from those who put in, across processes.
struct StoreLock {
  private let descriptor: Int32

  /// Waits for the others.
  ///
  /// - Throws: ``PackagingError`` with `fileSystem`.
  init(_ folder: String, isExclusive: Bool) throws(PackagingError) {
    descriptor = unsafe open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0, flock(descriptor, isExclusive ? LOCK_EX : LOCK_SH) == 0 else {
      throw PackagingError(.fileSystem, "\(folder) cannot be locked: \(systemMessage())")
    }
  }

  func release() { close(descriptor) }
}
