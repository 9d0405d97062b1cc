// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A regular file open for reading, with the size that it had when it was opened.
struct InputFile: ~Copyable {
  let path: String
  let byteCount: Int
  private let descriptor: CInt

  /// Opens the file at `path`, following links.
  ///
  /// - Throws: ``SafetensorsError`` with code `notFound` or `inputOutput`.
  init(path: String) throws(SafetensorsError) {
    guard !path.utf8.contains(0) else {
      throw SafetensorsError(.invalidArgument, path: path, "the path holds a zero byte")
    }
    // Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let number = errno
      throw SafetensorsError(
        number == ENOENT ? .notFound : .inputOutput,
        path: path,
        "cannot be opened: \(systemMessage(number))"
      )
    }
    var status = stat()
    let result = unsafe fstat(descriptor, &status)
    guard result == 0, status.st_mode & S_IFMT == S_IFREG else {
      let message = result == 0 ? "is not a regular file" : systemMessage(errno)
      close(descriptor)
      throw SafetensorsError(.inputOutput, path: path, message)
    }
    self.path = path
    self.descriptor = descriptor
    self.byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes in `range`, which lies within the file.
  ///
  /// They are read, not mapped, so that a file which shrinks meanwhile is an error and not a signal.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func read(_ range: Range<Int>) throws(SafetensorsError) -> [UInt8] {
    var failure: CInt?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count, failure == nil {
        let rest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...])
        let got = unsafe pread(descriptor, rest.baseAddress, rest.count, range.lowerBound + count)
        if got > 0 {
          count += got
        } else if got == 0 {
          break
        } else if errno != EINTR {
          failure = errno
        }
      }
    }
    if let failure {
      throw SafetensorsError(.inputOutput, path: path, "cannot be read: \(systemMessage(failure))")
    }
    guard bytes.count == range.count else {
      throw SafetensorsError(.inputOutput, path: path, "became shorter while it was being read")
    }
    return bytes
  }

  /// Maps the whole file, which must not be empty.
  ///
  /// - Throws: ``SafetensorsError`` with code `inputOutput`.
  func map() throws(SafetensorsError) -> FileMapping {
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw SafetensorsError(.inputOutput, path: path, "cannot be mapped: \(systemMessage(errno))")
    }
    return unsafe FileMapping(UnsafeRawBufferPointer(start: address, count: byteCount))
  }
}

/// A whole file as read-only memory, until the value is destroyed.
///
/// The mapping is never written and never moves, which makes sharing it between threads sound.
@safe
struct FileMapping: ~Copyable, @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer

  /// Takes over a mapping, to be undone by `deinit`.
  @unsafe
  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.bytes = unsafe bytes
  }

  deinit {
    unsafe munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }

  /// Calls `body` with the bytes in `range`, which lies within the file.
  func withBytes<Result: ~Copyable, Failure: Error>(
    in range: Range<Int>,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// Tells the system how the pages that hold bytes in `range` will be used.
  ///
  /// The pages at both ends may hold other bytes too. Every page is a clean copy of the file's, so that
  /// losing one costs no more than reading it again. A refusal is of no consequence.
  func advise(_ advice: CInt, in range: Range<Int>) {
    guard !range.isEmpty, let base = unsafe bytes.baseAddress else { return }
    let pageByteCount = sysconf(CInt(_SC_PAGESIZE))
    let start = range.lowerBound / pageByteCount * pageByteCount
    _ = unsafe madvise(
      UnsafeMutableRawPointer(mutating: base + start),
      range.upperBound - start,
      advice
    )
  }
}

/// What the system says about error `number`.
func systemMessage(_ number: CInt) -> String {
  unsafe String(cString: strerror(number))
}
