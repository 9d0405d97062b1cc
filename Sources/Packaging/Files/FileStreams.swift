// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc

/// A file that is read from its beginning to its end.
package struct FileReader: ~Copyable {
  private let descriptor: Int32
  package let path: String

  /// Opens a regular file.
  ///
  /// - Parameter path: The file; symbolic links are followed.
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package init(_ path: String) throws(PackagingError) {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    self.path = path
    guard descriptor >= 0 else {
      throw PackagingError(
        errno == ENOENT ? .notFound : .fileSystem,
        "\(path) cannot be opened: \(systemMessage())"
      )
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw PackagingError(.fileSystem, "\(path) is not a regular file")
    }
  }

  deinit { close(descriptor) }

  /// The next bytes, at most `limit` of them; none at the end.
  ///
  /// - Parameter limit: The most bytes.
  /// - Returns: The bytes.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package mutating func next(_ limit: Int = 1 << 20) throws(PackagingError) -> [UInt8] {
    var count = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
      while true {
        count = unsafe read(descriptor, buffer.baseAddress, limit)
        guard count < 0, errno == EINTR else { break }
      }
      filled = max(count, 0)
    }
    guard count >= 0 else {
      throw PackagingError(.fileSystem, "\(path) cannot be read: \(systemMessage())")
    }
    return bytes
  }

  /// Exactly as many bytes as are asked for.
  ///
  /// - Parameter count: How many.
  /// - Returns: The bytes.
  /// - Throws: ``PackagingError`` with `damaged` if the file ends first; `fileSystem`.
  package mutating func exactly(_ count: Int) throws(PackagingError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try next(count - bytes.count)
      guard !more.isEmpty else {
        throw PackagingError(.damaged, "\(path) ends too early: it was cut off on its way")
      }
      bytes += more
    }
    return bytes
  }
}

/// What bytes are written to.
package protocol ByteSink {
  /// Takes more bytes.
  ///
  /// - Parameter bytes: The bytes.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  mutating func write(_ bytes: [UInt8]) throws(PackagingError)
}

/// A file that is written under a name of its own, and takes its place when it is whole.
///
/// One that is let go before that is gone.
package struct FileWriter: ~Copyable {
  /// Where bytes go meanwhile.
  package struct Sink: ByteSink {
    fileprivate let descriptor: Int32
    fileprivate let path: String

    package mutating func write(_ bytes: [UInt8]) throws(PackagingError) {
      var done = 0
      while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
          unsafe Glibc.write(
            descriptor,
            buffer.baseAddress.map { unsafe $0 + done },
            buffer.count - done
          )
        }
        guard count >= 0 || errno == EINTR else {
          throw PackagingError(.fileSystem, "\(path) cannot be written: \(systemMessage())")
        }
        done += max(count, 0)
      }
    }
  }

  package var sink: Sink
  private let temporary: String
  private var isFinished = false

  /// - Parameters:
  ///   - path: Where the file is to be in the end; its folder exists.
  ///   - mode: Who may read and write it.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package init(_ path: String, mode: UInt32 = 0o644) throws(PackagingError) {
    temporary = "\(path).\(getpid())-\(UInt32.random(in: .min ... .max)).part"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw PackagingError(.fileSystem, "\(path) cannot be written: \(systemMessage())")
    }
    sink = Sink(descriptor: descriptor, path: path)
  }

  deinit {
    close(sink.descriptor)
    if !isFinished { unsafe unlink(temporary) }
  }

  /// Puts the file in its place, over one that may be there.
  ///
  /// - Parameter path: Another place than the first, in the same file system; nil for that one.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  package mutating func finish(as path: String? = nil) throws(PackagingError) {
    let path = path ?? sink.path
    guard unsafe rename(temporary, path) == 0 else {
      throw PackagingError(.fileSystem, "\(path) cannot be written: \(systemMessage())")
    }
    isFinished = true
  }
}

/// Bytes in memory.
package struct MemorySink: ByteSink {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func write(_ bytes: [UInt8]) throws(PackagingError) { self.bytes += bytes }
}

/// What the last failed call of the system says.
func systemMessage() -> String { unsafe String(cString: strerror(errno)) }
