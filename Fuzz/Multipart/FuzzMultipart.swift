// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOCore

/// What a body holds: name, file name and bytes of each part.
private struct Part: Equatable {
  var name: String
  var fileName: String?
  var bytes: [UInt8] = []
}

/// Parses a body that arrives in pieces of `size` bytes; nil if it is malformed.
private func parse(_ body: ArraySlice<UInt8>, by size: Int) -> [Part]? {
  var limits = BodyLimits()
  // Small enough for inputs to reach them.
  limits.parts = 5
  limits.partHeaderBytes = 200
  do {
    var parser = try MultipartParser(boundary: "XX", limits: limits)
    var parts: [Part] = []
    var rest = body
    while !rest.isEmpty {
      parser.append(ByteBuffer(bytes: rest.prefix(size)))
      rest = rest.dropFirst(size)
      while let event = try parser.next() {
        switch event {
        case .part(let head): parts.append(Part(name: head.name, fileName: head.fileName))
        case .content(let bytes):
          precondition(bytes.readableBytes > 0, "a piece of content without bytes")
          parts[parts.count - 1].bytes += Array(bytes.readableBytesView)
        case .endOfPart: precondition(!parts.isEmpty, "the end of a part that never began")
        }
      }
    }
    try parser.finish()
    precondition(parts.reduce(0) { $0 + $1.bytes.count } <= body.count, "bytes out of nothing")
    return parts
  } catch { return nil }
}

/// Called by libFuzzer with an input: the size of the pieces, then a body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMultipart(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let size = input.first else { return 0 }
  let body = input.dropFirst()
  let whole = parse(body, by: max(1, body.count))
  precondition(whole == parse(body, by: Int(size) % 32 + 1), "cut apart, it reads otherwise")
  if let header = HeaderParameters(String(decoding: body, as: UTF8.self)) {
    precondition(!header.value.isEmpty, "a header without a value")
  }
  return 0
}
