// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What the replies of an endpoint consist of.
public struct ReplyKind: Sendable, Equatable {
  /// The media type, perhaps with a wildcard, as `video/*`.
  let mediaType: String
  let isFile: Bool
  /// Media types that replies may have instead.
  var others: [String] = []

  /// A JSON value.
  public static let json = ReplyKind(mediaType: "application/json", isFile: false)

  /// A file.
  ///
  /// - Parameters:
  ///   - mediaType: What its files have in common, such as `video/*`.
  ///   - others: The media types of files that are exceptions.
  /// - Returns: The kind.
  public static func file(_ mediaType: String, or others: String...) -> ReplyKind {
    ReplyKind(mediaType: mediaType, isFile: true, others: others)
  }
}

/// What answers a request.
public struct Reply: Sendable {
  enum Content: Sendable {
    case file(path: String, fileName: String)
    case json(JSON)
  }

  let content: Content

  /// The name under which a client should save a file; nil for anything else.
  package var fileName: String? {
    if case .file(_, let name) = content { name } else { nil }
  }

  /// Its media type, such as `video/mp4`.
  public let contentType: String
  /// Further headers, by name.
  public let headers: [String: String]

  /// Answers with a file.
  ///
  /// - Parameters:
  ///   - path: Where the file is: opened before the request's directory goes, so it may lie in it.
  ///   - contentType: Its media type, such as `video/mp4`.
  ///   - fileName: The name under which a client should save it; characters other than letters,
  ///     digits, dots, hyphens and underscores are replaced.
  ///   - headers: Further headers, by name.
  public init(
    file path: String,
    contentType: String,
    fileName: String,
    headers: [String: String] = [:]
  ) {
    // Clients make a path of the name, and headers end at a line break.
    let safe = fileName.map { character in
      character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
        ? character : "_"
    }
    self.content = .file(path: path, fileName: String(safe))
    self.contentType = contentType
    self.headers = headers
  }

  /// Answers with a JSON value.
  public init(json: JSON, headers: [String: String] = [:]) {
    self.content = .json(json)
    self.contentType = "application/json"
    self.headers = headers
  }
}
