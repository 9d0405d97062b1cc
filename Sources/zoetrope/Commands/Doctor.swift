// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import Media
import StableVideoDiffusion
import TensorCPU

/// `zoetrope doctor`.
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what was found, what is missing, and how to get it."
  )

  @OptionGroup var model: ModelOptions

  func run() async throws {
    var missing = 0
    func tell(_ name: String, _ good: Bool, _ text: String) {
      let padded = name + String(repeating: " ", count: max(0, 10 - name.count))
      Terminal.print("\(good ? "ok     " : "missing") \(padded) \(text)")
      if !good { missing += 1 }
    }
    tell("oneDNN", true, CPUBackend.libraryVersion)
    tell("threads", true, String(model.threads ?? CPUBackend.threadCount))
    do { tell("ffmpeg", true, try await FFmpeg().version()) } catch {
      tell("ffmpeg", false, "\(error)")
    }
    do {
      // A picture of one pixel shows that the decoder is found and runs.
      _ = try await PictureReader().read(bytes: Self.pixel)
      tell("pictures", true, "the decoder runs")
    } catch { tell("pictures", false, "\(error)") }
    do {
      let engine = try await model.load()
      let configuration = engine.model.unetConfiguration
      tell(
        "model",
        true,
        "\(try model.choice().folder): \(configuration.numFrames) frames, levels of "
          + "\(configuration.blockOutChannels) channels, \(engine.model.weightBytes >> 20) MiB"
      )
    } catch { tell("model", false, "\(error)") }
    if missing > 0 { throw ExitCode.failure }
  }

  /// A bitmap of one white pixel.
  private static let pixel: [UInt8] =
    [0x42, 0x4D, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    + [24, 0, 0, 0, 0, 0, 4, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [255, 255, 255, 0]
}
