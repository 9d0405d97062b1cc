// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Bundles as single files: a tar archive of the manifest's digest and all that it names.
extension BundleStore {
  /// Writes a bundle to an archive; equal bundles make equal archives.
  ///
  /// - Parameters:
  ///   - entry: The bundle.
  ///   - path: The archive.
  /// - Throws: ``PackagingError`` with `fileSystem`, or `notFound` if the store lacks a file.
  package func export(_ entry: Entry, to path: String) throws(PackagingError) {
    var writer = try FileWriter(path)
    var archive = ArchiveWriter(writer.sink)
    try archive.add("bundle", Array("\(entry.tag) \(entry.digest)\n".utf8))
    for digest in Set(entry.manifest.allFiles.map(\.digest) + [entry.digest]).sorted() {
      guard case .file(let size, _)? = Files.kind(self.path(digest)) else {
        throw PackagingError(.notFound, "\(entry.tag) lacks \(digest): build it again")
      }
      try archive.add("blobs/sha256/\(digest.hex)", file: self.path(digest), size: size)
    }
    try archive.finish()
    try writer.finish()
  }

  /// Brings an exported bundle in, under the name that it had.
  ///
  /// - Parameter path: The archive.
  /// - Returns: The bundle with its name.
  /// - Throws: ``PackagingError`` with `damaged` if bytes do not have their digest or some are missing;
  ///   `alreadyExists` if another bundle has that name; `notFound`, `fileSystem`.
  package func importBundle(_ path: String) throws(PackagingError) -> Entry {
    let lock = try StoreLock(folder, isExclusive: false)
    defer { lock.release() }
    func wrong(_ reason: String) -> PackagingError {
      PackagingError(.damaged, "\(path) is not an exported bundle: \(reason)")
    }
    var archive = try ArchiveReader(path)
    guard let first = try archive.next(), first.path == "bundle", first.size < 512 else {
      throw wrong("it does not begin with the bundle's name")
    }
    let words = String(decoding: try archive.read(), as: UTF8.self)
      .split { $0 == " " || $0 == "\n" }
    let tag = words.first?.split(separator: ":").map(String.init) ?? []
    guard words.count == 2, tag.count == 2, tag.allSatisfy(Names.isName),
      let digest = Digest(words[1])
    else { throw wrong("its name is malformed") }
    while let file = try archive.next() {
      guard file.path.hasPrefix("blobs/sha256/"),
        let expected = Digest("sha256:" + file.path.dropFirst("blobs/sha256/".count))
      else { throw wrong("it holds \(file.path)") }
      if Files.kind(self.path(expected)) != nil { continue }
      let (found, _) = try put { () throws(PackagingError) in try archive.read() }
      guard found == expected else { throw wrong("\(file.path) does not have its digest") }
    }
    guard Files.kind(self.path(digest)) != nil else { throw wrong("its manifest is missing") }
    let manifest = try manifest(digest, source: path)
    guard manifest.name == tag[0] else {
      throw wrong("it is named \(tag[0]) and is \(manifest.name)")
    }
    for file in manifest.allFiles {
      guard case .file(file.size, _)? = Files.kind(self.path(file.digest)) else {
        throw wrong("\(file.path) is missing")
      }
    }
    // Read before it is named: a manifest that another program wrote may be encoded otherwise.
    guard Digest(of: try manifest.encoded()) == digest else {
      throw wrong("its manifest is written in another way")
    }
    return try add(manifest, version: tag[1])
  }
}
