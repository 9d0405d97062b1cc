// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
internal import Synchronization

/// Hands out a GPU's memory, counts it, and keeps it below a limit.
///
/// Allocations are the driver's stream-ordered ones: freeing and allocating are then part of the
/// stream's order and cost no wait, freed memory is kept for the next request, and the driver joins
/// scattered pieces by remapping them, which no pool on top of it could.
package final class DeviceAllocator: Sendable {
  package let device: Device
  private struct Count {
    var used = 0
    var peak = 0
    var limit: Int
  }

  private let count: Mutex<Count>

  /// Makes an allocator.
  ///
  /// - Parameters:
  ///   - device: The GPU.
  ///   - limit: The most bytes to be in use at a time; none for all that the GPU has.
  /// - Throws: `CUDAError` if the driver's pool cannot be set up.
  package init(_ device: Device, limit: Int? = nil) throws(CUDAError) {
    self.device = device
    count = Mutex(Count(limit: limit ?? device.description.memory))
    guard device.description.hasMemoryPools else { return }
    try device.bind()
    let driver = device.driver
    var pool: cuda_handle = 0
    try driver.check(
      unsafe driver.pool.function(&pool, Int32(device.description.ordinal)),
      "cuDeviceGetDefaultMemPool"
    )
    // Without it every wait would give all free memory back to the system.
    var keep = UInt64.max
    try driver.check(
      unsafe driver.setPool.function(pool, Int32(CUDA_POOL_RELEASE_THRESHOLD), &keep),
      "cuMemPoolSetAttribute"
    )
  }

  /// Bytes in use now.
  package var usedBytes: Int { count.withLock(\.used) }
  /// The most bytes that were in use at a time.
  package var peakBytes: Int { count.withLock(\.peak) }
  /// Forgets the peak.
  package func resetPeak() { count.withLock { $0.peak = $0.used } }
  /// The most bytes that may be in use at a time.
  package var limit: Int { count.withLock(\.limit) }

  /// Memory whose contents are arbitrary.
  ///
  /// - Parameter byteCount: How much; none is taken for zero.
  /// - Returns: The memory, aligned to 256 bytes.
  /// - Throws: `CUDAError` with code `.outOfMemory`, which says how much is in use.
  package func allocate(_ byteCount: Int) throws(CUDAError) -> DeviceMemory {
    let size = max((byteCount + 255) / 256 * 256, 256)
    let refused: Count? = count.withLock { count in
      guard count.used + size <= count.limit else { return count }
      count.used += size
      count.peak = max(count.peak, count.used)
      return nil
    }
    if let refused { throw Self.shortage(size, refused) }
    do throws(CUDAError) {
      try device.bind()
      let driver = device.driver
      var address: cuda_address = 0
      let result =
        device.description.hasMemoryPools
        ? unsafe try driver.allocateOrdered.function(&address, size, device.stream)
        : unsafe try driver.allocate.function(&address, size)
      if Int(result) == CUDA_RESULT_OUT_OF_MEMORY {
        throw Self.shortage(size, count.withLock(\.self))
      }
      try driver.check(result, "cuMemAlloc")
      return DeviceMemory(address: address, byteCount: size, allocator: self)
    } catch {
      count.withLock { $0.used -= size }
      throw error
    }
  }

  private static func shortage(_ size: Int, _ count: Count) -> CUDAError {
    CUDAError(
      .outOfMemory,
      "allocate",
      "\(size >> 20) MiB are needed beside \(count.used >> 20) in use; \(count.limit >> 20) is the "
        + "most that may be"
    )
  }

  fileprivate func free(_ address: cuda_address, _ size: Int) {
    count.withLock { $0.used -= size }
    device.release { () throws(CUDAError) in
      let driver = device.driver
      let result =
        device.description.hasMemoryPools
        ? try driver.freeOrdered.function(address, device.stream)
        : try driver.free.function(address)
      try driver.check(result, "cuMemFree")
    }
  }
}

/// A piece of a GPU's memory, freed in the stream's order.
package struct DeviceMemory: ~Copyable, Sendable {
  package let address: UInt64
  /// At least as many bytes as were asked for.
  package let byteCount: Int
  private let allocator: DeviceAllocator

  fileprivate init(address: UInt64, byteCount: Int, allocator: DeviceAllocator) {
    self.address = address
    self.byteCount = byteCount
    self.allocator = allocator
  }

  deinit { allocator.free(address, byteCount) }
}

extension Device {
  /// Copies bytes to the GPU; they may be reused once this returns.
  package func copyIn(
    _ bytes: UnsafeRawBufferPointer,
    to address: UInt64
  ) throws(CUDAError) {
    try bind()
    guard unsafe !bytes.isEmpty else { return }
    // From ordinary memory the driver has read all bytes when it returns.
    try driver.check(
      unsafe driver.copyIn.function(address, bytes.baseAddress, bytes.count, stream),
      "cuMemcpyHtoD"
    )
  }

  /// Copies bytes from the GPU and waits for them.
  package func copyOut(
    _ address: UInt64,
    to bytes: UnsafeMutableRawBufferPointer
  ) throws(CUDAError) {
    unsafe try beginCopyOut(address, to: bytes)
    try driver.check(driver.synchronizeStream.function(stream), "cuStreamSynchronize")
  }

  /// Copies bytes from the GPU in the stream's order, without a wait if they go to pinned memory.
  package func beginCopyOut(
    _ address: UInt64,
    to bytes: UnsafeMutableRawBufferPointer
  ) throws(CUDAError) {
    try bind()
    guard unsafe !bytes.isEmpty else { return }
    try driver.check(
      unsafe driver.copyOut.function(bytes.baseAddress, address, bytes.count, stream),
      "cuMemcpyDtoH"
    )
  }

  /// Copies bytes within the GPU.
  package func copy(_ from: UInt64, to address: UInt64, byteCount: Int) throws(CUDAError) {
    try bind()
    guard byteCount > 0 else { return }
    try driver.check(driver.copy.function(address, from, byteCount, stream), "cuMemcpyDtoD")
  }
}
