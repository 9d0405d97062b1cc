// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import Synchronization

/// Pinned memory through which host and GPU hand bytes to each other, one after the other.
final class PinnedBuffer: Sendable {
  private final class Mark: Sendable {
    let event: Event
    init(_ device: Device) throws(CUDAError) { event = try Event(device) }
  }

  let byteCount: Int
  private let memory: PinnedMemory
  private let device: Device
  /// Behind the last copy from or to the buffer.
  private let last = Mutex<Mark?>(nil)

  init(_ byteCount: Int, _ device: Device) throws(CUDAError) {
    memory = try PinnedMemory(byteCount, device)
    self.byteCount = byteCount
    self.device = device
  }

  var bytes: UnsafeMutableRawBufferPointer { unsafe memory.bytes }

  /// Puts a mark behind the copy that was just asked for.
  func mark() throws(CUDAError) {
    let mark = try Mark(device)
    last.withLock { $0 = mark }
  }

  /// Waits until the GPU has done all copies that were marked.
  func wait() throws(CUDAError) { try last.withLock(\.self)?.event.wait() }

  // The GPU may still read or write what is about to be freed.
  deinit { last.withLock(\.self)?.event.settle() }
}
