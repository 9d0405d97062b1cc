// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
internal import Synchronization

/// A file in the making, of which any part may be there already.
///
/// It is as long as the file will be, and then come 16 bytes (a mark and the size of a piece) and 8
/// bytes for each piece that tell how much of it has come, all little-endian. What has come is written
/// before it is counted, so that a process which is killed has lost nothing but what was on its way.
/// Without these counts the file is whole, and only its name is still to be given.
package final class PartialFile: Sendable {
  /// Where it is.
  let path: String
  /// How many bytes the file will have.
  let size: Int
  /// How many bytes a piece has, but for the last.
  let pieceSize: Int
  /// How many bytes had come when it was opened.
  let countAtOpening: Int

  private let descriptor: Int32
  private let received: Mutex<[Int]>
  private static let mark: UInt64 = 0x3153_4543_4549_505A

  /// Opens a file to go on with it, or begins it.
  ///
  /// - Parameters:
  ///   - path: Where it is; its folder exists. Nobody else writes to it.
  ///   - size: How many bytes the file will have.
  ///   - pieceSize: How many bytes a piece has in a file that is begun.
  /// - Throws: ``HubError`` with code `fileSystem` or `diskFull`.
  init(_ path: String, size: Int, pieceSize: Int) throws(HubError) {
    self.path = path
    self.size = size
    let kept = Self.kept(path, size: size)
    self.pieceSize = kept?.pieceSize ?? pieceSize
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Files.failure("\(path) cannot be written") }
    let count = Self.pieceCount(size, self.pieceSize)
    received = Mutex(kept?.received ?? Array(repeating: 0, count: count))
    countAtOpening = kept?.received.reduce(0, +) ?? 0
    guard kept == nil else { return }
    // What was there is of another kind.
    var head: [UInt64] = [Self.mark, UInt64(pieceSize)] + Array(repeating: 0, count: count)
    for index in head.indices { head[index] = head[index].littleEndian }
    let isWritten = unsafe head.withUnsafeBytes { bytes in
      unsafe ftruncate(descriptor, 0) == 0 && ftruncate(descriptor, size) == 0
        && pwrite(descriptor, bytes.baseAddress, bytes.count, size) == bytes.count
    }
    guard isWritten else {
      let error = Files.failure("\(path) cannot be written")
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  private static func pieceCount(_ size: Int, _ pieceSize: Int) -> Int {
    (size + pieceSize - 1) / pieceSize
  }

  /// What has come of a file; nil if that is not known.
  private static func kept(_ path: String, size: Int) -> (pieceSize: Int, received: [Int])? {
    guard let whole = Files.size(path), whole >= size else { return nil }
    guard whole > size else { return (max(size, 1), size > 0 ? [size] : []) }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var words = [UInt64](repeating: 0, count: min((whole - size) / 8, 1 << 24))
    let count = unsafe words.withUnsafeMutableBytes { bytes in
      unsafe pread(descriptor, bytes.baseAddress, bytes.count, size)
    }
    guard count == words.count * 8, words.count >= 2, UInt64(littleEndian: words[0]) == mark,
      let pieceSize = Int(exactly: UInt64(littleEndian: words[1])), pieceSize > 0,
      words.count == 2 + pieceCount(size, pieceSize), whole == size + words.count * 8
    else { return nil }
    var received: [Int] = []
    for (index, word) in words.dropFirst(2).enumerated() {
      guard let count = Int(exactly: UInt64(littleEndian: word)),
        count <= min(pieceSize, size - index * pieceSize)
      else { return nil }
      received.append(count)
    }
    return (pieceSize, received)
  }

  /// Which bytes of a partial file have come.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - size: How many bytes the file will have.
  /// - Returns: Ranges in order, none of them empty.
  package static func ranges(_ path: String, size: Int) -> [Range<Int>] {
    guard let kept = kept(path, size: size) else { return [] }
    return kept.received.enumerated().filter { $0.element > 0 }.map { index, count in
      index * kept.pieceSize..<index * kept.pieceSize + count
    }
  }

  /// How many pieces there are.
  var pieceCount: Int { Self.pieceCount(size, pieceSize) }

  /// What is missing of a piece; empty if nothing is.
  func missing(_ piece: Int) -> Range<Int> {
    let start = piece * pieceSize
    let end = min(start + pieceSize, size)
    return start + received.withLock { $0[piece] }..<end
  }

  /// How many bytes have come.
  var count: Int { received.withLock { $0.reduce(0, +) } }

  /// Writes bytes that follow what has come of their piece.
  ///
  /// - Parameters:
  ///   - bytes: The bytes; they may reach into pieces of which nothing has come.
  ///   - offset: Where in the file they belong.
  /// - Throws: ``HubError`` with code `fileSystem` or `diskFull`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(HubError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe pwrite(
        descriptor,
        bytes.baseAddress.map { unsafe $0 + done },
        bytes.count - done,
        offset + done
      )
      guard count >= 0 || errno == EINTR else {
        throw Files.failure("\(path) cannot be written")
      }
      done += max(count, 0)
    }
    var start = offset
    while start < offset + bytes.count {
      let piece = start / pieceSize
      let end = min((piece + 1) * pieceSize, offset + bytes.count)
      try note(end - piece * pieceSize, of: piece)
      start = end
    }
  }

  private func note(_ count: Int, of piece: Int) throws(HubError) {
    received.withLock { $0[piece] = count }
    var word = UInt64(count).littleEndian
    let isWritten = unsafe withUnsafeBytes(of: &word) { bytes in
      unsafe pwrite(descriptor, bytes.baseAddress, 8, size + 16 + piece * 8) == 8
    }
    guard isWritten else { throw Files.failure("\(path) cannot be written") }
  }

  /// Gives bytes that have come to a hash, in order.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  func hash(_ range: Range<Int>, into hasher: inout ContentHasher) throws(HubError) {
    var buffer = [UInt8](repeating: 0, count: min(range.count, 1 << 20))
    var offset = range.lowerBound
    while offset < range.upperBound {
      let wanted = min(buffer.count, range.upperBound - offset)
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        let count = unsafe pread(descriptor, bytes.baseAddress, wanted, offset)
        if count > 0 { unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        return count
      }
      guard count > 0 || (count < 0 && errno == EINTR) else {
        throw Files.failure("\(path) cannot be read")
      }
      offset += max(count, 0)
    }
  }

  /// Makes the whole file durable and gives it its name.
  ///
  /// - Throws: ``HubError`` with code `fileSystem` or `diskFull`.
  func finish(as name: String) throws(HubError) {
    guard ftruncate(descriptor, size) == 0, fdatasync(descriptor) == 0,
      unsafe rename(path, name) == 0
    else { throw Files.failure("\(name) cannot be written") }
  }
}
