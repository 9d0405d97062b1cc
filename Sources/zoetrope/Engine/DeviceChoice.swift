// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
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

extension Element: ExpressibleByArgument {}

/// What a model needs of a GPU's memory.
struct MemoryNeed: Sendable {
  /// Weights of the checkpoint.
  let weights: Int
  /// Bytes of the feature maps of a step, for elements of one byte.
  let activations: Int

  /// - Parameters:
  ///   - weights: How many there are.
  ///   - rows: Latents of all frames of a clip, both halves of the guidance.
  ///   - channels: Channels of the first level.
  init(weights: Int, rows: Int, channels: Int) {
    self.weights = weights
    // A dozen maps of the first level are alive at most: skips, operands and results.
    activations = 12 * rows * channels
  }

  /// Bytes with elements of a type; workspaces and the widest layers take a part that does not depend
  /// on the model.
  func bytes(_ element: Element) -> Int {
    (weights + activations) * element.byteCount + 512 << 20
  }
}

extension DeviceChoice {
  /// A backend, and what a person should know of the choice.
  ///
  /// - Parameters:
  ///   - element: The type that a GPU computes with.
  ///   - need: What the model needs, so that a GPU that is too full is found out before it is loaded.
  /// - Returns: The backend, and a remark if a GPU is there and not used.
  /// - Throws: `CUDAError` if the GPU that was asked for cannot be used.
  func backend(
    _ element: Element,
    need: MemoryNeed?
  ) throws -> (backend: any Backend, remark: String?) {
    switch self {
    case .cpu: return (CPUBackend(), nil)
    case .cuda(let ordinal): return (try Self.gpu(ordinal, element, need), nil)
    case .automatic:
      // No driver or no GPU is an ordinary machine, about which there is nothing to say.
      guard
        let driver = try? CUDALibraries.open(.driver, CUDALibrary.driver.search),
        let devices = try? Device.all(driver), !devices.isEmpty
      else { return (CPUBackend(), nil) }
      do { return (try Self.gpu(0, element, need), nil) } catch {
        return (
          CPUBackend(),
          "the GPU is not used: \(error); `zoetrope doctor` tells more, --device cpu ends this remark"
        )
      }
    }
  }

  private static func gpu(
    _ ordinal: Int,
    _ element: Element,
    _ need: MemoryNeed?
  ) throws -> CUDABackend {
    let engine = try CUDAEngine(CUDALibraries(), ordinal: ordinal)
    if let need {
      let needed = need.bytes(element)
      let free = try engine.device.freeMemory()
      guard needed <= free else {
        throw CUDAError(
          .outOfMemory,
          "cuda:\(ordinal)",
          "the model and a clip of its own size need about \(needed >> 20) MiB; \(free >> 20) of "
            + "\(engine.device.description.memory >> 20) are free"
        )
      }
    }
    engine.compileAhead(element)
    return CUDABackend(engine, element)
  }
}
