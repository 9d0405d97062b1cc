// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCUDA
import TensorCore

extension Report {
  /// A whole clip of the published size with made-up weights: what each stage takes, and the memory.
  mutating func makeClip(_ engine: CUDAEngine, _ element: Element, steps: Int, chunk: Int) {
    let suite = "clip \(element)"
    func entry(_ name: String, _ seconds: Double, _ note: String? = nil) -> Entry {
      Entry(suite: suite, name: name, holds: true, milliseconds: seconds * 1000, note: note)
    }
    do {
      let folder = FileManager.default.temporaryDirectory.path + "/zoetrope-" + UUID().uuidString
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try FullConfiguration.write(frames: 25, to: folder)
      let clock = ContinuousClock()
      var mark = clock.now
      let model = try StableVideoDiffusionModel(
        folder: folder,
        randomSeed: 1001,
        backend: CUDABackend(engine, element)
      )
      try engine.device.synchronize()
      add(
        entry(
          "weights made",
          (clock.now - mark) / .seconds(1),
          "\(engine.allocator.usedBytes >> 20) MiB in use"
        )
      )
      engine.allocator.resetPeak()
      var request = GenerationRequest()
      request.steps = steps
      request.decodeChunk = chunk
      let ramp = (0..<request.width * request.height * 3).map {
        UInt8(truncatingIfNeeded: $0 / 3 / 7 + $0 % 3 * 50)
      }
      let picture = try RGBImage(width: request.width, height: request.height, pixels: ramp)
      var observer = GenerationObserver()
      observer.warning = { say("warning: \($0)") }
      observer.progress = { progress in
        say("  \(progress), \(engine.allocator.peakBytes >> 20) MiB at most")
      }
      mark = clock.now
      let output = try StableVideoDiffusionPipeline(model).generate(
        [picture],
        request,
        observer: observer
      )
      let total = (clock.now - mark) / .seconds(1)
      let times = output.timings.steps.sorted()
      add(entry("encode", output.timings.encode))
      add(entry("first step", output.timings.steps.first ?? 0))
      add(entry("step, median", times.isEmpty ? 0 : times[times.count / 2]))
      add(entry("decode", output.timings.decode, "\(chunk) frames at a time"))
      add(entry("all", total, "\(engine.allocator.peakBytes >> 20) MiB at most"))
    } catch {
      add(Entry(suite: suite, name: "clip", holds: false, note: "\(error)"))
    }
  }
}
