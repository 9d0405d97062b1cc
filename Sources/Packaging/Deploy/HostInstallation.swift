// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A bundle laid out on a single machine.
package struct HostInstallation {
  private let bundle: BundleStore.Entry
  /// The folder of the bundle's files.
  package let folder: String
  /// What runs it.
  package let unit: SystemdUnit

  /// - Parameters:
  ///   - bundle: What runs.
  ///   - prefix: The folder above that of the bundle's files.
  /// - Throws: ``PackagingError`` with `invalidValue` for a prefix that a unit cannot name.
  package init(_ bundle: BundleStore.Entry, prefix: String) throws(PackagingError) {
    self.bundle = bundle
    folder = "\(prefix)/\(bundle.name)/\(bundle.version)"
    unit = try SystemdUnit(bundle, folder: folder)
  }

  /// Lays the bundle's files out, with the compiler's libraries beside the programs; the system's
  /// libraries and ffmpeg are the machine's own.
  ///
  /// - Parameters:
  ///   - root: What is before each path; empty for this machine.
  ///   - store: Where the files are.
  ///   - tools: As for an image.
  /// - Throws: ``PackagingError`` with `alreadyExists` or `fileSystem`.
  package func install(
    root: String,
    from store: BundleStore,
    tools: ImageBuilder.Tools
  ) throws(PackagingError) {
    guard Files.kind(root + folder) == nil else {
      throw PackagingError(.alreadyExists, "\(root)\(folder) is there already: remove it first")
    }
    let contents = try ImageContents(bundle, in: store, hasBase: true, tools: tools)
    for layer in contents.layers where layer.name != "system" {
      try layer.write(to: root + folder, from: ImageContents.home)
    }
    try Files.makeFolder(root + "/etc/systemd/system")
    try Files.write(Array(unit.text.utf8), to: "\(root)/etc/systemd/system/\(unit.fileName)")
  }
}
