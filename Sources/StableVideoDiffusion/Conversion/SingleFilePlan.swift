// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import Safetensors

/// What a single file with a model's tensors holds.
struct SingleFilePlan {
  let source: Checkpoint
  /// The kind that floating-point numbers are written as; nil for the kind that they have.
  let elementType: ElementType?

  /// The tensors to write.
  ///
  /// - Parameter components: The model's parts.
  /// - Returns: All of them, under the file's names.
  /// - Throws: ``ConfigurationError`` for a tensor that has no place in a single file.
  func tensors(
    _ components: [ModelComponent: any ComponentTensors]
  ) throws -> [ConvertedTensor] {
    let vae = VAELayout(try source.vaeConfiguration())
    let unet = UNetLayout(try source.unetConfiguration())
    let vision = VisionLayout(try source.imageEncoderConfiguration())
    var all: [ConvertedTensor] = []
    for (component, table) in [
      (ModelComponent.unet, unet.names), (.vae, vae.names), (.imageEncoder, vision.names),
    ] {
      guard let tensors = components[component] else { continue }
      all += try renamed(tensors, table, source.place(of: component)) { name in
        // Older files list the positions 0, 1, 2, …
        name == "vision_model.embeddings.position_ids"
      }
    }
    if let tensors = components[.vae] { all += try firstStageEncoder(tensors, vae) }
    return all
  }

  /// A component's tensors under the names of a single file.
  private func renamed(
    _ tensors: any ComponentTensors,
    _ table: TensorNames,
    _ place: String,
    without isLeftOut: (String) -> Bool
  ) throws(ConfigurationError) -> [ConvertedTensor] {
    var all: [ConvertedTensor] = []
    for name in tensors.names.sorted() where !isLeftOut(name) {
      guard let theirs = table.theirs(of: name), let layout = tensors.layout(of: name) else {
        throw ConfigurationError(place, name, "has no place in a single file")
      }
      var shape = layout.shape
      var content = ConvertedTensor.Content.copied([name])
      switch theirs.form {
      case .same: break
      case .matrix: if shape.count == 2 { shape += [1, 1] }
      case .transposed:
        guard shape.count == 2 else {
          throw ConfigurationError(place, name, "has the sizes \(shape), and is no matrix")
        }
        shape.reverse()
        content = .transposed(name)
      case .third(let index):
        // Queries, keys and values are one tensor, which the first of them stands for.
        guard index == 0 else { continue }
        let parts = table.ours(of: theirs.name).map(\.name)
        guard !shape.isEmpty, parts.allSatisfy({ tensors.layout(of: $0) == layout }) else {
          throw ConfigurationError(
            place,
            parts.joined(separator: ", "),
            "are not three tensors of one kind and size"
          )
        }
        shape[0] *= 3
        content = .copied(parts)
      }
      all.append(
        ConvertedTensor(
          name: theirs.name,
          shape: shape,
          source: layout.elementType,
          target: layout.elementType.written(as: elementType, shape: layout.shape),
          tensors: tensors,
          content: content
        )
      )
    }
    return all
  }

  /// The encoder once more, where programs look for it that know a first stage only.
  ///
  /// The first stage with a temporal decoder has no `quant_conv`: it is folded into the convolution before
  /// it, which is exact but for rounding.
  private func firstStageEncoder(
    _ tensors: any ComponentTensors,
    _ vae: VAELayout
  ) throws -> [ConvertedTensor] {
    let isNeeded = { (name: String) in
      name.hasPrefix("encoder.") || name.hasPrefix("quant_conv.") && !vae.isTemporal
    }
    let copies = try renamed(
      tensors,
      vae.encoderNames(VAELayout.firstStage),
      source.place(of: .vae),
      without: { !isNeeded($0) }
    )
    guard vae.isTemporal else { return copies }
    let last = VAELayout.firstStage + ".encoder.conv_out."
    return copies.map { copy in
      guard copy.name.hasPrefix(last),
        let values = folded(tensors, String(copy.name.dropFirst(last.count)))
      else { return copy }
      return ConvertedTensor(
        name: copy.name,
        shape: copy.shape,
        source: copy.source,
        target: copy.target,
        tensors: tensors,
        content: .made(values)
      )
    }
  }

  /// `encoder.conv_out` with `quant_conv` behind it: one of the two tensors; nil where sizes do not fit.
  private func folded(_ tensors: any ComponentTensors, _ kind: String) -> [Float]? {
    guard let matrix = values(tensors, "quant_conv.weight"),
      let inner = values(tensors, "encoder.conv_out.\(kind)"),
      let size = tensors.layout(of: "quant_conv.weight")?.shape.first,
      matrix.count == size * size, size > 0, inner.count % size == 0
    else { return nil }
    let columns = inner.count / size
    var sums = [Double](repeating: 0, count: inner.count)
    if kind == "bias" {
      guard let bias = values(tensors, "quant_conv.bias"), bias.count == size else { return nil }
      sums = bias.map { Double($0) }
    }
    for row in 0..<size {
      for middle in 0..<size {
        let factor = Double(matrix[row * size + middle])
        for column in 0..<columns {
          sums[row * columns + column] += factor * Double(inner[middle * columns + column])
        }
      }
    }
    return sums.map { Float($0) }
  }

  private func values(_ tensors: any ComponentTensors, _ name: String) -> [Float]? {
    guard let layout = tensors.layout(of: name), layout.elementType.isFloatingPoint else {
      return nil
    }
    let bytes = unsafe tensors.withBytes(of: name) { bytes in
      unsafe layout.elementType.convert(bytes, to: .float32)
    }
    guard let bytes, let bytes else { return nil }
    return unsafe bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { index in
        unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
      }
    }
  }
}
