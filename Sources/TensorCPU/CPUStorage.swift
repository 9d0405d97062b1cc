// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif
internal import Synchronization
internal import TensorCore

/// A piece of the processor's memory, given back to its pool when the last tensor over it is gone.
///
/// The bytes are written once, by the operation that makes them, before any other code sees the
/// storage; afterwards they are only read. That is what makes it `Sendable`.
@safe final class CPUStorage: TensorStorage, @unchecked Sendable {
  let byteCount: Int
  let base: UnsafeMutableRawPointer
  private let pool: MemoryPool

  var floats: UnsafeMutablePointer<Float> { unsafe base.assumingMemoryBound(to: Float.self) }

  init(byteCount: Int, base: UnsafeMutableRawPointer, pool: MemoryPool) {
    self.byteCount = byteCount
    unsafe self.base = unsafe base
    self.pool = pool
  }

  deinit {
    unsafe pool.giveBack(base, byteCount)
  }
}

/// Keeps freed blocks for the next operation of the same size.
///
/// A denoising step makes the same tensors again and again; asking the system anew each time would
/// cost a page fault for every 4 KiB of them. What is kept is bounded by what was in use at most.
final class MemoryPool: Sendable {
  private struct Block {
    let base: UInt
    let byteCount: Int
  }

  private struct State {
    var kept: [Block] = []
    var keptBytes = 0
    var usedBytes = 0
  }

  private let state = Mutex(State())
  private static let alignment = 64

  /// The most that may be in use: nearly all that the machine, or the container, has.
  ///
  /// The system promises more than it has and ends the process when the promise is called in; an
  /// error in time leaves a server serving.
  private let limit = MachineMemory.byteCount / 20 * 19

  /// Memory of at least `byteCount` bytes, aligned for vectors; its contents are arbitrary.
  func storage(byteCount: Int, for operation: String) throws(TensorError) -> CPUStorage {
    let size = max((byteCount + 4095) / 4096 * 4096, 4096)
    let (inUse, reused): (Int?, Block?) = state.withLock { state in
      guard state.usedBytes + size <= limit else { return (state.usedBytes, nil) }
      state.usedBytes += size
      guard let index = state.kept.lastIndex(where: { $0.byteCount == size }) else {
        return (nil, nil)
      }
      state.keptBytes -= size
      return (nil, state.kept.remove(at: index))
    }
    if let inUse {
      throw TensorError(
        .outOfMemory,
        operation,
        "\(size >> 20) MiB are needed beside \(inUse >> 20) in use; \(limit >> 20) can be had"
      )
    }
    if let reused, let base = unsafe UnsafeMutableRawPointer(bitPattern: reused.base) {
      return unsafe CPUStorage(byteCount: size, base: base, pool: self)
    }
    guard let base = unsafe aligned_alloc(Self.alignment, size) else {
      state.withLock { $0.usedBytes -= size }
      throw TensorError(.outOfMemory, operation, "\(size) bytes could not be had")
    }
    return unsafe CPUStorage(byteCount: size, base: base, pool: self)
  }

  fileprivate func giveBack(_ base: UnsafeMutableRawPointer, _ byteCount: Int) {
    let freed: [Block] = state.withLock { state in
      state.usedBytes -= byteCount
      state.kept.append(Block(base: UInt(bitPattern: base), byteCount: byteCount))
      state.keptBytes += byteCount
      // Small blocks are worth keeping always; large ones as long as they are fewer than those in use.
      let limit = max(state.usedBytes / 4, 64 << 20)
      var freed: [Block] = []
      while state.keptBytes > limit, !state.kept.isEmpty {
        let oldest = state.kept.removeFirst()
        state.keptBytes -= oldest.byteCount
        freed.append(oldest)
      }
      return freed
    }
    for block in freed { unsafe free(UnsafeMutableRawPointer(bitPattern: block.base)) }
  }

  deinit {
    state.withLock { state in
      for block in state.kept { unsafe free(UnsafeMutableRawPointer(bitPattern: block.base)) }
    }
  }
}

/// How much memory the process may have.
enum MachineMemory {
  /// The machine's memory, or its container's limit where that is less.
  static let byteCount: Int = {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    guard let file = unsafe fopen("/sys/fs/cgroup/memory.max", "re") else { return machine }
    defer { unsafe fclose(file) }
    let text = unsafe String(unsafeUninitializedCapacity: 32) { buffer in
      unsafe fread(buffer.baseAddress, 1, 32, file)
    }
    // "max" where there is no limit.
    guard let limit = Int(text.prefix { $0.isNumber }) else { return machine }
    return min(machine, limit)
  }()
}
