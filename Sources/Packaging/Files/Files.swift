// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Glibc

/// What is done with files as wholes.
package enum Files {
  /// What is at a path.
  package enum Kind: Sendable, Equatable {
    case folder
    case file(size: Int, isExecutable: Bool)
    case link
    case other
  }

  /// What is at a path; nil if nothing is.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - followsLinks: Whether a symbolic link is what it points to.
  /// - Returns: The kind.
  package static func kind(_ path: String, followsLinks: Bool = true) -> Kind? {
    var status = stat()
    let failed = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
    guard failed == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .folder
    case S_IFREG:
      return .file(size: Int(status.st_size), isExecutable: status.st_mode & S_IXUSR != 0)
    case S_IFLNK: return .link
    default: return .other
    }
  }

  /// The folder that a path leads into, as `/usr/bin` of `/usr/bin/env`.
  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  /// The whole of a small file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: The most bytes it may have.
  /// - Returns: The bytes.
  /// - Throws: ``PackagingError`` with `notFound`, `fileSystem`, or `damaged` for a larger one.
  package static func read(_ path: String, limit: Int = 64 << 20) throws(PackagingError) -> [UInt8]
  {
    var reader = try FileReader(path)
    var bytes: [UInt8] = []
    while true {
      let more = try reader.next()
      guard !more.isEmpty else { return bytes }
      bytes += more
      guard bytes.count <= limit else {
        throw PackagingError(.damaged, "\(path) has more than the \(limit) bytes it may have")
      }
    }
  }

  /// Writes a file as a whole.
  ///
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package static func write(
    _ bytes: [UInt8],
    to path: String,
    mode: UInt32 = 0o644
  ) throws(PackagingError) {
    var writer = try FileWriter(path, mode: mode)
    try writer.sink.write(bytes)
    try writer.finish()
  }

  /// The digest of a file.
  ///
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package static func digest(_ path: String) throws(PackagingError) -> Digest {
    var reader = try FileReader(path)
    var hasher = Digest.Hasher()
    while true {
      let bytes = try reader.next()
      guard !bytes.isEmpty else { return hasher.finish() }
      hasher.update(bytes)
    }
  }

  /// Makes a folder, and those it is in.
  ///
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package static func makeFolder(_ path: String) throws(PackagingError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw PackagingError(.fileSystem, "the folder \(path) cannot be made: \(error)")
    }
  }

  /// The names in a folder, in order of their bytes.
  ///
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package static func names(in folder: String) throws(PackagingError) -> [String] {
    guard kind(folder) == .folder else {
      throw PackagingError(.notFound, "\(folder) is not a folder")
    }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted(by: precedes)
    } catch {
      throw PackagingError(.fileSystem, "the folder \(folder) cannot be read: \(error)")
    }
  }

  /// Everything below a folder but folders: paths from it, in order of their bytes.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - followsLinks: Whether symbolic links to folders are gone into.
  ///   - enters: Whether to look into a folder, by its path from the first.
  /// - Returns: The paths.
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`, also when links form a circle.
  package static func below(
    _ folder: String,
    followsLinks: Bool = false,
    enters: (String) -> Bool = { _ in true }
  ) throws(PackagingError) -> [String] {
    var found: [String] = []
    var waiting = [""]
    while let place = waiting.popLast() {
      guard place.utf8.count(where: { $0 == UInt8(ascii: "/") }) < 64 else {
        throw PackagingError(.fileSystem, "\(folder)/\(place): the folders are too deep")
      }
      for name in try names(in: place.isEmpty ? folder : "\(folder)/\(place)") {
        let path = place.isEmpty ? name : "\(place)/\(name)"
        if kind("\(folder)/\(path)", followsLinks: followsLinks) == .folder {
          if enters(path) { waiting.append(path) }
        } else {
          found.append(path)
        }
      }
    }
    return found.sorted(by: precedes)
  }

  /// The order of bytes, which no locale changes.
  package static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  /// Whether a path leads nowhere but below the folder it is taken from.
  package static func staysBelow(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
      && path.split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy { $0 != ".." && $0 != "." && !$0.isEmpty }
  }
}
