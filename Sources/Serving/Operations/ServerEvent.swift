// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// One event of a stream of Server-Sent Events, as the HTML standard has them.
public struct ServerEvent: Sendable, Equatable {
  /// What a client that comes back says it saw last; nil leaves that as it was.
  public var id: String?
  /// The kind of event; nil for `message`.
  public var name: String?
  /// What it tells; may have several lines.
  public var data: String

  /// Creates an event.
  public init(id: String? = nil, name: String? = nil, data: String) {
    self.id = id
    self.name = name
    self.data = data
  }

  /// Creates an event that tells a JSON value.
  public init(id: String? = nil, name: String? = nil, json: JSON) {
    self.init(id: id, name: name, data: json.text)
  }

  /// A line that clients skip: it shows them, and whatever stands between, that the server is there.
  static let heartbeat = ": still here\n\n"

  /// The event as it goes over the wire.
  package var text: String {
    var text = ""
    // A line break in one of these would begin another field, and a NUL makes an id void.
    if let id { text += "id: \(Self.line(id))\n" }
    if let name { text += "event: \(Self.line(name))\n" }
    for line in data.split(omittingEmptySubsequences: false, whereSeparator: Self.isBreak) {
      text += "data: \(line)\n"
    }
    return text + "\n"
  }

  private static func line(_ text: String) -> String {
    String(text.filter { !isBreak($0) && $0 != "\0" })
  }

  /// Other characters that Unicode counts as line breaks end no line here.
  private static func isBreak(_ character: Character) -> Bool {
    character == "\n" || character == "\r" || character == "\r\n"
  }
}
