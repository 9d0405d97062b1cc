// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import FoundationEssentials
import TensorCUDA
import TensorCore

/// Runs every suite that needs a GPU; fails if anything is off, and if there is no GPU.
struct GPUCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoetrope-gpu-check",
    abstract: "Checks every operation on a GPU against its definition, and measures it."
  )

  /// A part of the check.
  enum Suite: String, CaseIterable, ExpressibleByArgument {
    case operations, goldens, clip, fullSize = "full-size", reference, speed
  }

  @Option(help: "The number of the GPU.")
  var device = 0

  @Option(parsing: .upToNextOption, help: "The types to compute with.")
  var elements: [Element] = [.float16, .bfloat16, .float32]

  @Option(
    parsing: .upToNextOption,
    help: "operations, goldens, full-size, reference, speed, clip; all by default."
  )
  var suites: [Suite] = Suite.allCases

  @Option(
    help: "What Benchmarks/full_size_reference.py wrote on this GPU, for the suite of that name."
  )
  var reference: String?

  @Option(help: "The folder of the reference's recorded runs: Tests/Fixtures of the repository.")
  var fixtures = "Tests/Fixtures"

  @Option(help: "Denoising steps of the clip.")
  var steps = 25

  @Option(help: "Frames of the clip that are decoded together.")
  var chunk = 2

  @Option(help: "Writes everything to this file, as JSON.")
  var output: String?

  @Flag(help: "Prints what holds, too.")
  var verbose = false

  func run() throws {
    let survey = Survey()
    for library in survey.libraries {
      say(
        "\(library.name): "
          + (library.problem ?? "\(library.version ?? "?"), \(library.path ?? "?")")
      )
    }
    let libraries = try CUDALibraries()
    var report = Report(isVerbose: verbose)
    for library in survey.libraries { report.libraries[library.name] = library.version }
    let clock = ContinuousClock()
    var mark = clock.now
    func lap(_ what: String) {
      say("\(what): \(Report.short((clock.now - mark) / .seconds(1))) s")
      mark = clock.now
    }
    let engine = try CUDAEngine(libraries, ordinal: device)
    let description = engine.device.description
    report.device = description.name
    lap("\(description.name), \(description.capabilityText), opened")
    for element in elements {
      // The first kernel of a type compiles all of them.
      let backend = CUDABackend(engine, element)
      let values = try backend.upload([1, 2, 3], shape: [3]).activated(.silu).values()
      guard values.allSatisfy(\.isFinite) else { throw ExitCode.failure }
      lap("kernels for \(element) compiled or read")
    }
    if suites.contains(.operations) {
      report.checkOperations(engine, elements)
      lap("operations")
    }
    if suites.contains(.goldens) {
      for element in elements {
        report.checkGoldens(engine, element, folder: fixtures)
        report.checkLoRA(engine, element, folder: fixtures)
      }
      lap("goldens")
    }
    if suites.contains(.fullSize), elements.contains(.float16) {
      report.checkFullSize(engine, .float16)
      lap("full size")
    }
    if suites.contains(.reference), let element = elements.first {
      report.checkReference(engine, element, folder: reference)
      lap("reference")
    }
    if suites.contains(.speed), let element = elements.first {
      report.measure(engine, element)
      lap("speed")
    }
    if suites.contains(.clip), let element = elements.first {
      report.makeClip(engine, element, steps: steps, chunk: chunk)
      lap("clip")
    }
    report.refusals =
      engine.convolutions.refusals.map { "\($0.problem): \($0.reason)" }
      + engine.attentions.refusals.map { "\($0.problem): \($0.reason)" }
    say("\(report.refusals.count) problems were refused by cuDNN and computed otherwise")
    for refusal in report.refusals.prefix(verbose ? .max : 12) { say("  \(refusal)") }
    say(
      "\(report.entries.count - report.failures.count) of \(report.entries.count) hold, "
        + "\(engine.allocator.peakBytes >> 20) MiB at most, \(engine.allocator.usedBytes >> 20) left"
    )
    if let output {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      try encoder.encode(report).write(to: URL(filePath: output))
    }
    if !report.failures.isEmpty { throw ExitCode.failure }
  }
}

extension Element: ExpressibleByArgument {}
GPUCheck.main()
