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

  /// What messages call a tensor, which may be there or not: the name that its file has for it.
  ///
  /// - Parameter name: The name that the model asks for.
  /// - Returns: The name for messages.
  func title(of name: String) -> String
}

/// Where a tensor is, for messages.
package struct WeightPlace {
  let folder, tensor: String

  /// - Parameters:
  ///   - folder: The folder, or the file.
  ///   - tensor: The tensor's name.
  package init(folder: String, tensor: String) {
    self.folder = folder
    self.tensor = tensor
  }
}

extension WeightSource {
  /// What messages call a tensor: its name.
  public func title(of name: String) -> String { name }

  /// Copies stored numbers into a backend's memory as float32.
  ///
  /// - Parameters:
  ///   - bytes: The elements, little endian and row-major.
  ///   - elementType: Their kind.
  ///   - shape: The tensor's sizes.
  ///   - scale: What every element is multiplied by.
  ///   - place: Where the tensor is, for messages.
  ///   - backend: Where it is to live.
  /// - Returns: The tensor.
  /// - Throws: `WeightsError` if the elements are not floating-point numbers, or memory is short.
  package func upload(
    _ bytes: UnsafeRawBufferPointer,
    _ elementType: ElementType,
    _ shape: [Int],
    scale: Float,
    _ place: WeightPlace,
    to backend: any Backend
  ) throws(WeightsError) -> Tensor {
    let format: NumberFormat
    switch elementType {
    case .float8:
      let halves = unsafe bytes.map { Float8.numbers[Int($0)] }
      return try unsafe halves.span.withUnsafeBytes { bytes throws(WeightsError) in
        try unsafe upload(bytes, .float16, shape, scale: scale, place, to: backend)
      }
    case .float16: format = .float16
    case .bfloat16: format = .bfloat16
    case .float32: format = .float32
    case .float64: format = .float64
    default:
      throw WeightsError(
        .type,
        place.folder,
        place.tensor,
        "holds \(elementType.rawValue), not floating-point numbers"
      )
    }
    do {
      let shape = try Shape(validating: shape)
      return unsafe try backend.upload(bytes, format: format, scale: scale, shape: shape)
    } catch {
      throw WeightsError(.read, place.folder, place.tensor, "could not be loaded: \(error)")
    }
  }
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
    let tensor = try unsafe withBytes(of: name) { bytes throws(WeightsError) in
      try unsafe upload(
        bytes,
        entry(name)?.elementType ?? .uint8,
        entry(name)?.shape ?? [],
        scale: scale,
        WeightPlace(folder: folder, tensor: name),
        to: backend
      )
    }
    // The numbers are copied; keeping the file's pages mapped would count them twice.
    discardPages(of: name)
    guard let tensor else { throw WeightsError(.missing, folder, name, "is missing") }
    return tensor
  }
}
