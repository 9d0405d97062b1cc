// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Glibc

/// Keeps on disk what takes long to compile: our kernels, and cuDNN's plans.
///
/// A file's name is a hash of its key: all that decides its content, as source, options (which name the
/// architecture) and the compiler's version. Its content begins with that hash, so that half a file or
/// another's is compiled anew rather than run.
package struct CompilationCache: Sendable {
  /// The folder; none to keep nothing.
  package let folder: String?

  package init(folder: String?) { self.folder = folder }

  /// `zoetrope/kernels` under `XDG_CACHE_HOME`, by default `~/.cache`.
  package static let standard: CompilationCache = {
    func variable(_ name: String) -> String? {
      unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let root = variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }
    return CompilationCache(folder: root.map { $0 + "/zoetrope/kernels" })
  }()

  /// Machine code, from the folder or the compiler.
  ///
  /// - Parameters:
  ///   - source: CUDA C++ that includes nothing.
  ///   - name: What to call it.
  ///   - options: The compiler's options.
  ///   - compiler: The compiler.
  /// - Returns: Machine code.
  /// - Throws: `CUDAError` if the source does not compile; a folder that cannot be written is no
  ///   failure.
  package func machineCode(
    of source: String,
    name: String,
    options: [String],
    _ compiler: Compiler
  ) throws(CUDAError) -> [UInt8] {
    let key = [try compiler.version, options.joined(separator: " "), source]
      .joined(separator: "\n")
    let kept = content(key, name: name, kind: "cubin")
    if let kept { return kept }
    let code = try compiler.machineCode(of: source, name: name, options: options)
    keep(code, key, name: name, kind: "cubin")
    return code
  }

  /// What was kept for a key; none if there is nothing, or nothing whole.
  func content(_ key: String, name: String, kind: String) -> [UInt8]? {
    guard let path = path(key, name, kind),
      let data = try? Data(contentsOf: URL(filePath: path))
    else { return nil }
    let head = Self.head(key)
    guard data.starts(with: head), data.count > head.count + 8 else { return nil }
    let body = [UInt8](data.dropFirst(head.count + 8))
    let sum = UInt64(littleEndianBytes: data.dropFirst(head.count).prefix(8))
    return Self.hash(body) == sum ? body : nil
  }

  /// Keeps content for a key; a folder that cannot be written is no failure.
  func keep(_ content: [UInt8], _ key: String, name: String, kind: String) {
    guard let folder, let path = path(key, name, kind) else { return }
    let sum = Self.hash(content)
    let sumBytes = (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) }
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // Atomic: a reader sees the whole file or none.
    try? Data(Self.head(key) + sumBytes + content).write(to: URL(filePath: path), options: .atomic)
  }

  /// Whether anything can be kept: the folder may be read-only, or nobody's.
  func canKeep() -> Bool {
    guard let folder else { return false }
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return FileManager.default.isWritableFile(atPath: folder)
  }

  private func path(_ key: String, _ name: String, _ kind: String) -> String? {
    folder.map { "\($0)/\(name)-\(Self.hash(key)).\(kind)" }
  }

  private static func head(_ key: String) -> [UInt8] {
    Array("\(hash(key)) \(key.utf8.count)\n".utf8)
  }

  private static func hash(_ text: String) -> String {
    String(hash(Array(text.utf8)), radix: 16)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

extension UInt64 {
  fileprivate init(littleEndianBytes bytes: some Sequence<UInt8>) {
    self = bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
  }
}
