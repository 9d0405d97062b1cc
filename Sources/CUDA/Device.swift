// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
package import SharedLibrary
internal import Synchronization

/// What is known of a GPU before it is used.
package struct DeviceDescription: Sendable, Equatable {
  /// Its number, from zero.
  package let ordinal: Int
  /// As "NVIDIA H100 80GB HBM3".
  package let name: String
  /// Major and minor compute capability, as 90 for 9.0.
  package let capability: Int
  /// Bytes of memory.
  package let memory: Int
  package let multiprocessors: Int
  /// The most shared memory that a block can have, in bytes.
  package let sharedMemory: Int
  package let hasMemoryPools: Bool

  /// As "9.0".
  package var capabilityText: String { "\(capability / 10).\(capability % 10)" }
}

/// One GPU: its primary context and one stream on which everything happens in order.
///
/// The context is made current before each call, since the calling thread may be any. Freeing what a
/// handle owned cannot throw; what goes wrong in it is kept and thrown by the next call that can.
package final class Device: Sendable {
  package let description: DeviceDescription
  let driver: Driver
  /// The stream of all work.
  let stream: cuda_handle
  private let context: cuda_handle
  private let failure = Mutex<CUDAError?>(nil)

  /// The least compute capability that can be used: the first with bfloat16.
  package static let leastCapability = 80

  /// The driver's version, as 13000 for one made for CUDA 13.0.
  package static func driverVersion(_ library: SharedLibrary) throws(CUDAError) -> Int {
    let driver = Driver(library)
    var version: Int32 = 0
    try driver.check(unsafe driver.version.function(&version), "cuDriverGetVersion")
    return Int(version)
  }

  /// All GPUs that the driver shows.
  package static func all(_ library: SharedLibrary) throws(CUDAError) -> [DeviceDescription] {
    let driver = Driver(library)
    try driver.check(driver.initialize.function(0), "cuInit")
    var count: Int32 = 0
    try driver.check(unsafe driver.deviceCount.function(&count), "cuDeviceGetCount")
    var all: [DeviceDescription] = []
    for ordinal in 0..<Int(count) { all.append(try describe(ordinal, driver).0) }
    return all
  }

  /// Opens a GPU.
  ///
  /// - Parameters:
  ///   - library: The driver.
  ///   - ordinal: The number of the GPU.
  /// - Throws: `CUDAError` with code `.device` if there is none of that number or it is too old.
  package init(_ library: SharedLibrary, ordinal: Int = 0) throws(CUDAError) {
    let driver = Driver(library)
    try driver.check(driver.initialize.function(0), "cuInit")
    var count: Int32 = 0
    try driver.check(unsafe driver.deviceCount.function(&count), "cuDeviceGetCount")
    guard (0..<Int(count)).contains(ordinal) else {
      throw CUDAError(.device, "cuda:\(ordinal)", "there are \(count) GPUs, counted from 0")
    }
    let (description, device) = try Self.describe(ordinal, driver)
    guard description.capability >= Self.leastCapability else {
      throw CUDAError(
        .device,
        "cuda:\(ordinal)",
        "\(description.name) has compute capability \(description.capabilityText); 8.0 is needed"
      )
    }
    // Whoever waits for the GPU sleeps: by default a processor's core would spin for as long as a clip takes.
    // A context that another has opened already keeps its own way.
    _ = try? driver.setContextFlags.function(device, UInt32(CUDA_CONTEXT_BLOCKING_SYNC))
    var context: cuda_handle = 0
    try driver.check(
      unsafe driver.retainContext.function(&context, device),
      "cuDevicePrimaryCtxRetain"
    )
    var stream: cuda_handle = 0
    do throws(CUDAError) {
      try driver.check(driver.setContext.function(context), "cuCtxSetCurrent")
      try driver.check(
        unsafe driver.createStream.function(&stream, UInt32(CUDA_STREAM_NON_BLOCKING)),
        "cuStreamCreate"
      )
    } catch {
      _ = try? driver.releaseContext.function(device)
      throw error
    }
    self.driver = driver
    self.description = description
    self.context = context
    self.stream = stream
  }

  deinit {
    _ = try? driver.setContext.function(context)
    _ = try? driver.synchronizeStream.function(stream)
    _ = try? driver.destroyStream.function(stream)
    _ = try? driver.releaseContext.function(Int32(description.ordinal))
  }

  private static func describe(
    _ ordinal: Int,
    _ driver: Driver
  ) throws(CUDAError) -> (DeviceDescription, Int32) {
    var device: Int32 = 0
    try driver.check(unsafe driver.device.function(&device, Int32(ordinal)), "cuDeviceGet")
    func attribute(_ attribute: Int) throws(CUDAError) -> Int {
      var value: Int32 = 0
      try driver.check(
        unsafe driver.deviceAttribute.function(&value, Int32(attribute), device),
        "cuDeviceGetAttribute"
      )
      return Int(value)
    }
    var name = [CChar](repeating: 0, count: 256)
    try driver.check(
      unsafe driver.deviceName.function(&name, Int32(name.count), device),
      "cuDeviceGetName"
    )
    var memory = 0
    try driver.check(unsafe driver.deviceMemory.function(&memory, device), "cuDeviceTotalMem")
    let text = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let description = DeviceDescription(
      ordinal: ordinal,
      name: String(decoding: text, as: UTF8.self),
      capability: try 10 * attribute(CUDA_ATTRIBUTE_CAPABILITY_MAJOR)
        + attribute(CUDA_ATTRIBUTE_CAPABILITY_MINOR),
      memory: memory,
      multiprocessors: try attribute(CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT),
      sharedMemory: try attribute(CUDA_ATTRIBUTE_SHARED_MEMORY_OPT_IN),
      hasMemoryPools: try attribute(CUDA_ATTRIBUTE_MEMORY_POOLS) != 0
    )
    return (description, device)
  }

  /// Makes the context current, and throws what went wrong where nothing could be thrown.
  func bind() throws(CUDAError) {
    let earlier = failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
    if let earlier { throw earlier }
    try driver.check(driver.setContext.function(context), "cuCtxSetCurrent")
  }

  /// Runs something that must not throw, with the context current, and keeps its failure.
  func release(_ body: () throws(CUDAError) -> Void) {
    do throws(CUDAError) {
      try driver.check(driver.setContext.function(context), "cuCtxSetCurrent")
      try body()
    } catch { failure.withLock { if $0 == nil { $0 = error } } }
  }

  /// Waits until everything that was asked for is done.
  ///
  /// - Throws: `CUDAError` if any of it failed.
  package func synchronize() throws(CUDAError) {
    try bind()
    try driver.check(driver.synchronizeStream.function(stream), "cuStreamSynchronize")
  }

  /// Bytes of the GPU's memory that nobody uses.
  ///
  /// What this process keeps for later is given back first: nobody can tell it from what is in use.
  package func freeMemory() throws(CUDAError) -> Int {
    try bind()
    if description.hasMemoryPools {
      var pool: cuda_handle = 0
      try driver.check(
        unsafe driver.pool.function(&pool, Int32(description.ordinal)),
        "cuDeviceGetDefaultMemPool"
      )
      // Without it there only seems to be less.
      _ = try? driver.trimPool.function(pool, 0)
    }
    var free = 0
    var total = 0
    try driver.check(unsafe driver.memoryInfo.function(&free, &total), "cuMemGetInfo")
    return free
  }
}
