// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Safetensors
public import TensorCore

/// Where a model's weights come from.
public protocol WeightSource: AnyObject, Sendable {
  /// The names of all tensors that there are.
  var names: [String] { get }

  /// The sizes of a tensor, outermost first; none, if there is no tensor of that name.
  ///
  /// - Parameters:
  ///   - name: The name of a tensor.
  ///   - expected: The sizes that the model asks for; a source that makes tensors up goes by it.
  /// - Returns: The sizes.
  func shape(of name: String, expected: Shape) -> [Int]?

  /// Copies a tensor into a backend's memory as float32.
  ///
  /// - Parameters:
  ///   - name: A name for which `shape(of:expected:)` answered.
  ///   - scale: What every element is multiplied by.
  ///   - backend: Where the tensor is to live.
  /// - Returns: The tensor.
  /// - Throws: `WeightsError` if the elements are not floating-point numbers, or memory is short.
  func load(_ name: String, scale: Float, to backend: any Backend) throws(WeightsError) -> Tensor
}

extension SafetensorsCheckpoint: WeightSource {
  /// The sizes of a tensor, outermost first; none, if there is no tensor of that name.
  ///
  /// - Parameters:
  ///   - name: The name of a tensor.
  ///   - expected: The sizes that the model asks for; not looked at.
  /// - Returns: The sizes.
  public func shape(of name: String, expected: Shape) -> [Int]? { entry(name)?.shape }

  /// Copies a tensor into a backend's memory as float32 and lets go of the file's pages.
  ///
  /// - Parameters:
  ///   - name: The name of a tensor in the checkpoint.
  ///   - scale: What every element is multiplied by.
  ///   - backend: Where the tensor is to live.
  /// - Returns: The tensor.
  /// - Throws: `WeightsError` if the elements are not floating-point numbers, or memory is short.
  public func load(
    _ name: String,
    scale: Float,
    to backend: any Backend
  ) throws(WeightsError)
    -> Tensor
  {
    guard let entry = entry(name) else {
      throw WeightsError(.missing, folder, name, "is missing")
    }
    let format: NumberFormat
    switch entry.elementType {
    case .float16: format = .float16
    case .bfloat16: format = .bfloat16
    case .float32: format = .float32
    case .float64: format = .float64
    default:
      throw WeightsError(
        .type,
        folder,
        name,
        "holds \(entry.elementType.rawValue), not floating-point numbers"
      )
    }
    do {
      let shape = try Shape(validating: entry.shape)
      let tensor = unsafe try withBytes(of: name) { bytes throws(TensorError) in
        try unsafe backend.upload(bytes, format: format, scale: scale, shape: shape)
      }
      // The numbers are copied; keeping the file's pages mapped would count them twice.
      discardPages(of: name)
      if let tensor { return tensor }
    } catch {
      throw WeightsError(.read, folder, name, "could not be loaded: \(error)")
    }
    throw WeightsError(.missing, folder, name, "is missing")
  }
}
