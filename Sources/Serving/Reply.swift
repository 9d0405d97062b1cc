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
    case file(path: String, fileName: String?)
    case json(JSON)
    case bytes([UInt8])
    case events(EventBody.Source, heartbeat: Duration)
    case nothing
  }

  let content: Content
  /// The HTTP status.
  public let status: Int

  /// The name under which a client should save a file; nil for anything else.
  package var fileName: String? {
    if case .file(_, let name) = content { name } else { nil }
  }

  /// Its media type, such as `video/mp4`; nil if there is nothing.
  public let contentType: String?
  /// Further headers, by name.
  public let headers: [String: String]

  /// Answers with a file.
  ///
  /// An operation that is asked with `GET` sends parts of it too (`Range`), and says that it has not
  /// changed (`ETag`, `If-None-Match`): so a file that goes this way must not be written to again.
  ///
  /// - Parameters:
  ///   - path: Where the file is: opened before the request's directory goes, so it may lie in it.
  ///   - contentType: Its media type, such as `video/mp4`.
  ///   - fileName: The name under which a client should save it; characters other than letters,
  ///     digits, dots, hyphens and underscores are replaced. Nil for a file to be shown in place.
  ///   - headers: Further headers, by name.
  public init(
    file path: String,
    contentType: String,
    fileName: String?,
    headers: [String: String] = [:]
  ) {
    // Clients make a path of the name, and headers end at a line break.
    let safe = fileName?.map { character in
      character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
        ? character : "_"
    }
    self.init(
      .file(path: path, fileName: safe.map { String($0) }),
      contentType: contentType,
      headers: headers
    )
  }

  /// Answers with a JSON value.
  ///
  /// - Parameters:
  ///   - json: The value.
  ///   - status: The HTTP status, such as 202 for what will be done later.
  ///   - headers: Further headers, by name.
  public init(json: JSON, status: Int = 200, headers: [String: String] = [:]) {
    self.init(.json(json), status: status, contentType: "application/json", headers: headers)
  }

  /// Answers with bytes that are held in memory.
  ///
  /// - Parameters:
  ///   - bytes: What to send.
  ///   - contentType: Its media type.
  ///   - headers: Further headers, by name.
  public init(bytes: [UInt8], contentType: String, headers: [String: String] = [:]) {
    self.init(.bytes(bytes), contentType: contentType, headers: headers)
  }

  /// Answers with events as they come (Server-Sent Events); for operations only.
  ///
  /// The stream ends after the last event, when the client leaves, and when the server is told to
  /// stop; whoever makes the events then sees their iteration cancelled.
  ///
  /// - Parameters:
  ///   - events: The events. If they throw, the connection is cut, and clients come back by themselves
  ///     with the id they saw last in the header `Last-Event-ID`.
  ///   - heartbeat: How long a client hears nothing at most; a comment fills the time.
  ///   - headers: Further headers, by name.
  public init<Events: AsyncSequence & Sendable>(
    events: Events,
    heartbeat: Duration = .seconds(15),
    headers: [String: String] = [:]
  ) where Events.Element == ServerEvent {
    // A cache or a proxy that collects the answer first would hold the events back.
    let own = ["cache-control": "no-cache", "x-accel-buffering": "no"]
    self.init(
      .events(
        { send in for try await event in events { await send(event) } },
        heartbeat: heartbeat
      ),
      contentType: "text/event-stream",
      headers: own.merging(headers) { $1 }
    )
  }

  /// Answers with nothing, and status 204.
  ///
  /// - Parameter headers: Further headers, by name.
  /// - Returns: The reply.
  public static func empty(headers: [String: String] = [:]) -> Reply {
    Reply(.nothing, status: 204, contentType: nil, headers: headers)
  }

  private init(
    _ content: Content,
    status: Int = 200,
    contentType: String?,
    headers: [String: String]
  ) {
    self.content = content
    self.status = status
    self.contentType = contentType
    self.headers = headers
  }
}
