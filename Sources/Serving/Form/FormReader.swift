// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOCore

/// Reads a request's body into the inputs of a form, files into the request's directory.
struct FormReader: Sendable {
  let entries: [FormEntry]
  let limits: BodyLimits
  let directory: RequestDirectory

  /// Reads the whole body.
  ///
  /// - Throws: ``ServingError`` if the body is too large, malformed, of a type that is not read, or
  ///   cut off, or if the disk is full; `CancellationError`.
  func read(
    _ body: some AsyncSequence<ByteBuffer, any Error>,
    contentType: String?
  ) async throws -> [String: FieldInput] {
    // What comes without a type is JSON to BentoML.
    guard let contentType else { return try await readJSON(body) }
    let type = HeaderParameters(contentType)
    switch type?.value {
    case "multipart/form-data":
      guard let boundary = type?["boundary"] else {
        throw MultipartParser.malformed("the content type has no boundary")
      }
      return try await readMultipart(body, boundary: boundary)
    case "application/x-www-form-urlencoded":
      return try await readPairs(body)
    case "application/json":
      return try await readJSON(body)
    case let other? where other.hasSuffix("+json"):
      return try await readJSON(body)
    default:
      throw ServingError(
        .unsupportedMediaType,
        "send the form as multipart/form-data or application/json, not \(contentType)"
      )
    }
  }

  // MARK: Multipart

  /// Where the bytes of the part at hand go.
  private enum Sink {
    case nowhere
    case text(String, ByteBuffer)
    case file(String, SpoolFile)
  }

  private func readMultipart(
    _ body: some AsyncSequence<ByteBuffer, any Error>,
    boundary: String
  ) async throws -> [String: FieldInput] {
    var parser = try MultipartParser(boundary: boundary, limits: limits)
    var inputs: [String: FieldInput] = [:]
    var sink = Sink.nowhere
    var received = 0
    for try await chunk in body {
      received += chunk.readableBytes
      guard received <= limits.bodyBytes else { throw limits.bodyTooLarge }
      parser.append(chunk)
      while let event = try parser.next() {
        switch event {
        case .part(let head):
          sink = try makeSink(for: head, given: inputs)
        case .content(let bytes):
          try await write(bytes, to: &sink)
        case .endOfPart:
          switch sink {
          case .nowhere: break
          case .text(let name, let bytes): inputs[name] = try text(bytes, name: name)
          case .file(let name, let file): inputs[name] = .file(try await file.finished())
          }
          sink = .nowhere
        }
      }
    }
    try parser.finish()
    return inputs
  }

  private func makeSink(for head: PartHead, given inputs: [String: FieldInput]) throws -> Sink {
    guard let entry = entries.first(where: { $0.name == head.name }) else { return .nowhere }
    // Swagger's page sends numbers as files, so only the declaration says what is a file.
    guard entry.isFile else { return .text(entry.name, ByteBuffer()) }
    // A page sends a file input that was left blank as a file without name or content.
    if head.fileName == "" { return .nowhere }
    // Of several files the first counts; of several values, the last: as BentoML has it.
    if case .file = inputs[entry.name] { return .nowhere }
    guard head.fileName != nil else { throw notAFile(entry.name) }
    return .file(entry.name, try SpoolFile(in: directory, name: entry.name))
  }

  private func write(_ bytes: ByteBuffer, to sink: inout Sink) async throws {
    switch sink {
    case .nowhere: return
    case .file(_, let file): try await file.append(bytes)
    case .text(let name, var text):
      guard text.readableBytes + bytes.readableBytes <= limits.fieldBytes else {
        throw fieldTooLong(name)
      }
      // The copy in the enum must go first, or every write would copy the text.
      sink = .nowhere
      text.writeImmutableBuffer(bytes)
      sink = .text(name, text)
    }
  }

  private func fieldTooLong(_ name: String) -> ServingError {
    ServingError(
      .tooLarge,
      "\(name) is longer than the \(limits.fieldBytes) bytes a field may have"
    )
  }

  private func text(_ bytes: ByteBuffer, name: String) throws -> FieldInput {
    guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
      throw ServingError([InputProblem("string_unicode", field: name, "\(name) is not UTF-8")])
    }
    return .text(text)
  }

  private func notAFile(_ name: String) -> ServingError {
    ServingError([
      InputProblem(
        "file_type",
        field: name,
        "\(name) must be sent as a file, not as text; addresses are not fetched"
      )
    ])
  }

  // MARK: Bodies held in memory

  private func readAll(
    _ body: some AsyncSequence<ByteBuffer, any Error>,
    _ kind: String
  ) async throws -> ByteBuffer {
    var bytes = ByteBuffer()
    for try await chunk in body {
      guard bytes.readableBytes + chunk.readableBytes <= limits.jsonBytes else {
        throw ServingError(
          .tooLarge,
          "the \(kind) body is larger than the limit of \(limits.jsonBytes) bytes"
        )
      }
      bytes.writeImmutableBuffer(chunk)
    }
    return bytes
  }

  /// Reads `name=value&name=value` (the URL standard's `application/x-www-form-urlencoded`).
  private func readPairs(
    _ body: some AsyncSequence<ByteBuffer, any Error>
  ) async throws -> [String: FieldInput] {
    let bytes = try await readAll(body, "form")
    var inputs: [String: FieldInput] = [:]
    var count = 0
    for pair in bytes.readableBytesView.split(separator: UInt8(ascii: "&")) {
      count += 1
      guard count <= limits.parts else {
        throw ServingError([
          InputProblem("form_invalid", "the form has more than \(limits.parts) fields")
        ])
      }
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      guard
        let entry = entries.first(where: {
          $0.name.utf8.elementsEqual(PercentEncoding.formBytes(name))
        })
      else { continue }
      guard !entry.isFile else { throw notAFile(entry.name) }
      let value = ByteBuffer(bytes: PercentEncoding.formBytes(pair.dropFirst(name.count + 1)))
      guard value.readableBytes <= limits.fieldBytes else { throw fieldTooLong(entry.name) }
      inputs[entry.name] = try text(value, name: entry.name)
    }
    return inputs
  }

  private func readJSON(
    _ body: some AsyncSequence<ByteBuffer, any Error>
  ) async throws -> [String: FieldInput] {
    let bytes = try await readAll(body, "JSON")
    // As BentoML has it: no body at all leaves every field at its default.
    guard bytes.readableBytes > 0 else { return [:] }
    guard let value = JSON(parsing: bytes.readableBytesView) else {
      throw ServingError([InputProblem("json_invalid", "the body is not JSON")])
    }
    guard case .object(let members) = value else {
      throw ServingError([InputProblem("model_type", "the body must be a JSON object")])
    }
    var inputs: [String: FieldInput] = [:]
    for (name, value) in members {
      guard let entry = entries.first(where: { $0.name == name }) else { continue }
      if entry.isFile, let text = Self.fileText(value, entry) {
        inputs[name] = .file(try await decodeFile(text, name: name))
      } else {
        inputs[name] = .json(value)
      }
    }
    return inputs
  }

  /// What may be a file's bytes.
  private static func fileText(_ value: JSON, _ entry: FormEntry) -> String? {
    switch value {
    case .string(let text): return text
    case .object(let members):
      for case (let name, .string(let text)) in members where entry.fileMembers.contains(name) {
        return text
      }
      return nil
    default: return nil
    }
  }

  /// Writes a file that came as base64, with or without a `data:` URI around it.
  private func decodeFile(_ text: String, name: String) async throws -> UploadedFile {
    var encoded = Substring(text)
    if text.hasPrefix("data:"), let comma = text.firstIndex(of: ",") {
      guard text[..<comma].hasSuffix(";base64") else { throw notBase64(name) }
      encoded = text[text.index(after: comma)...]
    }
    guard let bytes = Data(base64Encoded: String(encoded)) else { throw notBase64(name) }
    let file = try SpoolFile(in: directory, name: name)
    try await file.append(ByteBuffer(bytes: bytes))
    return try await file.finished()
  }

  private func notBase64(_ name: String) -> ServingError {
    ServingError([
      InputProblem("base64_invalid", field: name, "\(name) must be base64 or a base64 data: URI")
    ])
  }
}

extension BodyLimits {
  var bodyTooLarge: ServingError {
    ServingError(.tooLarge, "the body is larger than the limit of \(bodyBytes) bytes")
  }
}
