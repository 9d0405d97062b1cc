// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
public import TensorCore

extension StableVideoDiffusionPipeline {
  /// Decodes clips; frames go to the observer.
  ///
  /// - Parameters:
  ///   - latents: `[videos, frames, height, width, channels]`.
  ///   - chunk: Frames decoded together; none for all frames of a video. As in the reference a chunk
  ///     is a clip of its own to the decoder, so the numbers depend on it.
  ///   - observer: Told of progress and frames.
  /// - Throws: As `generate`.
  public func decode(_ latents: Tensor, chunk: Int?, observer: GenerationObserver) throws {
    guard latents.shape.rank == 5, latents.shape.count > 0 else {
      throw TensorError(
        .shape,
        "decode",
        "\(latents.shape) is not [videos, frames, height, width, channels]"
      )
    }
    if let chunk, chunk < 1 {
      throw GenerationError(.argument("decode_chunk_size"), "must be 1 or more")
    }
    let frames = latents.shape[1]
    let all = Shape([latents.shape[0] * frames] + latents.shape.dimensions.dropFirst(2))
    var decoding = Decoding(
      model: model,
      latents: try latents.reshaped(all).scaled(by: 1 / model.vaeConfiguration.scalingFactor),
      frames: frames,
      chunk: chunk ?? frames,
      observer: observer,
      vae: model.vae
    )
    try decoding.run()
  }
}

/// From latents to frames, chunk by chunk.
///
/// A backend that works by itself is asked for the next chunk before the frames of the last one are
/// waited for and finished, so that it need not wait for the host.
private struct Decoding {
  let model: StableVideoDiffusionModel
  /// Those of all videos, `[frames, height, width, channels]`, divided by the scaling factor.
  let latents: Tensor
  /// Frames of a video, and frames that are decoded together.
  let frames, chunk: Int
  let observer: GenerationObserver
  var vae: AutoencoderKLTemporalDecoder
  /// Whether the decoder is the one in float32 that took the place of the model's.
  var isPrecise = false

  /// A chunk that the backend was asked for.
  private struct Asked {
    let width, height: Int
    let values: any PendingValues
  }

  /// A chunk's frames.
  private struct Finished {
    let width, height: Int
    /// From 0 to 1, of all frames.
    let values: [Float]
    /// The same as bytes, frame by frame.
    let bytes: [[UInt8]]
  }

  mutating func run() throws {
    var ahead: Result<Asked, any Error>?
    var next = range(from: 0)
    while let range = next {
      try Task.checkCancellation()
      next = self.range(from: range.upperBound)
      let asked = try ahead.take()?.get() ?? ask(range)
      // What goes wrong with the next chunk is told in its turn, behind this one's frames.
      ahead = asked.values.isUnderWay ? next.map { next in Result { try ask(next) } } : nil
      var finished = try finish(asked, range.count)
      if finished == nil, !isPrecise, let precise = try model.preciseVAE() {
        observer.warning(
          "decoding frame \(range.lowerBound + 1) and on made numbers that are not finite: decoding in "
            + "float32"
        )
        // What the other decoder was asked for is of no use.
        (vae, isPrecise, ahead) = (precise, true, nil)
        finished = try finish(ask(range), range.count)
      }
      guard let finished else {
        throw GenerationError(.notFinite, "decoding made numbers that are not finite")
      }
      try tell(finished, range)
    }
  }

  /// The chunk that begins at a frame, if there is such a frame.
  private func range(from start: Int) -> Range<Int>? {
    let total = latents.shape[0]
    return start < total ? start..<start + min(chunk, total - start) : nil
  }

  /// Asks the backend for a chunk; its tensors are let go with that.
  private func ask(_ range: Range<Int>) throws -> Asked {
    let some = try latents.slice(range)
    let decoded = try vae.decode(isPrecise ? some.on(model.backend.inFullPrecision) : some)
    return Asked(
      width: decoded.shape[2],
      height: decoded.shape[1],
      values: try decoded.pendingValues()
    )
  }

  /// Waits for a chunk of so many frames and makes pictures of it; none if it has numbers that are not finite.
  private func finish(_ asked: consuming Asked, _ count: Int) throws -> Finished? {
    let (width, height) = (asked.width, asked.height)
    var values = try asked.values.values()
    // Whoever kept the numbers would make the next lines write to a copy.
    _ = consume asked
    let size = width * height * 3
    var bytes: [[UInt8]] = []
    for frame in 0..<count {
      guard let some = finish(&values, frame * size..<(frame + 1) * size) else { return nil }
      bytes.append(some)
    }
    return Finished(width: width, height: height, values: values, bytes: bytes)
  }

  private func tell(_ finished: Finished, _ range: Range<Int>) throws {
    let (width, height, size) = (
      finished.width, finished.height, finished.width * finished.height * 3
    )
    for (place, index) in range.enumerated() {
      let (video, frame) = index.quotientAndRemainder(dividingBy: frames)
      observer.floatFrame?(video, frame, Array(finished.values[place * size..<(place + 1) * size]))
      observer.frame(
        video,
        frame,
        try RGBImage(width: width, height: height, pixels: finished.bytes[place])
      )
    }
    observer.progress(.decoded(frame: range.upperBound, of: latents.shape[0]))
  }

  /// Turns a frame's numbers into those of a picture: from 0 to 1 in place, and as bytes, rounded half to
  /// even as numpy rounds; none if some are not finite.
  ///
  /// The loop is one that the compiler does several numbers at a time in.
  private func finish(_ values: inout [Float], _ range: Range<Int>) -> [UInt8]? {
    let (sign, leastExponent) = (UInt32(1) << 31, UInt32(1) << 23)
    // Beside 1.5 · 2²³ numbers lie one apart, so that a sum is rounded as wanted, into its lowest bits.
    let units: Float = 12_582_912
    var signs: UInt32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { bytes, count in
      unsafe values.withUnsafeMutableBufferPointer { all in
        let values = unsafe UnsafeMutableBufferPointer(rebasing: all[range])
        for index in values.indices {
          let value = unsafe values[index]
          // The exponent of what is not finite is all ones, and overflows into the sign.
          signs |= (value.bitPattern & ~sign) &+ leastExponent
          let unit = value * 0.5 + 0.5
          let positive = unit > 0 ? unit : 0
          let clamped = positive < 1 ? positive : 1
          unsafe values[index] = clamped
          unsafe bytes[index] = UInt8(truncatingIfNeeded: (clamped * 255 + units).bitPattern)
        }
        count = range.count
      }
    }
    return signs & sign == 0 ? bytes : nil
  }
}
