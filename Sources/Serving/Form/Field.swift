// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// The input of an endpoint: a struct whose stored `@Field` properties are its form.
///
/// One declaration gives a field's name, default, range and error messages. The name in the form is
/// the property's in snake case, `decodeChunkSize` being `decode_chunk_size`.
///
/// ```swift
/// struct Input: Form {
///   @Field("The picture to begin with.", accepting: "image/*") var image: UploadedFile
///   @Field("Frames per second.", in: 1...30) var fps = 7
///   @Field("Repeats a result exactly.") var seed: UInt64?
/// }
/// ```
public protocol Form: Sendable {
  /// Creates the form with every field at its default.
  init()
}

/// One field of a ``Form``.
///
/// Without a default it is required, unless its type is optional.
@propertyWrapper
public struct Field<Value: FieldValue>: Sendable {
  /// Filled once by decoding, before anyone else sees the form, and never changed after that: so
  /// copies of a form may share it.
  private final class Slot: Sendable {
    let value: Mutex<Value?>
    init(_ value: Value?) { self.value = Mutex(value) }
  }

  private var slot: Slot
  private let initial: Value?
  /// What the field is for, in one sentence.
  public let summary: String
  /// The values allowed, ends included; nil if any.
  public let range: ClosedRange<Value.Bound>?
  /// For a file, the media type that pages offer to choose; the endpoint has to look for itself.
  public let mediaType: String?

  /// Declares a field that has a default.
  ///
  /// - Parameters:
  ///   - wrappedValue: The value of a request that leaves the field out.
  ///   - summary: What the field is for, in one sentence.
  ///   - range: The values allowed, ends included.
  public init(
    wrappedValue: Value,
    _ summary: String,
    in range: ClosedRange<Value.Bound>? = nil
  ) {
    self.slot = Slot(wrappedValue)
    self.initial = wrappedValue
    self.summary = summary
    self.range = range
    self.mediaType = nil
    FieldRecord.current?.append(self)
  }

  /// Declares a field that has no default: every request must give it, unless it is optional.
  ///
  /// - Parameters:
  ///   - summary: What the field is for, in one sentence.
  ///   - range: The values allowed, ends included.
  ///   - mediaType: For a file, the media type that pages offer to choose, such as `image/*`.
  public init(
    _ summary: String,
    in range: ClosedRange<Value.Bound>? = nil,
    accepting mediaType: String? = nil
  ) {
    self.slot = Slot(Value.absent)
    self.initial = Value.absent
    self.summary = summary
    self.range = range
    self.mediaType = mediaType
    FieldRecord.current?.append(self)
  }

  /// The value of the field.
  ///
  /// A required field must have been decoded or set first.
  public var wrappedValue: Value {
    get {
      guard let value = slot.value.withLock({ $0 }) else {
        preconditionFailure("the required field \"\(summary)\" was read before it had a value")
      }
      return value
    }
    set { slot = Slot(newValue) }
  }
}

/// What a form needs to know of a `Field`, whatever its type.
protocol DeclaredField: Sendable {
  /// Where the value is; copies of the field have the same one.
  var storage: AnyObject { get }
  /// The field as it is documented, under its name on the wire.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if the declaration contradicts itself.
  func entry(named name: String) throws(ServingError) -> FormEntry
  /// Takes the value from `input`, or the default if that is nil.
  func fill(from input: FieldInput?, name: String) throws(InputProblem)
}

extension Field: DeclaredField {
  var storage: AnyObject { slot }

  func entry(named name: String) throws(ServingError) -> FormEntry {
    if let range, let bound = initial?.bound, !range.contains(bound) {
      throw ServingError(
        .badDeclaration,
        "the default of \(name), \(bound), is not from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    let value = Value.schema
    if mediaType != nil, value.kind != .file {
      throw ServingError(.badDeclaration, "\(name) is no file and cannot accept a media type")
    }
    return FormEntry(
      name: name,
      summary: summary,
      value: value,
      mediaType: mediaType,
      fileMembers: Value.fileMembers,
      isRequired: initial == nil,
      initial: initial?.json,
      range: range.flatMap(Self.written)
    )
  }

  /// A range as it stands in a JSON document.
  private static func written(_ range: ClosedRange<Value.Bound>) -> FormEntry.Range? {
    guard let lower = range.lowerBound as? any FieldValue,
      let upper = range.upperBound as? any FieldValue
    else { return nil }
    return (lower.json, upper.json)
  }

  func fill(from input: FieldInput?, name: String) throws(InputProblem) {
    guard let input else {
      guard initial == nil else { return }
      throw InputProblem("missing", field: name, "\(name) is required")
    }
    let value: Value
    do throws(ValueProblem) {
      value = try Value(input)
    } catch {
      throw InputProblem(error.type, field: name, "\(name) must be \(error.wanted)")
    }
    if let range, let bound = value.bound, !range.contains(bound) {
      let type = bound < range.lowerBound ? "greater_than_equal" : "less_than_equal"
      throw InputProblem(
        type,
        field: name,
        "\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(bound)"
      )
    }
    slot.value.withLock { $0 = value }
  }
}
