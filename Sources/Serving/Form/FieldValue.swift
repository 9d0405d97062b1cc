// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A type that a form's field can have.
public protocol FieldValue: Sendable {
  /// What a field's range is counted in; `Never` for types without an order.
  associatedtype Bound: Comparable & Sendable = Never
  /// The value as a range sees it, or nil if no range can concern it.
  var bound: Bound? { get }
  /// How values are written, for the documentation of a form.
  static var schema: ValueSchema { get }
  /// The value as it stands in a JSON document: what a field's default looks like.
  var json: JSON { get }
  /// For a file, where in an object of a JSON body its text may stand instead of being the value.
  static var fileMembers: [String] { get }
  /// What a field without a default is when a request leaves it out; nil if it must not.
  static var absent: Self? { get }
  /// Reads the value as a client sent it.
  ///
  /// - Throws: ``ValueProblem`` if it is of another type.
  init(_ input: FieldInput) throws(ValueProblem)
}

/// What a client sent for one field.
public enum FieldInput: Sendable {
  /// A part of a form that is not a file: the text as it came.
  case text(String)
  /// A member of a JSON object.
  case json(JSON)
  /// A file, already on disk.
  case file(UploadedFile)

  /// The value as JSON.
  ///
  /// Text that is not JSON is taken as a string, as BentoML does: so `2`, `"2"` and `null` from a
  /// command line mean what they say.
  var value: JSON? {
    switch self {
    case .file: nil
    case .json(let value): value
    case .text(let text):
      Int128(text).map(JSON.integer) ?? JSON(parsing: text.utf8) ?? .string(text)
    }
  }

  /// A short rendering for messages.
  package var shown: String {
    switch self {
    case .file: return "a file"
    case .text(let text) where text.isEmpty: return "empty"
    case .text(let text): return Self.shortened(text)
    case .json(let value): return Self.shortened(value.text)
    }
  }

  private static func shortened(_ text: String) -> String {
    text.count <= 40 ? text : text.prefix(40) + "…"
  }
}

/// Why a value cannot be read.
public struct ValueProblem: Error, Sendable {
  /// A stable name for the kind of problem.
  let type: String
  /// What follows "must be" in the message.
  let wanted: String

  /// Creates a problem.
  ///
  /// - Parameters:
  ///   - type: A stable name for the kind of problem, such as `int_parsing`.
  ///   - wanted: What follows “must be” in the message: `a whole number, not abc`.
  public init(_ type: String, _ wanted: String) {
    self.type = type
    self.wanted = wanted
  }
}

extension FieldValue {
  /// Nil: most values are required.
  public static var absent: Self? { nil }

  /// Nowhere.
  public static var fileMembers: [String] { [] }
}

extension FieldValue where Bound == Never {
  /// Nil: no range concerns the value.
  public var bound: Never? { nil }
}

extension FieldValue where Bound == Self {
  /// The value itself.
  public var bound: Self? { self }
}

extension FieldInput {
  /// The value as a whole number, read as leniently as BentoML does: `2`, `"2"`, `2.0` and `true`
  /// will do.
  ///
  /// - Throws: ``ValueProblem`` for anything else.
  package func wholeNumber() throws(ValueProblem) -> Int128 {
    let number: Double
    switch value {
    case .integer(let whole): return whole
    case .bool(let flag): return flag ? 1 : 0
    case .number(let given): number = given
    case .string(let text):
      let trimmed = text.trimmingASCIISpace
      if let whole = Int128(trimmed) { return whole }
      guard let given = Double(trimmed), given.isFinite else {
        throw ValueProblem("int_parsing", "a whole number, not \(shown)")
      }
      number = given
    default: throw ValueProblem("int_type", "a whole number, not \(shown)")
    }
    guard let whole = Int128(exactly: number) else {
      throw ValueProblem("int_from_float", "a whole number, not \(shown)")
    }
    return whole
  }
}

extension FieldValue where Self: FixedWidthInteger {
  /// Reads a whole number.
  ///
  /// - Throws: ``ValueProblem`` for anything but a whole number that fits the type.
  public init(_ input: FieldInput) throws(ValueProblem) {
    guard let value = Self(exactly: try input.wholeNumber()) else {
      throw ValueProblem("int_parsing_size", "from \(Self.min) to \(Self.max), not \(input.shown)")
    }
    self = value
  }
}

extension FieldValue where Self: BinaryInteger {
  /// A whole number.
  public static var schema: ValueSchema { ValueSchema(.integer) }

  /// The number.
  public var json: JSON { .integer(Int128(self)) }
}

extension Int: FieldValue {
  /// A whole number is its own bound.
  public typealias Bound = Int
}

extension UInt64: FieldValue {
  /// A whole number is its own bound.
  public typealias Bound = UInt64
}

extension Double: FieldValue {
  /// A number is its own bound.
  public typealias Bound = Double

  /// A number.
  public static var schema: ValueSchema { ValueSchema(.number) }

  /// The number.
  public var json: JSON { .number(self) }

  /// Reads a finite number.
  ///
  /// - Throws: ``ValueProblem`` for anything else.
  public init(_ input: FieldInput) throws(ValueProblem) {
    let number: Double?
    switch input.value {
    case .integer(let whole): number = Double(whole)
    case .number(let given): number = given
    case .bool(let flag): number = flag ? 1 : 0
    case .string(let text): number = Double(text.trimmingASCIISpace)
    default: throw ValueProblem("float_type", "a number, not \(input.shown)")
    }
    guard let number, number.isFinite else {
      throw ValueProblem("float_parsing", "a number, not \(input.shown)")
    }
    self = number
  }
}

extension Bool: FieldValue {
  /// Truth has no order here.
  public typealias Bound = Never

  /// True or false.
  public static var schema: ValueSchema { ValueSchema(.boolean) }

  /// The value itself.
  public var json: JSON { .bool(self) }

  /// Reads true or false, also as 1 or 0 and as the words that forms on web pages send.
  ///
  /// - Throws: ``ValueProblem`` for anything else.
  public init(_ input: FieldInput) throws(ValueProblem) {
    switch input.value {
    case .bool(let flag): self = flag
    case .integer(0): self = false
    case .integer(1): self = true
    case .string(let text) where ["true", "on", "yes"].contains(text.lowercased()): self = true
    case .string(let text) where ["false", "off", "no"].contains(text.lowercased()): self = false
    case .string, .integer, .number:
      throw ValueProblem("bool_parsing", "true or false, not \(input.shown)")
    default: throw ValueProblem("bool_type", "true or false, not \(input.shown)")
    }
  }
}

extension String: FieldValue {
  /// Texts have no range.
  public typealias Bound = Never

  /// Any text.
  public static var schema: ValueSchema { ValueSchema(.string) }

  /// The text itself.
  public var json: JSON { .string(self) }

  /// Reads a text: that of a JSON string, or else the text as it came.
  ///
  /// - Throws: ``ValueProblem`` for a JSON value that is no string, and for a file.
  public init(_ input: FieldInput) throws(ValueProblem) {
    switch (input, input.value) {
    case (_, .string(let text)), (.text(let text), _): self = text
    default: throw ValueProblem("string_type", "a text, not \(input.shown)")
    }
  }
}

extension FieldValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// One of the type's names.
  public static var schema: ValueSchema {
    ValueSchema(.string, choices: allCases.map(\.rawValue))
  }

  /// The name.
  public var json: JSON { .string(rawValue) }

  /// Reads one of the type's names.
  ///
  /// - Throws: ``ValueProblem``, listing the names, for anything else.
  public init(_ input: FieldInput) throws(ValueProblem) {
    guard case .string(let name) = input.value, let value = Self(rawValue: name) else {
      let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValueProblem("enum", "one of \(names), not \(input.shown)")
    }
    self = value
  }
}

extension Optional: FieldValue where Wrapped: FieldValue {
  /// What the range of a given value is counted in.
  public typealias Bound = Wrapped.Bound

  /// The bound of the value, if there is one.
  public var bound: Wrapped.Bound? { flatMap(\.bound) }

  /// Where the wrapped type has them.
  public static var fileMembers: [String] { Wrapped.fileMembers }

  /// No value, which is a value: an optional is never required.
  public static var absent: Self? { .some(nil) }

  /// What the wrapped type is, or null.
  public static var schema: ValueSchema {
    var schema = Wrapped.schema
    schema.isNullable = true
    return schema
  }

  /// The value, or null.
  public var json: JSON { map(\.json) ?? .null }

  /// Reads null as nil, and anything else as the wrapped type does.
  ///
  /// - Throws: ``ValueProblem`` from the wrapped type.
  public init(_ input: FieldInput) throws(ValueProblem) {
    if case .null = input.value {
      self = nil
    } else {
      self = try Wrapped(input)
    }
  }
}

/// A file that came with a request, in the request's own directory; it goes when the request ends.
public struct UploadedFile: FieldValue {
  /// Files have no order.
  public typealias Bound = Never

  /// Where the bytes are.
  public let path: String
  /// How many bytes there are, at least 1 once the form is decoded.
  public let byteCount: Int

  /// Names a file that is already on disk.
  public init(path: String, byteCount: Int) {
    self.path = path
    self.byteCount = byteCount
  }

  /// A file.
  public static var schema: ValueSchema { ValueSchema(.file) }

  /// Null: a file has no place in a document.
  public var json: JSON { .null }

  /// Takes a file that is not empty.
  ///
  /// - Throws: ``ValueProblem`` for text, and for a file without bytes.
  public init(_ input: FieldInput) throws(ValueProblem) {
    guard case .file(let file) = input else {
      throw ValueProblem("file_type", "sent as a file, not as text")
    }
    guard file.byteCount > 0 else { throw ValueProblem("file_empty", "a file that is not empty") }
    self = file
  }
}

extension String {
  fileprivate var trimmingASCIISpace: Substring {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" }
    var text = drop(while: isSpace)
    while let last = text.last, isSpace(last) { text.removeLast() }
    return text
  }
}
