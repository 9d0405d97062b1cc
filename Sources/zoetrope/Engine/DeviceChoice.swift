// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import StableVideoDiffusion
import TensorCPU
import TensorCUDA
import TensorCore

/// Where a model computes.
enum DeviceChoice: Sendable, Equatable, ExpressibleByArgument {
  /// The first GPU, if there is one that can be used, else the processor.
  case automatic
  case cpu
  case cuda(Int)

  init?(argument: String) {
    switch argument {
    case "auto": self = .automatic
    case "cpu": self = .cpu
    case "cuda": self = .cuda(0)
    default:
      guard argument.hasPrefix("cuda:"), let ordinal = Int(argument.dropFirst(5)), ordinal >= 0
      else { return nil }
      self = .cuda(ordinal)
    }
  }
}

/// Where a model computes, and how it uses the memory there.
struct ChosenDevice {
  let backend: any Backend
  let memory: MemoryMode
  /// What a person should know of the choice.
  var remark: String?
}

extension DeviceChoice {
  /// A backend, and how memory is used there.
  ///
  /// - Parameters:
  ///   - compute: What a GPU computes with.
  ///   - memory: How memory is used; nil for what the GPU's allows.
  ///   - need: What the model needs, so that a GPU that is too full is found out before it is loaded.
  /// - Returns: The choice, with a remark if a GPU is there and not used, or too small for the standard
  ///   mode.
  /// - Throws: `CUDAError` if the GPU that was asked for cannot be used.
  func choose(
    _ compute: ComputeType,
    _ memory: MemoryMode?,
    need: MemoryNeed?
  ) throws -> ChosenDevice {
    let processor = ChosenDevice(backend: CPUBackend(), memory: memory ?? .standard)
    switch self {
    case .cpu: return processor
    case .cuda(let ordinal): return try Self.gpu(ordinal, compute, memory, need)
    case .automatic:
      // No driver or no GPU is an ordinary machine, about which there is nothing to say.
      guard
        let driver = try? CUDALibraries.open(.driver, CUDALibrary.driver.search),
        let devices = try? Device.all(driver), !devices.isEmpty
      else { return processor }
      do { return try Self.gpu(0, compute, memory, need) } catch {
        var processor = processor
        processor.remark =
          "the GPU is not used: \(error); `zoetrope doctor` tells more, --device cpu ends this remark"
        return processor
      }
    }
  }

  private static func gpu(
    _ ordinal: Int,
    _ compute: ComputeType,
    _ memory: MemoryMode?,
    _ need: MemoryNeed?
  ) throws -> ChosenDevice {
    let engine = try CUDAEngine(CUDALibraries(), ordinal: ordinal)
    guard compute != .float8 || engine.canComputeInFloat8 else {
      let gpu = engine.device.description
      throw CUDAError(
        .device,
        "cuda:\(ordinal)",
        "float8 needs compute capability 9.0 and a driver for CUDA 12; \(gpu.name) has \(gpu.capabilityText)"
      )
    }
    engine.workAhead(compute.element, inFloat8: compute == .float8)
    let free = try engine.device.freeMemory()
    do throws(MemoryShortage) {
      let (mode, remark) =
        try need?.mode(memory, free: free, elementBytes: compute.element.byteCount)
        ?? (memory ?? .standard, nil)
      return ChosenDevice(
        backend: CUDABackend(
          engine,
          compute.element,
          workingBytes: MemoryNeed.workingBytes(mode),
          feedForwardsInFloat8: compute == .float8
        ),
        memory: mode,
        remark: remark
      )
    } catch {
      throw CUDAError(
        .outOfMemory,
        "cuda:\(ordinal)",
        "the model and a clip of its own size need about \(error.needed >> 20) MiB; \(free >> 20) of "
          + "\(engine.device.description.memory >> 20) are free"
          + (error.isEased ? ", enough for --memory low" : "")
      )
    }
  }
}
