// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import StableVideoDiffusion

/// Tells of a generation: a bar at a terminal, JSON lines for a program, nothing in between.
struct GenerationReport: Sendable {
  private let json: Bool
  private let bar: ProgressBar?

  init(json: Bool) {
    self.json = json
    bar = !json && Terminal.isInteractive ? ProgressBar() : nil
  }

  private struct Step: Encodable {
    let event = "progress"
    let stage: String
    let done, total: Int
  }

  private struct Turn: Encodable {
    let event = "waiting"
    let before: Int
  }

  private struct Result: Encodable {
    let event = "done"
    let outputs: [String]
    let seeds: [UInt64]
    let width, height: Int
    let fps: Double
    let seconds: Seconds
  }

  private struct Seconds: Encodable {
    let load, encode, denoise, decode, total: Double
  }

  func show(_ progress: GenerationProgress) {
    bar?.show(progress)
    guard json else { return }
    switch progress {
    case .encoding: line(Step(stage: "encode", done: 0, total: 1))
    case .denoised(let step, let total): line(Step(stage: "denoise", done: step, total: total))
    case .decoded(let frame, let total): line(Step(stage: "decode", done: frame, total: total))
    }
  }

  /// Says that a server does other work first.
  ///
  /// - Parameter others: How much.
  func wait(for others: Int) {
    bar?.wait(for: others)
    if json { line(Turn(before: others)) }
  }

  func end() { bar?.clear() }

  func result(
    files: ClipMaker.Files,
    request: GenerationRequest,
    timings: GenerationTimings,
    load: Double,
    total: Double
  ) {
    let denoise = timings.steps.reduce(0, +)
    if json {
      line(
        Result(
          outputs: files.outputs,
          seeds: request.seeds,
          width: request.width,
          height: request.height,
          fps: files.framesPerSecond,
          seconds: Seconds(
            load: load,
            encode: timings.encode,
            denoise: denoise,
            decode: timings.decode,
            total: total
          )
        )
      )
    } else {
      let seeds = request.seeds.map(String.init).joined(separator: ", ")
      Terminal.say(
        "\(files.outputs.joined(separator: ", ")): seed \(seeds), \(Self.tenths(total)) s "
          + "(encode \(Self.tenths(timings.encode)), denoise \(Self.tenths(denoise)), "
          + "decode \(Self.tenths(timings.decode)))"
      )
    }
  }

  static func tenths(_ seconds: Double) -> String {
    String((seconds * 10).rounded() / 10)
  }

  private func line(_ value: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if let data = try? encoder.encode(value) {
      Terminal.print(String(decoding: data, as: UTF8.self))
    }
  }
}
