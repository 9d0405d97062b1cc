// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import Hub
import Safetensors
import StableVideoDiffusion

/// `zoetrope convert`.
struct Convert: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model in another layout, or with numbers of another kind.",
    discussion: """
      A destination that ends in .safetensors becomes one file in the layout of Stability's own code, as \
      svd_xt.safetensors; any other becomes a folder in diffusers' layout. The source may be either, and \
      may have the same layout. One tensor is read and written at a time. The destination has its name \
      only when all of it is there.
      """
  )

  @Argument(
    help: """
      The model: a folder in diffusers' layout, a safetensors file in Stability's, or OWNER/NAME of a model \
      that `zoetrope pull` fetched.
      """
  )
  var source: String

  @Argument(help: "The file, which ends in .safetensors, or the folder to write.")
  var destination: String

  @Option(
    help: """
      The kind of the numbers: float32, float16, bfloat16, or float8_e4m3fn for matrices and convolutions \
      alone; that of the source if not given.
      """
  )
  var dtype: StoredNumbers?

  @Option(
    help: ArgumentHelp(
      "The most bytes of tensors in one file of a folder, as 5GB or 500MiB; all in one if not given.",
      valueName: "size"
    )
  )
  var maxShardSize: ByteCount?

  @Option(help: "The variant that a folder's weight files are called, as fp16; none if not given.")
  var variant: String?

  @Option(
    help:
      "The variant to read of a folder; the plain files if not given, or the only one that is there."
  )
  var sourceVariant: String?

  @Flag(help: "Replace a model that is there already.")
  var force = false

  /// A kind of stored numbers.
  enum StoredNumbers: String, CaseIterable, ExpressibleByArgument {
    case float32, float16, bfloat16
    case float8 = "float8_e4m3fn"

    var elementType: ElementType {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      case .float8: .float8
      }
    }
  }

  /// A number of bytes as it is written on the command line.
  struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
      let digits = argument.prefix { $0.isASCII && $0.isNumber }
      let units = [
        "": 1, "B": 1, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KIB": 1 << 10,
        "MIB": 1 << 20, "GIB": 1 << 30,
      ]
      guard let count = Int(digits), count > 0,
        let unit = units[argument.dropFirst(digits.count).uppercased()]
      else { return nil }
      let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: unit)
      guard !isTooMuch else { return nil }
      self.bytes = bytes
    }
  }

  private var isFile: Bool { destination.hasSuffix(".safetensors") }

  func validate() throws {
    if isFile, variant != nil || maxShardSize != nil {
      throw ValidationError("--variant and --max-shard-size are for folders, not for one file")
    }
    if let variant, variant.isEmpty || variant.contains("/") {
      throw ValidationError("--variant \(variant) is not part of a file's name")
    }
  }

  func run() async throws {
    let choice = try ModelChoice(source)
    let checkpoint = try Checkpoint(path: choice.folder, variant: sourceVariant)
    let conversion = try CheckpointConversion(
      checkpoint,
      to: isFile
        ? .singleFile
        : .folder(variant: variant, maximumShardByteCount: maxShardSize?.bytes ?? .max),
      elementType: dtype?.elementType
    )
    for remark in conversion.remarks { Terminal.say(remark) }
    let total = conversion.byteCount
    // The heads of the files and the settings take little beside the tensors.
    let need = total + (4 << 20)
    if let free = Files.freeSpace(destination), free < need {
      throw ValidationError(
        "\(destination): \(Output.megabytes(need)) are needed, and the disk has room for "
          + Output.megabytes(free)
      )
    }
    let bar = Terminal.isInteractive ? BytesBar("writing") : nil
    let clock = ContinuousClock()
    let start = clock.now
    do {
      try await Interruption.cancelling { [destination, force] in
        try conversion.write(to: destination, replaces: force) { bar?.show($0, of: total) }
      }
    } catch {
      bar?.clear()
      throw error
    }
    bar?.clear()
    let seconds = GenerationReport.tenths((clock.now - start) / .seconds(1))
    Terminal.say("\(destination): \(Output.megabytes(total)) written in \(seconds) s")
    if let first = checkpoint.spare.first {
      Terminal.say(
        "\(checkpoint.spare.count) tensors that clips of pictures do not need are left out, as \(first)"
      )
    }
  }
}
