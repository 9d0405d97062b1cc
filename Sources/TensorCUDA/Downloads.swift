// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import Synchronization
internal import TensorCore

/// The way of numbers from the GPU that nobody waits for yet: it copies them into pinned memory by itself, in
/// the stream's order.
final class Downloads: Sendable {
  /// What the GPU copies, or has copied.
  private final class Pending: PendingValues {
    let buffer: PinnedBuffer
    private let count: Int
    private let downloads: Downloads

    init(_ buffer: PinnedBuffer, _ count: Int, _ downloads: Downloads) {
      self.buffer = buffer
      self.count = count
      self.downloads = downloads
    }

    var isUnderWay: Bool { true }

    func values() throws(TensorError) -> [Float] {
      do throws(CUDAError) { try buffer.wait() } catch { throw TensorError(error, "download") }
      return unsafe [Float](unsafeUninitializedCapacity: count) { values, filled in
        let byteCount = count * MemoryLayout<Float>.stride
        unsafe UnsafeMutableRawBufferPointer(values)
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<byteCount]))
        filled = count
      }
    }

    deinit { downloads.takeBack(buffer) }
  }

  private struct State {
    /// Buffers that wait for the next download; the GPU may be at work on them still.
    var free: [PinnedBuffer] = []
    /// Bytes of these and of those that are in use.
    var byteCount = 0
  }

  /// The most bytes of a download, and of all together: one is copied while another is read.
  static let (most, mostTogether) = (32 << 20, 64 << 20)
  /// Buffers that are kept; nobody has had more downloads under way.
  private static let mostKept = 2

  private let device: Device
  private let state = Mutex(State())

  init(_ device: Device) { self.device = device }

  /// Asks the GPU for a copy of numbers, behind all that it was asked for before.
  ///
  /// - Parameters:
  ///   - address: Where they are; the memory may be freed once this returns, in the stream's order.
  ///   - count: How many.
  /// - Returns: The numbers; none where they need more pinned memory than there is to be.
  /// - Throws: `CUDAError` if the driver fails.
  func begin(_ address: UInt64, count: Int) throws(CUDAError) -> (any PendingValues)? {
    let byteCount = count * MemoryLayout<Float>.stride
    guard (1...Self.most).contains(byteCount), let buffer = buffer(byteCount) else { return nil }
    let pending = Pending(buffer, count, self)
    // The buffer of what was dropped unread.
    try buffer.wait()
    unsafe try device.beginCopyOut(
      address,
      to: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<byteCount])
    )
    do throws(CUDAError) { try buffer.mark() } catch {
      // Without a mark nobody could tell when the buffer may be used again.
      try? device.synchronize()
      throw error
    }
    return pending
  }

  /// A buffer of at least so many bytes.
  private func buffer(_ byteCount: Int) -> PinnedBuffer? {
    let known = state.withLock { state in
      state.free.firstIndex { $0.byteCount >= byteCount }.map { state.free.remove(at: $0) }
    }
    if let known { return known }
    var dropped: [PinnedBuffer] = []
    let isRoom = state.withLock { state in
      while state.byteCount + byteCount > Self.mostTogether, let small = state.free.popLast() {
        state.byteCount -= small.byteCount
        dropped.append(small)
      }
      guard state.byteCount + byteCount <= Self.mostTogether else { return false }
      state.byteCount += byteCount
      return true
    }
    dropped = []
    guard isRoom else { return nil }
    // A host that can pin no more can be copied to all the same.
    guard let made = try? PinnedBuffer(byteCount, device) else {
      state.withLock { $0.byteCount -= byteCount }
      return nil
    }
    return made
  }

  private func takeBack(_ buffer: PinnedBuffer) {
    state.withLock { state in
      if state.free.count < Self.mostKept {
        state.free.append(buffer)
      } else {
        state.byteCount -= buffer.byteCount
      }
    }
  }
}
