// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Glibc

/// Keeps compiled kernels on disk, so that a source is compiled once for each kind of GPU.
///
/// A file's name is a hash of all that decides its content: source, options (which name the
/// architecture) and the compiler's version. Its content begins with the same text, so that even a
/// collision or half a file is recompiled rather than run.
package struct KernelCache: Sendable {
  /// The folder; none to keep nothing.
  package let folder: String?

  package init(folder: String?) { self.folder = folder }

  /// `zoetrope/kernels` under `XDG_CACHE_HOME`, by default `~/.cache`.
  package static let standard: KernelCache = {
    func variable(_ name: String) -> String? {
      unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let root = variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }
    return KernelCache(folder: root.map { $0 + "/zoetrope/kernels" })
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
    guard let folder else {
      return try compiler.machineCode(of: source, name: name, options: options)
    }
    let head = Array("\(Self.hash(key)) \(key.utf8.count)\n".utf8)
    let path = "\(folder)/\(name)-\(Self.hash(key)).cubin"
    if let data = try? Data(contentsOf: URL(filePath: path)), data.starts(with: head),
      data.count > head.count + 8
    {
      let body = [UInt8](data.dropFirst(head.count + 8))
      if Self.hash(body) == UInt64(littleEndianBytes: data.dropFirst(head.count).prefix(8)) {
        return body
      }
    }
    let code = try compiler.machineCode(of: source, name: name, options: options)
    let hash = Self.hash(code)
    let content = head + (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) } + code
    try? FileManager.default.createDirectory(
      atPath: folder,
      withIntermediateDirectories: true
    )
    // Atomic: a reader sees the whole file or none.
    try? Data(content).write(to: URL(filePath: path), options: .atomic)
    return code
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
