// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A directory of one request's own, for what it uploads and what is made for it.
///
/// It is made when it is first asked for: many requests need none.
final class RequestDirectory: Sendable {
  private let template: String
  private let made = Mutex<String?>(nil)

  /// Plans a directory.
  ///
  /// - Parameters:
  ///   - parent: Where it goes.
  ///   - prefix: What its name begins with.
  init(under parent: String, prefix: String) { template = "\(parent)/\(prefix)-XXXXXX" }

  /// Has a directory while `body` runs and removes it with all its content, however `body` ends.
  ///
  /// - Throws: What `body` throws.
  static func with<Value>(
    under parent: String,
    prefix: String,
    _ body: (RequestDirectory) async throws -> Value
  ) async throws -> Value {
    let directory = RequestDirectory(under: parent, prefix: prefix)
    defer { directory.remove() }
    return try await body(directory)
  }

  /// The path, without a slash at its end.
  var path: String {
    get throws(ServingError) {
      try made.withLock { made throws(ServingError) in
        if let made { return made }
        var bytes = Array(template.utf8CString)
        guard unsafe mkdtemp(&bytes) != nil else {
          throw fileError("cannot make a directory \(template)")
        }
        let path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        made = path
        return path
      }
    }
  }

  /// Removes the directory with all its content.
  func remove() {
    guard let path = made.withLock({ $0 }) else { return }
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Gives a file of another directory a second name here, so that either directory may go.
  ///
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  func adopt(_ file: UploadedFile) throws(ServingError) -> UploadedFile {
    let name = file.path.split(separator: "/").last.map(String.init) ?? "file"
    let target = try "\(path)/\(name)"
    guard unsafe link(file.path, target) == 0 else { throw fileError("cannot link \(target)") }
    return UploadedFile(path: target, byteCount: file.byteCount)
  }
}

/// A file that is being written as its bytes arrive.
final class SpoolFile: Sendable {
  private let path: String
  private let descriptor: Int32
  private let byteCount = Atomic(0)

  /// Creates the file.
  ///
  /// - Parameters:
  ///   - directory: Where it goes.
  ///   - name: Its name there: a field's, never the client's.
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  init(in directory: RequestDirectory, name: String) throws(ServingError) {
    path = try "\(directory.path)/\(name)"
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fileError("cannot create \(path)") }
  }

  deinit { close(descriptor) }

  /// Appends bytes; returns when they are written, so that a slow disk slows the upload.
  ///
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`;
  ///   `CancellationError`.
  func write(_ bytes: ByteBuffer) async throws {
    try await NIOThreadPool.singleton.runIfActive { [self] in
      var rest = bytes
      while rest.readableBytes > 0 {
        let count = unsafe rest.withUnsafeReadableBytes { bytes in
          unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw fileError("cannot write \(path)") }
        rest.moveReaderIndex(forwardBy: count)
        byteCount.add(count, ordering: .relaxed)
      }
    }
  }

  /// What was written.
  func finished() -> UploadedFile {
    UploadedFile(path: path, byteCount: byteCount.load(ordering: .relaxed))
  }
}

/// An open file that is read from any place; it can be read after its name is gone.
final class OpenFile: Sendable {
  /// The size when it was opened, in bytes.
  let byteCount: Int
  /// A strong entity tag: another file, or the same one written to, has another.
  let entityTag: String
  private let descriptor: Int32

  /// Opens a file for reading.
  ///
  /// - Throws: ``ServingError`` with code `internalFault`.
  init(_ path: String) throws(ServingError) {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fileError("cannot open \(path)") }
    var facts = stat()
    let result = unsafe fstat(descriptor, &facts)
    byteCount = Int(facts.st_size)
    let changed = facts.st_mtim
    let parts = [Int(facts.st_ino), byteCount, changed.tv_sec, changed.tv_nsec]
    entityTag = "\"\(parts.map { String($0, radix: 16) }.joined(separator: "-"))\""
    guard result == 0 else { throw fileError("cannot find the size of \(path)") }
  }

  deinit { close(descriptor) }

  /// Reads up to `count` bytes from `offset`.
  ///
  /// - Throws: ``ServingError`` with code `internalFault`, also where the file ends;
  ///   `CancellationError`.
  func read(from offset: Int, count: Int) async throws -> ByteBuffer {
    try await NIOThreadPool.singleton.runIfActive { [self] in
      var buffer = ByteBuffer()
      var result = 0
      while true {
        let got = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
          let limit = min(count, bytes.count)
          result = unsafe pread(descriptor, bytes.baseAddress, limit, off_t(offset))
          return max(0, result)
        }
        if got > 0 { return buffer }
        guard result < 0, errno == EINTR else {
          throw fileError("cannot read a file that is being sent")
        }
      }
    }
  }
}

/// The error for a file operation that has just failed, from `errno`.
private func fileError(_ message: String) -> ServingError {
  let reason = errno
  if reason == ENOSPC || reason == EDQUOT {
    return ServingError(.insufficientStorage, "the disk of the server is full: try again later")
  }
  let text = unsafe String(cString: strerror(reason))
  return ServingError(.internalFault, "\(message): \(text)")
}
