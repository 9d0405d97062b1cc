// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What a field's type says about its values.
public struct ValueSchema: Sendable, Equatable {
  /// How a value is written.
  public enum Kind: String, Sendable {
    /// A whole number.
    case integer
    /// A number.
    case number
    /// True or false.
    case boolean
    /// A text.
    case string
    /// A file.
    case file
  }

  /// How a value is written.
  public var kind: Kind
  /// The only texts allowed; empty if any will do.
  public var choices: [String]
  /// Whether null is a value.
  public var isNullable = false

  /// Describes a type.
  public init(_ kind: Kind, choices: [String] = []) {
    self.kind = kind
    self.choices = choices
  }
}

extension FormEntry {
  /// The name for people: `decode_chunk_size` as “Decode Chunk Size”.
  var title: String {
    name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }
      .joined(separator: " ")
  }

  /// The field in the schema that BentoML's client reads.
  ///
  /// An optional value is of the plain type there, and a file has a type of its own.
  var bentoSchema: JSON {
    var members: [(name: String, value: JSON)] = []
    if value.kind == .file {
      let family = mediaType?.split(separator: "/").first.map(String.init) ?? "binary"
      members.append(("format", .string(family)))
      // Says that the client may send a PIL image.
      if family == "image" { members.append(("pil", true)) }
    }
    members += described
    members.append(("type", .string(value.kind.rawValue)))
    return .object(members)
  }

  /// The field in OpenAPI 3.0's dialect of JSON Schema.
  ///
  /// - Parameter fileFormat: `binary` where files are parts of their own, `byte` where they are base64.
  /// - Returns: The schema.
  func openAPISchema(fileFormat: String) -> JSON {
    var members: [(name: String, value: JSON)] = [
      ("type", .string(value.kind == .file ? "string" : value.kind.rawValue))
    ]
    if value.kind == .file { members.append(("format", .string(fileFormat))) }
    if value.isNullable { members.append(("nullable", true)) }
    return .object(members + described)
  }

  private var described: [(name: String, value: JSON)] {
    var members: [(name: String, value: JSON)] = [
      ("title", .string(title)), ("description", .string(summary)),
    ]
    if let initial { members.append(("default", initial)) }
    if let range {
      members += [("minimum", range.lowerBound), ("maximum", range.upperBound)]
    }
    if !value.choices.isEmpty {
      let null: [JSON] = value.isNullable ? [.null] : []
      members.append(("enum", .array(value.choices.map(JSON.string) + null)))
    }
    return members
  }
}
