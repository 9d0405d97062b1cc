// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import Subprocess
package import SystemPackage

/// Finds the programs that this module runs.
package enum Program {
  /// Finds a program of somebody else's: the path in an environment variable, else on `PATH`.
  ///
  /// - Parameters:
  ///   - name: the file's name.
  ///   - variable: the environment variable that may say where it is.
  /// - Returns: nil when there is none that can be run.
  package static func installed(_ name: String, variable: String) -> FilePath? {
    if let path = environment(variable) { return runnable(FilePath(path)) }
    for directory in (environment("PATH") ?? "").split(separator: ":") {
      if let found = runnable(FilePath(String(directory)).appending(name)) { return found }
    }
    return nil
  }

  /// Finds a program that is installed with this one: the path in an environment variable, else
  /// beside the running program, else beside the library or test bundle that holds this code, else
  /// on `PATH`.
  ///
  /// - Parameters:
  ///   - name: the file's name.
  ///   - variable: the environment variable that may say where it is.
  /// - Returns: nil when there is none that can be run.
  package static func companion(_ name: String, variable: String) -> FilePath? {
    if environment(variable) == nil {
      for binary in [runningProgram, thisImage] {
        if let found = binary.flatMap({ runnable($0.removingLastComponent().appending(name)) }) {
          return found
        }
      }
    }
    return installed(name, variable: variable)
  }

  /// The value of an environment variable, nil when it is not set or empty.
  package static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The path, if there is a program there that may be run.
  static func runnable(_ path: FilePath) -> FilePath? {
    unsafe path.withPlatformString { unsafe access($0, X_OK) } == 0 ? path : nil
  }

  /// Makes an error of this module of one that kept a program from being run.
  ///
  /// - Parameters:
  ///   - program: named in the error.
  ///   - body: starts it.
  /// - Returns: what `body` returns.
  /// - Throws: ``MediaError`` with `toolFailed`, or what `body` throws for another reason.
  static func reporting<Result>(
    _ program: FilePath,
    _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch let error as SubprocessError {
      try Task.checkCancellation()
      throw MediaError(.toolFailed, "\(program) cannot be run: \(error)")
    }
  }

  private static var runningProgram: FilePath? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
      unsafe buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress,
        unsafe readlink("/proc/self/exe", start, Int(PATH_MAX)) > 0
      else { return nil }
      return unsafe FilePath(platformString: start)
    }
  }

  /// The file this code was loaded from: a test bundle when the running program is a test runner.
  private static var thisImage: FilePath? {
    let address = UInt(bitPattern: #dsohandle)
    guard let maps = unsafe fopen("/proc/self/maps", "re") else { return nil }
    defer { unsafe fclose(maps) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { unsafe free(line) }
    while unsafe getline(&line, &capacity, maps) > 0, let text = unsafe line {
      // As in "7f00-7f10 r--p 00000000 08:01 123   /usr/lib/libc.so.6".
      let fields = unsafe String(cString: text)
        .split(maxSplits: 5, omittingEmptySubsequences: true) { $0 == " " || $0 == "\n" }
      let bounds = fields.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
      if bounds.count == 2, address >= bounds[0], address < bounds[1], fields.count == 6 {
        return FilePath(String(fields[5].filter { $0 != "\n" }))
      }
    }
    return nil
  }
}
