// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Glibc
package import NIOCore

/// Reads a multipart/form-data body (RFC 7578) as it arrives.
///
/// Holds no more than one chunk, one part's headers and one delimiter, whatever the size of the body.
/// The same bytes give the same parts however they are cut into chunks.
package struct MultipartParser {
  /// What was found, in the order of the body.
  package enum Event: Equatable, Sendable {
    /// A part begins.
    case part(PartHead)
    /// Some bytes of the part that began last, at least one.
    case content(ByteBuffer)
    /// The part is complete.
    case endOfPart
  }

  private enum State {
    case preamble, delimiterTail, head, content, epilogue
  }

  /// Line break, two hyphens, boundary: what stands between parts.
  private let delimiter: [UInt8]
  private let limits: BodyLimits
  private var state = State.preamble
  private var partCount = 0
  private var buffer: ByteBuffer

  /// Creates a parser for one body.
  ///
  /// - Parameters:
  ///   - boundary: The `boundary` parameter of the content type.
  ///   - limits: The most that is taken of each kind.
  /// - Throws: ``ServingError`` with code `invalidInput` if the boundary is not 1 to 70 printable
  ///   ASCII characters (RFC 2046 section 5.1.1).
  package init(boundary: String, limits: BodyLimits) throws(ServingError) {
    guard (1...70).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ (32...126) ~= $0 }),
      boundary.utf8.last != UInt8(ascii: " ")
    else { throw Self.malformed("the boundary must be 1 to 70 printable ASCII characters") }
    self.delimiter = Array("\r\n--\(boundary)".utf8)
    self.limits = limits
    // The first delimiter may open the body: as if a line break stood before it.
    self.buffer = ByteBuffer(bytes: [13, 10])
  }

  /// Adds bytes that arrived.
  ///
  /// Call ``next()`` until it gives nil before adding more.
  package mutating func append(_ chunk: ByteBuffer) {
    guard buffer.readableBytes > 0 else {
      buffer = chunk
      return
    }
    var joined = ByteBuffer()
    joined.reserveCapacity(buffer.readableBytes + chunk.readableBytes)
    joined.writeImmutableBuffer(buffer)
    joined.writeImmutableBuffer(chunk)
    buffer = joined
  }

  /// Gives the next event, or nil when more bytes are needed.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput` if the body is malformed or has more or
  ///   longer parts than the limits allow.
  package mutating func next() throws(ServingError) -> Event? {
    while true {
      switch state {
      case .preamble:
        if try scan() != nil { continue }
        if state == .preamble { return nil }
      case .content:
        if let content = try scan() { return .content(content) }
        guard state == .delimiterTail else { return nil }
        return .endOfPart
      case .delimiterTail:
        guard try readDelimiterTail() else { return nil }
      case .head:
        return try readHead().map(Event.part)
      case .epilogue:
        buffer = ByteBuffer()
        return nil
      }
    }
  }

  /// Checks that the body came to its end.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput` if the closing boundary is missing.
  package func finish() throws(ServingError) {
    switch state {
    case .epilogue: return
    case .preamble:
      throw Self.malformed("the boundary that the content type names is nowhere in the body")
    case .delimiterTail, .head, .content:
      throw Self.malformed("the body ends before its closing boundary: it was cut off")
    }
  }

  /// Takes bytes up to the next delimiter, or as many as surely belong to none.
  ///
  /// Having taken a delimiter, it changes the state and gives nil.
  private mutating func scan() throws(ServingError) -> ByteBuffer? {
    let (count, isDelimited) = unsafe buffer.withUnsafeReadableBytes { bytes in
      unsafe delimiter.withUnsafeBytes { delimiter in unsafe Self.content(of: bytes, delimiter) }
    }
    if isDelimited && count == 0 {
      buffer.moveReaderIndex(forwardBy: delimiter.count)
      state = .delimiterTail
    }
    return count > 0 ? buffer.readSlice(length: count) : nil
  }

  /// How many bytes stand before the first delimiter, or before what may be the beginning of one.
  ///
  /// - Returns: The number, and whether it is a whole delimiter that follows.
  private static func content(
    of bytes: UnsafeRawBufferPointer,
    _ delimiter: UnsafeRawBufferPointer
  ) -> (count: Int, isDelimited: Bool) {
    guard let base = bytes.baseAddress, let pattern = delimiter.baseAddress,
      let first = unsafe delimiter.first
    else { return (0, false) }
    var start = 0
    // The library's search looks at 32 bytes at a time.
    while let found = unsafe memchr(base + start, Int32(first), bytes.count - start) {
      start = unsafe UnsafeRawPointer(found) - base
      let length = min(delimiter.count, bytes.count - start)
      if unsafe memcmp(found, pattern, length) == 0 {
        return (start, length == delimiter.count)
      }
      start += 1
    }
    return (bytes.count, false)
  }

  /// Reads what follows a boundary: `--` after the last, else padding and a line break.
  private mutating func readDelimiterTail() throws(ServingError) -> Bool {
    let view = buffer.readableBytesView
    if view.starts(with: Array("--".utf8)) {
      state = .epilogue
      return true
    }
    let padding = view.prefix { $0 == 32 || $0 == 9 }.count
    guard padding <= limits.partHeaderBytes else { throw headerTooLong }
    let rest = view.dropFirst(padding)
    if rest.starts(with: [13, 10]) {
      buffer.moveReaderIndex(forwardBy: padding + 2)
      state = .head
      return true
    }
    let isUndecided =
      rest.isEmpty || rest.elementsEqual([13]) || (padding == 0 && rest.elementsEqual([45]))
    guard isUndecided else {
      throw Self.malformed("a boundary must be followed by a line break or two hyphens")
    }
    return false
  }

  /// Reads a part's headers once their closing empty line is there.
  private mutating func readHead() throws(ServingError) -> PartHead? {
    let view = buffer.readableBytesView
    var lines: [ByteBufferView] = []
    var from = view.startIndex
    while let end = view[from...].firstIndex(of: 10) {
      guard end > from, view[end - 1] == 13 else {
        throw Self.malformed("a part's header lines must end with carriage return and line feed")
      }
      let length = end + 1 - view.startIndex
      guard length <= limits.partHeaderBytes else { throw headerTooLong }
      if end - 1 == from {
        partCount += 1
        guard partCount <= limits.parts else {
          throw Self.malformed("the form has more than \(limits.parts) parts")
        }
        let head = try PartHead(lines: lines)
        buffer.moveReaderIndex(forwardBy: length)
        state = .content
        return head
      }
      lines.append(view[from..<(end - 1)])
      from = end + 1
    }
    guard view.count <= limits.partHeaderBytes else { throw headerTooLong }
    return nil
  }

  private var headerTooLong: ServingError {
    Self.malformed("the headers of a part are longer than \(limits.partHeaderBytes) bytes")
  }

  static func malformed(_ message: String) -> ServingError {
    ServingError([InputProblem("multipart_invalid", message)])
  }
}

/// The headers of one part, as far as a form needs them.
package struct PartHead: Equatable, Sendable {
  /// The field's name.
  package let name: String
  /// The client's name for the file, nil if the part is not one.
  ///
  /// Empty if a page's file input was left blank. Never used as a path.
  package let fileName: String?

  init(lines: [ByteBufferView]) throws(ServingError) {
    var disposition: HeaderParameters?
    for line in lines {
      guard let text = String(validating: line, as: UTF8.self),
        let colon = text.firstIndex(of: ":"), colon > text.startIndex,
        !text.hasPrefix(" "), !text.hasPrefix("\t")
      else { throw MultipartParser.malformed("a header of a part is not a name and a value") }
      let value = String(text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
      switch text[..<colon].lowercased() {
      case "content-disposition":
        guard disposition == nil, let parsed = HeaderParameters(value),
          parsed.value == "form-data", parsed["name"] != nil
        else {
          throw MultipartParser.malformed(
            "a part needs one Content-Disposition of form-data with a name"
          )
        }
        disposition = parsed
      case "content-transfer-encoding":
        guard ["binary", "8bit", "7bit"].contains(value.lowercased()) else {
          throw MultipartParser.malformed(
            "Content-Transfer-Encoding must be binary: send the bytes as they are"
          )
        }
      default: continue
      }
    }
    guard let disposition, let name = disposition["name"] else {
      throw MultipartParser.malformed("a part has no Content-Disposition, so no name")
    }
    self.name = name
    self.fileName = disposition["filename"]
  }
}
