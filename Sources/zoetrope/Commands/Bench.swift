// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import FoundationEssentials
import Media
import StableVideoDiffusion
import Synchronization
import TensorCUDA
import TensorCore

#if canImport(Glibc)
import Glibc
#endif

/// `zoetrope bench`.
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures what each stage of a generation takes.",
    discussion: "The picture is a made-up one; nothing is written."
  )

  @OptionGroup var model: ModelOptions
  @OptionGroup var settings: GenerationOptions

  @Option(
    help: ArgumentHelp(
      "Make a published model's weights up in place of reading any: svd or svd-xt.",
      valueName: "model"
    )
  )
  var randomWeights: PublishedModel?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Tell what each kind of work takes of a GPU's time.")
  var profile = false

  @Flag(help: "Make another clip first, so that what a process does once is not counted.")
  var warmUp = false

  /// A model whose configuration is known.
  enum PublishedModel: String, ExpressibleByArgument, CaseIterable {
    case svd
    case svdXT = "svd-xt"

    var frames: Int { self == .svd ? 14 : 25 }
  }

  private struct Report: Encodable {
    struct Stages: Encodable {
      let load, encode: Double
      let step: [Double]
      let decode: Double
    }

    let stages: Stages
    /// The same in processor seconds of all threads.
    let cpuStages: Stages
    let peakRssBytes: Int
    let weightsBytes: Int
    let device: String
    let memoryMode: String
    /// The most bytes of a GPU's memory that were in use at a time.
    let peakDeviceBytes: Int?
  }

  func validate() throws {
    if json, profile { throw ValidationError("--profile prints no JSON") }
    if randomWeights != nil, !model.engine.lora.isEmpty {
      throw ValidationError("--lora is added to a model's weights, not to --random-weights")
    }
  }

  func run() async throws {
    let engine = try await load()
    var request = GenerationRequest()
    request.apply(engine.model.recommended)
    settings.apply(to: &request)
    let picture = try Self.picture(request.width, request.height)
    if warmUp {
      _ = try await engine.generate([picture], request) { _ in
      } frame: { _ in
      }
    }
    let load = Self.processorSeconds()
    let profile = try self.profile ? Self.profile(engine) : nil
    // Processor seconds at the start, after encoding, after each step, and after decoding.
    let marks = Mutex([load])
    let timings = try await engine.generate([picture], request) { progress in
      profile?.note(progress)
      switch progress {
      case .encoding: break
      case .decoded(let frame, let total) where frame < total: break
      default: marks.withLock { $0.append(Self.processorSeconds()) }
      }
    } frame: { _ in
    }
    let times = marks.withLock { marks in zip(marks.dropFirst(), marks).map { $0 - $1 } }
    let report = Report(
      stages: .init(
        load: engine.loadSeconds,
        encode: timings.encode,
        step: timings.steps,
        decode: timings.decode
      ),
      cpuStages: .init(
        load: load,
        encode: times.first ?? 0,
        step: Array(times.dropFirst().dropLast()),
        decode: times.last ?? 0
      ),
      peakRssBytes: Self.peakMemory(),
      weightsBytes: engine.model.weightBytes,
      device: engine.model.backend.name,
      memoryMode: engine.model.memory.rawValue,
      peakDeviceBytes: (engine.model.backend as? CUDABackend)?.engine.allocator.peakBytes
    )
    if json {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys]
      Terminal.print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      let steps = report.stages.step.sorted()
      let median = steps.isEmpty ? 0 : steps[steps.count / 2]
      func row(_ name: String, _ seconds: Double) {
        let padded = name + String(repeating: " ", count: max(0, 16 - name.count))
        Terminal.print("\(padded)\((seconds * 1000).rounded() / 1000) s")
      }
      row("load", report.stages.load)
      row("encode", report.stages.encode)
      row("step (median)", median)
      row("all steps", steps.reduce(0, +))
      row("decode", report.stages.decode)
      Terminal.print("device          \(report.device)")
      Terminal.print("memory mode     \(report.memoryMode)")
      if let bytes = report.peakDeviceBytes {
        Terminal.print("device memory   \(bytes >> 20) MiB at most")
      }
      Terminal.print("peak memory     \(report.peakRssBytes >> 20) MiB")
      Terminal.print("weights         \(report.weightsBytes >> 20) MiB as stored")
    }
    try profile?.print()
  }

  private static func profile(_ engine: Engine) throws -> BenchProfile {
    guard let backend = engine.model.backend as? CUDABackend else {
      throw ValidationError("--profile needs a GPU: the model computes on \(engine.device)")
    }
    return try BenchProfile(backend)
  }

  private func load() async throws -> Engine {
    guard let randomWeights else { return try await model.load() }
    let files = FileManager.default
    let folder = files.temporaryDirectory.path + "/zoetrope-" + UUID().uuidString
    defer { try? files.removeItem(atPath: folder) }
    try FullConfiguration.write(frames: randomWeights.frames, to: folder)
    var settings = model.engine.settings(folder: folder)
    settings.randomSeed = 1001
    return try await Engine(settings)
  }

  /// Ramps and a checkerboard.
  private static func picture(_ width: Int, _ height: Int) throws -> RGBImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(max(width * height * 3, 0))
    for y in 0..<max(height, 0) {
      for x in 0..<max(width, 0) {
        pixels.append(UInt8(x * 255 / max(width - 1, 1)))
        pixels.append(UInt8(y * 255 / max(height - 1, 1)))
        pixels.append((x / 16 + y / 16) % 2 == 0 ? 40 : 200)
      }
    }
    return try RGBImage(width: width, height: height, pixels: pixels)
  }

  private static func usage() -> rusage {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage
  }

  private static func processorSeconds() -> Double {
    let usage = usage()
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func peakMemory() -> Int { usage().ru_maxrss * 1024 }
}
