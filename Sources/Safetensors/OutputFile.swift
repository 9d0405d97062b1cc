// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file in the making, under a temporary name in the folder of its destination.
///
/// Unless ``publish()`` is reached, nothing of it is left.
final class OutputFile {
  /// The path that the file is to have.
  let path: String
  private let temporaryPath: String
  private let descriptor: CInt
  private var isOpen = true
  private var isPublished = false

  /// Creates an empty file, to be called `path` in the end.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`, or `invalidArgument` for a path that names
  ///   no file.
  init(path: String) throws(SafetensorsError) {
    let folder = folderPath(of: path)
    let name = String(path.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
    guard !name.isEmpty, !path.utf8.contains(0) else {
      throw SafetensorsError(.invalidArgument, path: path, "the path does not name a file")
    }
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    let temporaryPath = pathJoining(folder, ".\(name).\(suffix).tmp")
    let descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw SafetensorsError(.inputOutput, path: path, "cannot be created: \(systemMessage(errno))")
    }
    self.path = path
    self.temporaryPath = temporaryPath
    self.descriptor = descriptor
  }

  deinit {
    if isOpen { close(descriptor) }
    if !isPublished { unsafe unlink(temporaryPath) }
  }

  /// Writes all of `bytes` at the end of the file.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SafetensorsError) {
    var written = 0
    while written < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = unsafe write(descriptor, rest.baseAddress, rest.count)
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw failure(errno)
      }
    }
  }

  /// Writes all of `bytes` at the end of the file.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func append(_ bytes: [UInt8]) throws(SafetensorsError) {
    try unsafe bytes.span.withUnsafeBytes { buffer throws(SafetensorsError) in
      try unsafe append(buffer)
    }
  }

  /// Waits until the file's content is on the disk; nothing can be appended afterwards.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func finish() throws(SafetensorsError) {
    if fsync(descriptor) != 0 { throw failure(errno) }
    isOpen = false
    // Network file systems may report a failed write no sooner than here.
    if close(descriptor) != 0, errno != EINTR { throw failure(errno) }
  }

  /// Gives the finished file its name, replacing a file that has it.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func publish() throws(SafetensorsError) {
    if unsafe rename(temporaryPath, path) != 0 { throw failure(errno) }
    isPublished = true
  }

  private func failure(_ number: CInt) -> SafetensorsError {
    SafetensorsError(.inputOutput, path: path, "cannot be written: \(systemMessage(number))")
  }
}

/// The folder of the file at `path`.
func folderPath(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Waits until the names in the folder at `path` are on the disk.
///
/// - Throws: ``SafetensorsError`` with code `inputOutput`.
func synchronizeFolder(_ path: String) throws(SafetensorsError) {
  let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  let result = descriptor >= 0 ? fsync(descriptor) : -1
  let number = errno
  if descriptor >= 0 { close(descriptor) }
  // Some file systems cannot synchronise a folder and say EINVAL.
  if result != 0, number != EINVAL {
    throw SafetensorsError(
      .inputOutput,
      path: path,
      "cannot be synchronised: \(systemMessage(number))"
    )
  }
}
