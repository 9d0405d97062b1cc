// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What the system's package database says of files.
struct DebianPackages {
  /// A package.
  struct Package: Equatable {
    let name: String
    let version: String
    let architecture: String
    /// What it was built from.
    let source: String
  }

  private static let database = "/var/lib/dpkg"

  /// The packages that files belong to, in order of their names; none without a database.
  ///
  /// - Parameter files: Paths.
  /// - Returns: The packages.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  static func owners(of files: [String]) throws(PackagingError) -> [Package] {
    guard Files.kind("\(database)/status") != nil else { return [] }
    // A package names its files by the paths that they had before /lib became a link to /usr/lib.
    var wanted: Set<String> = []
    for file in files {
      wanted.insert(file)
      if file.hasPrefix("/usr/") { wanted.insert(String(file.dropFirst(4))) }
    }
    var names: Set<String> = []
    for name in try Files.names(in: "\(database)/info") where name.hasSuffix(".list") {
      let bytes = try Files.read("\(database)/info/\(name)")
      let isOwner = bytes.split(separator: UInt8(ascii: "\n")).contains {
        wanted.contains(String(decoding: $0, as: UTF8.self))
      }
      if isOwner { names.insert(String(name.dropLast(5).prefix { $0 != ":" })) }
    }
    return try packages(names)
  }

  /// What a program was built from that no package holds, as a file `source` beside it says: the name
  /// and version of a source package.
  ///
  /// - Parameter program: The path of the program.
  /// - Returns: The source package; nil if nothing says what it is.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  static func source(of program: String) throws(PackagingError) -> Package? {
    let path = Files.folder(of: program) + "/source"
    guard Files.kind(path) != nil else { return nil }
    let words = String(decoding: try Files.read(path), as: UTF8.self).split { $0.isWhitespace }
    guard words.count == 2, Names.isPackage(String(words[0])) else { return nil }
    return Package(
      name: String(words[0]),
      version: String(words[1]),
      architecture: "source",
      source: String(words[0])
    )
  }

  /// The files of an installed package but for its documentation.
  ///
  /// - Parameter package: Its name.
  /// - Returns: Paths.
  /// - Throws: ``PackagingError`` with `notFound` if it is not installed.
  static func files(of package: String) throws(PackagingError) -> [String] {
    let folder = "\(database)/info"
    let names = (try? Files.names(in: folder)) ?? []
    let list = names.first {
      $0 == package + ".list" || ($0.hasPrefix(package + ":") && $0.hasSuffix(".list"))
    }
    guard let list else {
      throw PackagingError(
        .notFound,
        "image.packages: \(package) is not installed here; apt-get install \(package)"
      )
    }
    let skipped = [
      "/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/lintian/",
    ]
    return String(decoding: try Files.read("\(folder)/\(list)"), as: UTF8.self)
      .split(separator: "\n").map(String.init)
      .filter { path in !skipped.contains { path.hasPrefix($0) } }
  }

  /// Packages by name, as the database has them.
  static func packages(_ names: Set<String>) throws(PackagingError) -> [Package] {
    guard Files.kind("\(database)/status") != nil else { return [] }
    var packages: [Package] = []
    let status = try Files.read("\(database)/status")
    var fields: [String: String] = [:]
    func take() {
      if let name = fields["Package"], names.contains(name), let version = fields["Version"] {
        let source = fields["Source"].map { String($0.prefix { $0 != " " }) }
        packages.append(
          Package(
            name: name,
            version: version,
            architecture: fields["Architecture"] ?? "",
            source: source ?? name
          )
        )
      }
      fields = [:]
    }
    for line in status.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if line.isEmpty {
        take()
        continue
      }
      // Only these are needed of a file of megabytes.
      guard let first = line.first, "PVAS".utf8.contains(first) else { continue }
      let parts = String(decoding: line, as: UTF8.self).split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[String(parts[0])] = String(parts[1].drop { $0 == " " }) }
    }
    take()
    return packages.sorted { Files.precedes($0.name, $1.name) }
  }
}
