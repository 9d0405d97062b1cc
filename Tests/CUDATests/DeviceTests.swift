// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import Testing

@Suite struct DeviceTests {
  let fake: FakeLibraries

  init() throws { fake = try FakeLibraries() }

  private func device() throws -> Device { try Device(fake.libraries().driver) }

  @Test func `a device says what it is`() throws {
    let all = try Device.all(fake.libraries().driver)
    let description = try #require(all.first)
    #expect(all.count == 1)
    #expect(description.name == "Pretend GPU")
    #expect(description.capabilityText == "9.0")
    #expect(description.memory == 8 << 30)
  }

  @Test func `everything that was opened is closed and every call had a context`() throws {
    do {
      let device = try device()
      let allocator = try DeviceAllocator(device)
      let first = try allocator.allocate(1000)
      let second = try allocator.allocate(0)
      #expect(first.address % 256 == 0 && first.byteCount >= 1000 && second.byteCount > 0)
      let pinned = try PinnedMemory(4096, device)
      let event = try Event(device)
      let later = try Event(device)
      #expect(try later.seconds(since: event) > 0)
      #expect(unsafe pinned.bytes.count == 4096)
      try device.synchronize()
      #expect(try fake.counts.events == 2)
    }
    let counts = try fake.counts
    #expect(counts.allocations == 2 && counts.frees == 2 && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.unboundCalls == 0)
    #expect(counts.streams == 0 && counts.events == 0 && counts.contexts == 0)
    #expect(counts.pinned == 0)
  }

  @Test func `memory is counted and kept below its limit`() throws {
    let allocator = try DeviceAllocator(device(), limit: 1 << 20)
    do {
      let half = try allocator.allocate(1 << 19)
      #expect(allocator.usedBytes == 1 << 19)
      let error = #expect(throws: CUDAError.self) { _ = try allocator.allocate(1 << 20) }
      #expect(error?.code == .outOfMemory)
      #expect(error?.message.contains("1 MiB are needed beside 0 in use") == true)
      #expect(half.byteCount == 1 << 19)
    }
    #expect(allocator.usedBytes == 0 && allocator.peakBytes == 1 << 19)
    allocator.resetPeak()
    #expect(allocator.peakBytes == 0)
  }

  @Test func `an allocation that fails is an error and is not counted`() throws {
    let allocator = try DeviceAllocator(device())
    try fake.fail("cuMemAlloc", 2)
    let error = #expect(throws: CUDAError.self) { _ = try allocator.allocate(100) }
    #expect(error?.code == .outOfMemory)
    #expect(allocator.usedBytes == 0)
    try fake.fail("cuMemAlloc", 700)
    let other = #expect(throws: CUDAError.self) { _ = try allocator.allocate(100) }
    #expect(other?.code == .call)
    #expect(other?.description == "cuMemAlloc: CUDA_ERROR_FAKE: a test asked for it")
  }

  @Test func `what goes wrong where nothing can be thrown is thrown by the next call`() throws {
    let device = try device()
    let allocator = try DeviceAllocator(device)
    do {
      let memory = try allocator.allocate(100)
      try fake.fail("cuMemFree")
      #expect(memory.byteCount > 0)
    }
    let error = #expect(throws: CUDAError.self) { try device.synchronize() }
    #expect(error?.call == "cuMemFree")
    try device.synchronize()
  }

  @Test func `a GPU that is not there or too old is refused`() throws {
    let libraries = try fake.libraries()
    let missing = #expect(throws: CUDAError.self) { try Device(libraries.driver, ordinal: 3) }
    #expect(missing?.description == "cuda:3: there are 1 GPUs, counted from 0")
    try fake.describe(capability: 75, memory: 1 << 30)
    let old = #expect(throws: CUDAError.self) { try Device(libraries.driver) }
    #expect(old?.code == .device)
    #expect(old?.message == "Pretend GPU has compute capability 7.5; 8.0 is needed")
    #expect(try fake.counts.contexts == 0)
  }

  @Test(arguments: ["cuInit", "cuDeviceGetCount", "cuDevicePrimaryCtxRetain", "cuStreamCreate"])
  func `a call that fails while a device is opened leaves nothing behind`(_ call: String) throws {
    try fake.fail(call)
    let error = #expect(throws: CUDAError.self) { try device() }
    #expect(error?.call == call)
    #expect(try fake.counts.contexts == 0)
  }

  @Test func `bytes come back as they were`() throws {
    let device = try device()
    let allocator = try DeviceAllocator(device)
    let a = try allocator.allocate(5)
    let b = try allocator.allocate(5)
    let bytes: [UInt8] = [3, 1, 4, 1, 5]
    try unsafe bytes.withUnsafeBytes { try unsafe device.copyIn($0, to: a.address) }
    try device.copy(a.address, to: b.address, byteCount: 5)
    var back = [UInt8](repeating: 0, count: 5)
    try unsafe back.withUnsafeMutableBytes { try unsafe device.copyOut(b.address, to: $0) }
    #expect(back == bytes)
  }
}
