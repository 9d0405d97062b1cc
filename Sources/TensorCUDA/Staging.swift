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
  private final class Buffer: Sendable {
    let memory: PinnedMemory
    /// Behind the last copy from the buffer.
    private let mark = Mutex<Mark?>(nil)

    init(_ device: Device) throws(CUDAError) {
      memory = try PinnedMemory(Staging.bufferBytes, device)
    }

    func waitUntilFree() throws(CUDAError) {
      if let last = mark.withLock(\.self) { try last.event.wait() }
    }

    func copying(_ mark: Mark) { self.mark.withLock { $0 = mark } }
  }

  private final class Mark: @unchecked Sendable {
    // Recorded once, here; the driver lets any thread wait for it.
    let event: Event
    init(_ device: Device) throws(CUDAError) { event = try Event(device) }
  }

  private static let bufferBytes = 32 << 20
  private static let threads = 4
  private let device: Device
  private let buffers = Mutex<[Buffer]>([])

  init(_ device: Device) { self.device = device }

  /// Copies bytes to the GPU; they may be reused once this returns.
  func copy(_ bytes: UnsafeRawBufferPointer, to address: UInt64) throws(CUDAError) {
    // A small array is gone before pinned memory would pay.
    guard bytes.count >= 1 << 20 else { return unsafe try device.copyIn(bytes, to: address) }
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, Self.bufferBytes)
      let buffer = try nextBuffer()
      try buffer.waitUntilFree()
      unsafe Self.fill(
        buffer.memory.bytes,
        from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
      )
      unsafe try device.copyIn(
        UnsafeRawBufferPointer(rebasing: buffer.memory.bytes[..<count]),
        to: address + UInt64(start)
      )
      buffer.copying(try Mark(device))
      start += count
    }
  }

  /// The buffer that was used longest ago.
  private func nextBuffer() throws(CUDAError) -> Buffer {
    if let buffer = buffers.withLock({ $0.count < 2 ? nil : $0.removeFirst() }) {
      buffers.withLock { $0.append(buffer) }
      return buffer
    }
    let made = try Buffer(device)
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
