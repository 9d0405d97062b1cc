// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import Dispatch
internal import Synchronization

/// The way of large arrays to the GPU: pinned memory, filled by several threads while the GPU fetches
/// what was filled before.
///
/// The pages of a mapped file are read by whoever touches them first; several threads keep a disk, or
/// the memory behind the page cache, busier than one.
final class Staging: Sendable {
  private static let bufferBytes = 32 << 20
  private static let threads = 4
  private let device: Device
  private let buffers = Mutex<[PinnedBuffer]>([])

  init(_ device: Device) { self.device = device }

  /// Copies bytes to the GPU; they may be reused once this returns.
  func copy(_ bytes: UnsafeRawBufferPointer, to address: UInt64) throws(CUDAError) {
    // A small array is gone before pinned memory would pay.
    guard bytes.count >= 1 << 20 else { return unsafe try device.copyIn(bytes, to: address) }
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, Self.bufferBytes)
      let buffer = try nextBuffer()
      try buffer.wait()
      unsafe Self.fill(
        buffer.bytes,
        from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
      )
      unsafe try device.copyIn(
        UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]),
        to: address + UInt64(start)
      )
      try buffer.mark()
      start += count
    }
  }

  /// The buffer that was used longest ago.
  private func nextBuffer() throws(CUDAError) -> PinnedBuffer {
    if let buffer = buffers.withLock({ $0.count < 2 ? nil : $0.removeFirst() }) {
      buffers.withLock { $0.append(buffer) }
      return buffer
    }
    let made = try PinnedBuffer(Self.bufferBytes, device)
    buffers.withLock { $0.append(made) }
    return made
  }

  private static func fill(
    _ target: UnsafeMutableRawBufferPointer,
    from source: UnsafeRawBufferPointer
  ) {
    // Each thread copies a part of its own between two buffers that outlive the call.
    nonisolated(unsafe) let target = unsafe target
    nonisolated(unsafe) let source = unsafe source
    let part = unsafe (source.count + threads - 1) / threads
    DispatchQueue.concurrentPerform(iterations: threads) { index in
      let range = unsafe min(index * part, source.count)..<min((index + 1) * part, source.count)
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[range])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
    }
  }
}
