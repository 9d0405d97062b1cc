// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCPU
import TensorCore

/// `zoetrope doctor`.
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what was found, what is missing, and how to get it.",
    discussion: """
      The status is 1 if something is missing that clips cannot be made without; a GPU is not such a \
      thing, unless --device asks for one.
      """
  )

  @OptionGroup var model: ModelOptions

  @Flag(help: "Print one JSON object, with every place that was looked at.")
  var json = false

  /// One thing that was looked for.
  private struct Finding: Encodable {
    enum State: String, Encodable {
      case ok
      case missing
      /// Missing, and not needed.
      case without
    }

    let name: String
    let state: State
    let text: String
  }

  private struct Report: Encodable {
    let version: String
    let findings: [Finding]
    let processor: Processor
    let cuda: Survey
  }

  func run() async throws {
    let processor = Processor()
    let survey = Survey()
    var findings = [
      Finding(name: "processor", state: .ok, text: processor.text),
      Finding(name: "oneDNN", state: .ok, text: CPUBackend.libraryVersion),
      Finding(
        name: "threads",
        state: .ok,
        text: String(model.engine.threads ?? CPUBackend.threadCount)
      ),
    ]
    findings += gpu(survey)
    do {
      findings.append(
        Finding(name: "ffmpeg", state: .ok, text: try await FFmpeg().version())
      )
    } catch { findings.append(Finding(name: "ffmpeg", state: .missing, text: "\(error)")) }
    do {
      // A picture of one pixel shows that the decoder is found and runs.
      _ = try await PictureReader().read(bytes: Self.pixel)
      findings.append(Finding(name: "pictures", state: .ok, text: "the decoder runs"))
    } catch { findings.append(Finding(name: "pictures", state: .missing, text: "\(error)")) }
    findings.append(await checkpoint())
    tell(Report(version: Version.text, findings: findings, processor: processor, cuda: survey))
    if findings.contains(where: { $0.state == .missing }) { throw ExitCode.failure }
  }

  private func gpu(_ survey: Survey) -> [Finding] {
    let absent: Finding.State
    if case .cuda = model.engine.device { absent = .missing } else { absent = .without }
    let libraries = survey.libraries.map { library in
      if let problem = library.problem {
        Finding(
          name: library.name,
          state: absent,
          text: ([problem] + library.passedOver + [library.remedy].compactMap(\.self))
            .joined(separator: "; ")
        )
      } else {
        Finding(
          name: library.name,
          state: .ok,
          text: "\(library.version ?? "?"), \(library.machine ?? "?"), \(library.path ?? "?")"
        )
      }
    }
    let devices = survey.devices.enumerated().map { ordinal, device in
      Finding(
        name: "cuda:\(ordinal)",
        state: device.problem == nil ? .ok : absent,
        text: "\(device.name), compute capability \(device.computeCapability), "
          + "\(device.memoryBytes >> 20) MiB" + (device.problem.map { ": \($0)" } ?? "")
      )
    }
    return libraries
      + (devices.isEmpty
        ? [Finding(name: "GPU", state: absent, text: survey.problem ?? "none")] : devices)
  }

  private func checkpoint() async -> Finding {
    do {
      let engine = try await model.load()
      let configuration = engine.model.unetConfiguration
      return Finding(
        name: "model",
        state: .ok,
        text: "\(try model.choice().folder): \(configuration.numFrames) frames, levels of "
          + "\(configuration.blockOutChannels) channels, \(engine.model.weightBytes >> 20) MiB, on "
          + engine.model.backend.name
      )
    } catch { return Finding(name: "model", state: .missing, text: "\(error)") }
  }

  private func tell(_ report: Report) {
    if json {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      if let data = try? encoder.encode(report) {
        Terminal.print(String(decoding: data, as: UTF8.self))
      }
      return
    }
    let width = (report.findings.map(\.name.count).max() ?? 0) + 1
    for finding in report.findings {
      let state =
        finding.state.rawValue + String(repeating: " ", count: 8 - finding.state.rawValue.count)
      let name = finding.name + String(repeating: " ", count: width - finding.name.count)
      Terminal.print(state + name + finding.text)
    }
  }

  /// A bitmap of one white pixel.
  private static let pixel: [UInt8] =
    [0x42, 0x4D, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    + [24, 0, 0, 0, 0, 0, 4, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [255, 255, 255, 0]
}
