// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a safetensors file or checkpoint could not be read or written.
public struct SafetensorsError: Error, Sendable, Equatable {
  /// The kind of failure.
  public let code: Code
  /// The file or folder concerned.
  public let path: String
  /// The tensor concerned, where the failure is about one.
  public let tensor: String?
  /// What went wrong and what to do about it, in one line, without path and tensor.
  public let message: String

  init(_ code: Code, path: String, tensor: String? = nil, _ message: String) {
    self.code = code
    self.path = path
    self.tensor = tensor
    self.message = message
  }

  /// A kind of failure.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String, Hashable {
      case notFound, inputOutput, malformedFile, unsupportedElementType, malformedIndex
      case invalidArgument
    }

    private let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// There is no such file or folder, or the folder holds no checkpoint of the wanted name.
    public static let notFound = Code(.notFound)
    /// The operating system refused to open, map, read, write or rename a file.
    public static let inputOutput = Code(.inputOutput)
    /// The file's header, or its size, breaks the format.
    public static let malformedFile = Code(.malformedFile)
    /// The file holds a tensor of a kind that ``ElementType`` does not list.
    public static let unsupportedElementType = Code(.unsupportedElementType)
    /// The index of a sharded checkpoint is not readable or does not fit its shards.
    public static let malformedIndex = Code(.malformedIndex)
    /// The caller asked for something that cannot be: a bad name, a bad shape, a wrong byte count.
    public static let invalidArgument = Code(.invalidArgument)

    /// The code's name.
    public var description: String { kind.rawValue }
  }
}

extension SafetensorsError: CustomStringConvertible {
  /// Path, tensor and message in one line.
  public var description: String {
    let subject = tensor.map { "tensor \(quoted($0)): " } ?? ""
    return "\(printable(path)): \(subject)\(message)"
  }
}

/// `text` between quotation marks, fit for one line of a log: names come from untrusted files.
func quoted(_ text: String) -> String {
  "\"\(printable(text, limit: 200))\""
}

private func printable(_ text: String, limit: Int = .max) -> String {
  var result = ""
  for (count, scalar) in text.unicodeScalars.enumerated() {
    if count == limit { return result + "…" }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      result += scalar.escaped(asASCII: true)
    default:
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}
