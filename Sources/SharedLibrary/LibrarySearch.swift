// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc

/// Where a library is looked for, and in which order.
public struct LibrarySearch: Sendable {
  /// The names of its file, the best first.
  public let fileNames: [String]
  /// Folders or files that a person named; if there are any, nothing else is looked at.
  public let explicit: [String]
  /// Folders to look in after the loader's own, as patterns with `*`.
  public let patterns: [String]

  /// Makes a search.
  ///
  /// - Parameters:
  ///   - fileNames: The names of the file, the best first.
  ///   - explicit: Folders or files that a person named; if there are any, nothing else is looked at.
  ///   - patterns: Folders to look in after the loader's own, as patterns with `*`.
  public init(fileNames: [String], explicit: [String] = [], patterns: [String] = []) {
    self.fileNames = fileNames
    self.explicit = explicit
    self.patterns = patterns
  }

  /// Everything to try, in order; a bare name is left to the loader.
  public func candidates() -> [String] {
    if !explicit.isEmpty {
      // A file is taken for whatever library it is offered as: it may serve as several.
      return explicit.flatMap { place in
        Self.isFolder(place)
          ? (folders(under: place).flatMap { folder in fileNames.map { folder + "/" + $0 } })
          : [place]
      }
    }
    let found = patterns.flatMap(Self.matches)
    return fileNames + found.flatMap { folder in fileNames.map { folder + "/" + $0 } }
  }

  /// A folder that a person named may be the libraries' own, a toolkit's, or Python's site-packages.
  private func folders(under place: String) -> [String] {
    [place, place + "/lib64", place + "/lib"] + Self.matches(place + "/nvidia/*/lib")
  }

  /// Folders where Python keeps what pip installs, in which NVIDIA's wheels put `nvidia/*/lib`.
  public static let pythonPatterns: [String] = {
    func variable(_ name: String) -> String? {
      unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let roots =
      ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap(variable)
      + [variable("HOME").map { $0 + "/.local" }, "/usr/local", "/usr", "/opt/*"].compactMap(\.self)
    return roots.flatMap { root in
      ["site-packages", "dist-packages"].map { "\(root)/lib/python3*/\($0)/nvidia/*/lib" }
    }
  }()

  /// Where a CUDA toolkit is installed, and where distributions put libraries.
  public static let systemPatterns: [String] = {
    #if arch(arm64)
    let machine = "aarch64"
    #else
    let machine = "x86_64"
    #endif
    return [
      "/usr/lib/\(machine)-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64",
      "/run/opengl-driver/lib",
    ]
  }()

  private static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return unsafe stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  /// The paths that a pattern names, those with higher version numbers first.
  private static func matches(_ pattern: String) -> [String] {
    var found = unsafe glob_t()
    defer { unsafe globfree(&found) }
    guard unsafe glob(pattern, 0, nil, &found) == 0 else { return [] }
    return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
      unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
    }.reversed()
  }
}
