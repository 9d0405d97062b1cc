// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import NeuralNetwork
public import TensorCore

/// The autoencoder: a picture's encoder and a decoder that looks along time; matches diffusers'
/// `AutoencoderKLTemporalDecoder`.
///
/// Where the configuration says so the decoder is that of `AutoencoderKL`, which decodes each frame by
/// itself: Stability published such variants of its models.
public struct AutoencoderKLTemporalDecoder: Sendable {
  private let configuration: VAEConfiguration
  private let encoder: VAEEncoder
  private let decoder: Decoder
  /// Where the encoder computes.
  private let encoderBackend: any Backend

  private enum Decoder: Sendable {
    case temporal(TemporalDecoder)
    case image(ImageDecoder)
  }

  /// Builds the model.
  ///
  /// - Parameters:
  ///   - weights: The root of the VAE's checkpoint.
  ///   - configuration: Its configuration.
  /// - Throws: `WeightsError` for a missing, mis-shaped or superfluous tensor.
  public init(_ weights: Weights, _ configuration: VAEConfiguration) throws(WeightsError) {
    self.configuration = configuration
    let encoding = configuration.forceUpcast ? weights.inFullPrecision : weights
    encoderBackend = encoding.backend
    encoder = try VAEEncoder(encoding, configuration)
    decoder =
      configuration.isTemporal
      ? .temporal(try TemporalDecoder(weights.decoder, configuration))
      : .image(try ImageDecoder(weights, configuration))
    try weights.requireAllRead()
  }

  /// The most likely latents of pictures; the scaling factor is not applied.
  ///
  /// - Parameter pictures: `[images, height, width, 3]` from -1 to 1.
  /// - Returns: `[images, height', width', latents]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func encode(_ pictures: Tensor) throws(TensorError) -> Tensor {
    let moments = try encoder(pictures.on(encoderBackend))
    let latents = configuration.latentChannels
    // The mean is the first half of the channels, the log variance the second.
    let values = try moments.values()
    let means = stride(from: 0, to: values.count, by: 2 * latents).flatMap { start in
      values[start..<start + latents]
    }
    return try pictures.backend.upload(means, shape: moments.shape.withColumns(latents))
  }

  /// The frames of one clip.
  ///
  /// - Parameter latents: `[frames, height, width, latents]`, already divided by the scaling factor.
  /// - Returns: `[frames, height', width', 3]`, from about -1 to 1.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
    switch decoder {
    case .temporal(let decoder): try decoder(latents)
    case .image(let decoder): try decoder(latents)
    }
  }
}
