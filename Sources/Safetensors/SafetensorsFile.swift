// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One safetensors file, mapped into memory for reading.
///
/// The header is read and checked at once, so that every entry can be trusted; the data are read by the
/// system when they are touched. The size is taken when the file is opened. A file that somebody
/// truncates *afterwards* raises SIGBUS when its lost bytes are touched, as any mapped file does:
/// replace checkpoints by renaming, never in place.
public final class SafetensorsFile: Sendable {
  /// The path given to ``init(path:)``.
  public let path: String
  /// Text about the file, from the header's `__metadata__`.
  public let metadata: [String: String]
  /// The tensors by name.
  public let entries: [String: TensorEntry]
  /// The tensors' names in the order in which their bytes lie in the file.
  public let names: [String]
  /// The tensors' size in bytes, together.
  public let totalByteCount: Int

  private let mapping: FileMapping

  /// Maps the file at `path` and checks its header.
  ///
  /// - Parameter path: A file; links are followed.
  /// - Throws: ``SafetensorsError`` with code `notFound` or `inputOutput` where the file cannot be read,
  ///   `malformedFile` where it breaks the format, and `unsupportedElementType` where it holds elements
  ///   that ``ElementType`` does not list.
  public init(path: String) throws(SafetensorsError) {
    let file = try InputFile(path: path)
    let bytes = try Self.readHeader(of: file)
    let header = try SafetensorsHeader(bytes, path: path, fileByteCount: file.byteCount)
    self.path = path
    metadata = header.metadata
    names = header.entries.map(\.name)
    entries = Dictionary(
      header.entries.map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    totalByteCount = file.byteCount - SafetensorsHeader.prefixByteCount - bytes.count
    mapping = try file.map()
  }

  private static func readHeader(of file: borrowing InputFile) throws(SafetensorsError) -> [UInt8] {
    let prefixByteCount = SafetensorsHeader.prefixByteCount
    guard file.byteCount >= prefixByteCount else {
      throw SafetensorsError(
        .malformedFile,
        path: file.path,
        file.byteCount == 0
          ? "the file is empty; fetch it again"
          : "the file has \(file.byteCount) bytes, too few for the length of a header"
      )
    }
    let prefix = try file.read(0..<prefixByteCount)
    if prefix.elementsEqual("version ".utf8) {
      throw SafetensorsError(
        .malformedFile,
        path: file.path,
        "the file is a Git LFS pointer, not the data it stands for; run `git lfs pull`"
      )
    }
    let length = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(SafetensorsHeader.byteLimit) else {
      throw SafetensorsError(
        .malformedFile,
        path: file.path,
        "the header would be \(length) bytes long, and \(SafetensorsHeader.byteLimit) are allowed; "
          + "is this a safetensors file?"
      )
    }
    guard length <= UInt64(file.byteCount - prefixByteCount) else {
      throw SafetensorsError(
        .malformedFile,
        path: file.path,
        "the header would be \(length) bytes long, beyond the end of the file; "
          + "the file may be incomplete: fetch it again"
      )
    }
    return try file.read(prefixByteCount..<prefixByteCount + Int(length))
  }

  /// Calls `body` with the bytes of a tensor, little endian and row-major.
  ///
  /// The pointer is valid only during the call. It need not be aligned to the element's size.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - body: Reads the bytes; touching them may wait for the disk.
  /// - Returns: What `body` returns, or `nil`, without calling it, if there is no such tensor.
  /// - Throws: What `body` throws, and nothing else.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    of name: String,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let entry = entries[name] else { return nil }
    return try unsafe mapping.withBytes(in: entry.byteRange, body)
  }

  /// Gives back the memory that a tensor's pages take, because its data have been copied elsewhere.
  ///
  /// The tensor stays readable: its pages are read again when they are touched.
  ///
  /// - Parameter name: The tensor's name; an unknown one does nothing.
  public func discardPages(of name: String) {
    advise(MADV_DONTNEED, name)
  }

  /// Asks the system to begin reading a tensor's pages, without waiting for them.
  ///
  /// - Parameter name: The tensor's name; an unknown one does nothing.
  public func willNeed(_ name: String) {
    advise(MADV_WILLNEED, name)
  }

  private func advise(_ advice: CInt, _ name: String) {
    guard let entry = entries[name] else { return }
    mapping.advise(advice, in: entry.byteRange)
  }
}
