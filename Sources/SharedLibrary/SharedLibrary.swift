// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc

/// A library opened at run time; it stays open as long as the process, as its threads may.
@safe public final class SharedLibrary: Sendable {
  /// What a person calls it, as "cuDNN".
  public let name: String
  /// The file that was opened.
  public let path: String

  private let handle: UInt

  private init(name: String, path: String, handle: UInt) {
    self.name = name
    self.path = path
    self.handle = handle
  }

  /// Opens the first of several files that can be opened.
  ///
  /// - Parameters:
  ///   - name: What a person calls the library.
  ///   - search: Where to look.
  /// - Returns: The library.
  /// - Throws: `SharedLibraryError` with code `.notFound` or `.notLoadable`; it lists every file that
  ///   was there.
  public static func open(
    _ name: String,
    _ search: LibrarySearch
  ) throws(SharedLibraryError) -> SharedLibrary {
    var attempts: [SharedLibraryError.Attempt] = []
    for candidate in search.candidates() {
      if candidate.contains("/") {
        guard unsafe access(candidate, R_OK) == 0 else { continue }
        guard let file = ELFFile(path: candidate) else {
          attempts.append(.init(path: candidate, reason: "it is not a library"))
          continue
        }
        if let obstacle = file.obstacle {
          attempts.append(.init(path: candidate, reason: obstacle))
          continue
        }
      }
      unsafe dlerror()
      if let handle = unsafe dlopen(candidate, RTLD_NOW | RTLD_LOCAL) {
        let path = candidate.contains("/") ? candidate : mappedFile(like: candidate)
        return SharedLibrary(name: name, path: path, handle: UInt(bitPattern: handle))
      }
      let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "it cannot be opened"
      // The loader's own path holds no such file: nothing to tell about one.
      if candidate.contains("/") || !reason.contains("No such file") {
        attempts.append(.init(path: candidate, reason: reason))
      }
    }
    if let last = attempts.last {
      throw SharedLibraryError(
        .notLoadable,
        name,
        "\(last.path) cannot be used: \(last.reason)",
        attempts: attempts
      )
    }
    throw SharedLibraryError(
      .notFound,
      name,
      "no \(search.fileNames.joined(separator: " or ")) was found"
    )
  }

  /// The address of a symbol.
  ///
  /// - Parameter symbol: Its name.
  /// - Returns: The address, never zero.
  /// - Throws: `SharedLibraryError` with code `.missingSymbol`.
  public func address(of symbol: String) throws(SharedLibraryError) -> UInt {
    guard let address = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: handle), symbol) else {
      throw SharedLibraryError(.missingSymbol, name, "\(path) has no \(symbol)")
    }
    return UInt(bitPattern: address)
  }

  /// Which file the loader took for a bare name: the one that is mapped under such a name.
  private static func mappedFile(like name: String) -> String {
    let stem = name.prefix { $0 != "." }
    guard let file = unsafe fopen("/proc/self/maps", "re") else { return name }
    defer { unsafe fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { unsafe free(line) }
    while unsafe getline(&line, &capacity, file) > 0 {
      guard let text = unsafe line.map({ unsafe String(cString: $0) }),
        let start = text.firstIndex(of: "/")
      else { continue }
      let path = text[start...].prefix { $0 != "\n" }
      if path.split(separator: "/").last?.hasPrefix(stem + ".so") == true { return String(path) }
    }
    return name
  }
}
