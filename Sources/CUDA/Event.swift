// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// A mark in the stream.
package struct Event: ~Copyable, Sendable {
  private let handle: cuda_handle
  private let device: Device

  /// Puts a mark behind all that was asked for so far.
  ///
  /// - Parameter device: The GPU.
  /// - Throws: `CUDAError` if the driver fails.
  package init(_ device: Device) throws(CUDAError) {
    try device.bind()
    var handle: cuda_handle = 0
    try device.driver.check(
      unsafe device.driver.createEvent.function(&handle, UInt32(CUDA_EVENT_BLOCKING_SYNC)),
      "cuEventCreate"
    )
    self.handle = handle
    self.device = device
    device.release { () throws(CUDAError) in
      try device.driver.check(
        device.driver.recordEvent.function(handle, device.stream),
        "cuEventRecord"
      )
    }
  }

  /// Waits until the stream has reached the mark.
  package func wait() throws(CUDAError) {
    try device.bind()
    try device.driver.check(device.driver.waitForEvent.function(handle), "cuEventSynchronize")
  }

  /// Waits as `wait` does where nothing can be thrown: the next call that can throws what went wrong.
  package func settle() {
    device.release { () throws(CUDAError) in
      try device.driver.check(device.driver.waitForEvent.function(handle), "cuEventSynchronize")
    }
  }

  /// Seconds that the GPU took from an earlier mark to this one; waits for both.
  ///
  /// - Parameter earlier: The earlier mark.
  /// - Returns: The seconds.
  /// - Throws: `CUDAError` if the driver fails.
  package func seconds(since earlier: borrowing Event) throws(CUDAError) -> Double {
    try wait()
    var milliseconds: Float = 0
    try device.driver.check(
      unsafe device.driver.elapsed.function(&milliseconds, earlier.handle, handle),
      "cuEventElapsedTime"
    )
    return Double(milliseconds) / 1000
  }

  deinit {
    device.release { () throws(CUDAError) in
      try device.driver.check(device.driver.destroyEvent.function(handle), "cuEventDestroy")
    }
  }
}

/// Memory of the host that the GPU copies from and to by itself.
@safe package struct PinnedMemory: ~Copyable, @unchecked Sendable {
  /// The bytes; whoever holds the memory says who writes them when.
  package let bytes: UnsafeMutableRawBufferPointer
  private let device: Device

  /// Takes memory.
  ///
  /// - Parameters:
  ///   - byteCount: How much.
  ///   - device: The GPU that will copy.
  /// - Throws: `CUDAError` if it cannot be had.
  package init(_ byteCount: Int, _ device: Device) throws(CUDAError) {
    try device.bind()
    var memory: UnsafeMutableRawPointer?
    try device.driver.check(
      unsafe device.driver.allocateHost.function(&memory, byteCount, 0),
      "cuMemHostAlloc"
    )
    unsafe bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    self.device = device
  }

  deinit {
    device.release { () throws(CUDAError) in
      try device.driver.check(
        unsafe device.driver.freeHost.function(bytes.baseAddress),
        "cuMemFreeHost"
      )
    }
  }
}
