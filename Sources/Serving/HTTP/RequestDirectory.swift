// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CLinux
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A directory of one request's own, for what it uploads and what is made for it.
///
/// It is made when it is first asked for: many requests need none.
final class RequestDirectory: Sendable {
  private enum State {
    case planned
    case made(String)
    case removed(String)
  }

  private let scratch: ScratchDirectory
  private let state = Mutex(State.planned)

  /// Plans a directory.
  ///
  /// - Parameter scratch: Where it goes.
  init(in scratch: ScratchDirectory) { self.scratch = scratch }

  /// The path, without a slash at its end.
  var path: String {
    get throws(ServingError) {
      try state.withLock { state throws(ServingError) in
        switch state {
        case .made(let path), .removed(let path): return path
        case .planned:
          let path = try scratch.enter()
          state = .made(path)
          return path
        }
      }
    }
  }

  /// Removes the directory with all its content.
  func remove() {
    let path: String? = state.withLock { state in
      guard case .made(let path) = state else { return nil }
      state = .removed(path)
      return path
    }
    if let path { scratch.leave(path) }
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
///
/// They are gathered, since handing them to a thread that may wait for the disk costs more than writing
/// them does.
final class SpoolFile {
  /// Closed when nobody writes any more.
  private final class Target: Sendable {
    let path: String
    let descriptor: Int32

    init(_ path: String) throws(ServingError) {
      self.path = path
      descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw fileError("cannot create \(path)") }
    }

    deinit { close(descriptor) }
  }

  private let target: Target
  private var byteCount = 0
  private var gathered = ByteBuffer()

  /// Creates the file.
  ///
  /// - Parameters:
  ///   - directory: Where it goes.
  ///   - name: Its name there: a field's, never the client's.
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  init(in directory: RequestDirectory, name: String) throws(ServingError) {
    target = try Target("\(directory.path)/\(name)")
  }

  /// Appends bytes; where it has to write, it returns when that is done, so that a slow disk slows the
  /// upload.
  ///
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`;
  ///   `CancellationError`.
  func append(_ bytes: ByteBuffer) async throws {
    byteCount += bytes.readableBytes
    let most = CrowdMemory.shared.pieceByteCount
    guard gathered.readableBytes + bytes.readableBytes > most else {
      gathered.writeImmutableBuffer(bytes)
      return
    }
    try await write([gathered, bytes])
    gathered.clear()
  }

  /// Writes what is left.
  ///
  /// - Returns: The file.
  /// - Throws: As ``append(_:)``.
  func finished() async throws -> UploadedFile {
    try await write([gathered])
    return UploadedFile(path: target.path, byteCount: byteCount)
  }

  private func write(_ pieces: [ByteBuffer]) async throws {
    try await NIOThreadPool.singleton.runIfActive { [target] in
      for var rest in pieces {
        while rest.readableBytes > 0 {
          let count = unsafe rest.withUnsafeReadableBytes { bytes in
            unsafe Glibc.write(target.descriptor, bytes.baseAddress, bytes.count)
          }
          if count < 0 && errno == EINTR { continue }
          guard count > 0 else { throw fileError("cannot write \(target.path)") }
          rest.moveReaderIndex(forwardBy: count)
        }
      }
    }
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
    // What the system has in memory, as it has what was just written, need not be waited for.
    if let bytes = try read(from: offset, count: count, waiting: false) { return bytes }
    return try await NIOThreadPool.singleton.runIfActive { [self] in
      guard let bytes = try read(from: offset, count: count, waiting: true) else {
        throw fileError("cannot read a file that is being sent")
      }
      return bytes
    }
  }

  /// - Returns: nil if the bytes could not be had in this way.
  private func read(from offset: Int, count: Int, waiting waits: Bool) throws -> ByteBuffer? {
    var buffer = ByteBuffer()
    while true {
      var result = 0
      let got = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
        let limit = min(count, bytes.count)
        result =
          unsafe waits
          ? pread(descriptor, bytes.baseAddress, limit, off_t(offset))
          : read_without_waiting(descriptor, bytes.baseAddress, limit, Int64(offset))
        return max(0, result)
      }
      if got > 0 { return buffer }
      if result < 0, errno == EINTR { continue }
      guard result < 0, !waits else {
        throw fileError("cannot read a file that is being sent")
      }
      return nil
    }
  }
}

/// The error for a file operation that has just failed, from `errno`.
func fileError(_ message: String) -> ServingError {
  let reason = errno
  if reason == ENOSPC || reason == EDQUOT {
    return ServingError(.insufficientStorage, "the disk of the server is full: try again later")
  }
  let text = unsafe String(cString: strerror(reason))
  return ServingError(.internalFault, "\(message): \(text)")
}
