// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Glibc

/// All the libraries that some programs are loaded with.
struct LibraryClosure {
  /// A library.
  struct Library: Equatable {
    /// What others know it by.
    let name: String
    /// The file, with no symbolic links in its path.
    let file: String
    /// Whether it came with the compiler, not with the system.
    let isOfToolchain: Bool

    /// Whether it belongs to the C library, which fits one kernel interface and one loader.
    var isOfCLibrary: Bool {
      let base = name.prefix { $0 != "." }
      return name.hasPrefix("ld-linux")
        || [
          "libc", "libm", "libpthread", "libdl", "librt", "libresolv", "libutil", "libmvec",
          "libanl",
        ].contains(base)
    }
  }

  /// In order of their names.
  private(set) var libraries: [Library] = []
  /// The loader that the programs ask for, as `/lib64/ld-linux-x86-64.so.2`.
  private(set) var interpreter: String?

  /// The folder of the system's libraries, as `/usr/lib/x86_64-linux-gnu`.
  static var systemFolder: String {
    #if arch(arm64)
    "/usr/lib/aarch64-linux-gnu"
    #else
    "/usr/lib/x86_64-linux-gnu"
    #endif
  }

  /// Follows what programs and libraries need.
  ///
  /// - Parameters:
  ///   - programs: Programs, and libraries that they open while they run.
  ///   - folder: Where to look besides the places that they and the system name.
  /// - Throws: ``PackagingError`` with `notFound` for a library that is nowhere; `damaged`.
  init(of programs: [String], or folder: String? = nil) throws(PackagingError) {
    let system = Self.systemFolders()
    var found: [String: Library] = [:]
    var waiting = programs
    var machine: Int?
    while let path = waiting.popLast() {
      let image = try ELFImage(path)
      let wanted = machine ?? image.machine
      machine = wanted
      interpreter = interpreter ?? image.interpreter
      let origin = Files.folder(of: path)
      let own =
        image.searchFolders.map {
          $0.replacing("${ORIGIN}", with: origin).replacing("$ORIGIN", with: origin)
        } + [folder].compactMap(\.self)
      for name in image.needed where found[name] == nil {
        guard Files.staysBelow(name), !name.contains("/"),
          let (folder, file) = Self.find(name, own + system, wanted)
        else {
          throw PackagingError(
            .notFound,
            "\(path) needs \(name), which is not in \((own + system).joined(separator: ", "))"
          )
        }
        let isOfToolchain =
          !system.contains(folder) && !(folder + "/").hasPrefix(Self.systemFolder + "/")
        found[name] = Library(name: name, file: file, isOfToolchain: isOfToolchain)
        waiting.append(file)
      }
    }
    libraries = found.values.sorted { Files.precedes($0.name, $1.name) }
  }

  private static func find(
    _ name: String,
    _ folders: [String],
    _ machine: Int
  ) -> (folder: String, file: String)? {
    for folder in folders {
      guard let file = resolved("\(folder)/\(name)"), let image = try? ELFImage(file),
        image.machine == machine
      else { continue }
      return (folder, file)
    }
    return nil
  }

  /// A path without symbolic links in it; nil if there is nothing.
  static func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// Where the loader looks: its own folders, and those that the system's configuration adds.
  private static func systemFolders() -> [String] {
    let triplet = systemFolder.split(separator: "/").last.map(String.init) ?? ""
    var folders = ["/lib/\(triplet)", systemFolder]
    let configuration = "/etc/ld.so.conf.d"
    for name in (try? Files.names(in: configuration)) ?? [] where name.hasSuffix(".conf") {
      let bytes = (try? Files.read("\(configuration)/\(name)")) ?? []
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      where line.hasPrefix("/") && !folders.contains(String(line)) { folders.append(String(line)) }
    }
    return folders + ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]
  }
}
