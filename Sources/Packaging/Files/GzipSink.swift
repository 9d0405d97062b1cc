// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CZlib

/// Compresses what it is given, as gzip does, without the time and name that gzip would put in.
///
/// The same bytes and the same zlib give the same result. The stream is this object's own, and goes
/// with it.
@safe
final class GzipSink<Sink: ByteSink> {
  private(set) var sink: Sink
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Parameter sink: What the compressed bytes go to.
  /// - Throws: ``PackagingError`` with `fileSystem` if there is no memory for it.
  init(_ sink: Sink) throws(PackagingError) {
    self.sink = sink
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe czlib_begin(stream, 6) == Z_OK else {
      throw PackagingError(.fileSystem, "there is no memory to compress with")
    }
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  func write(_ bytes: [UInt8]) throws(PackagingError) {
    if !bytes.isEmpty { try deflate(bytes, Z_NO_FLUSH) }
  }

  /// Writes what is still held back, and gzip's checksum.
  ///
  /// - Throws: What the sink throws.
  func finish() throws(PackagingError) { try deflate([], Z_FINISH) }

  private func deflate(_ bytes: [UInt8], _ flush: Int32) throws(PackagingError) {
    var input = bytes
    let size = 1 << 18
    var consumed = 0
    while true {
      var status = Z_OK
      let output = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
        unsafe input.withUnsafeMutableBufferPointer { input in
          unsafe stream.pointee.next_in = input.baseAddress.map { unsafe $0 + consumed }
          unsafe stream.pointee.avail_in = UInt32(input.count - consumed)
          unsafe stream.pointee.next_out = output.baseAddress
          unsafe stream.pointee.avail_out = UInt32(size)
          status = unsafe CZlib.deflate(stream, flush)
          consumed = unsafe input.count - Int(stream.pointee.avail_in)
        }
        count = unsafe size - Int(stream.pointee.avail_out)
      }
      if !output.isEmpty { try sink.write(output) }
      // A buffer that was not filled shows that nothing is held back that should come now.
      if output.count < size, flush == Z_NO_FLUSH || status == Z_STREAM_END { return }
    }
  }
}
