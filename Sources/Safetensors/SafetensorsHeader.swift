// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The checked contents of a safetensors file's header.
///
/// The rules are those of the reference library: the header opens with a brace, at most 100 MB long;
/// the tensors lie end to end and fill the rest of the file, without holes, overlaps or bytes after
/// them. On top of those, no name may come twice.
struct SafetensorsHeader {
  /// The most bytes that a header may have, as in the reference library.
  static let byteLimit = 100_000_000
  /// The bytes before the header, which give its length.
  static let prefixByteCount = 8
  /// The key that holds text about the file in place of a tensor.
  static let metadataKey = "__metadata__"
  /// The most dimensions that a tensor may have, which is also the most that PyTorch allows.
  private static let rankLimit = 64

  /// Text about the file.
  private(set) var metadata: [String: String] = [:]
  /// The tensors in the order in which they lie in the file.
  private(set) var entries: [TensorEntry] = []

  /// Reads and checks the header `bytes` of the file at `path`, which is `fileByteCount` long.
  ///
  /// - Throws: ``SafetensorsError`` with code `malformedFile` or `unsupportedElementType`.
  init(_ bytes: [UInt8], path: String, fileByteCount: Int) throws(SafetensorsError) {
    var scanner = JSONScanner(bytes, path: path, document: "the header", code: .malformedFile)
    guard bytes.first == UInt8(ascii: "{") else {
      throw scanner.failure("the header is not an object: it does not open with '{'")
    }
    let dataStart = Self.prefixByteCount + bytes.count
    var metadata: [String: String] = [:]
    var entries: [TensorEntry] = []
    try scanner.readObject("the header", namesTensors: true) {
      scanner,
      name throws(SafetensorsError) in
      if name == Self.metadataKey {
        metadata = try Self.readMetadata(&scanner)
      } else {
        scanner.tensor = name
        entries.append(
          try Self.readEntry(
            &scanner,
            name: name,
            path: path,
            dataRange: dataStart..<fileByteCount
          )
        )
        scanner.tensor = nil
      }
    }
    try scanner.readEnd()
    self.metadata = metadata
    self.entries = try Self.arranged(entries, scanner, dataRange: dataStart..<fileByteCount)
  }

  private static func readMetadata(
    _ scanner: inout JSONScanner
  ) throws(SafetensorsError) -> [String: String] {
    var metadata: [String: String] = [:]
    try scanner.readObject(metadataKey) { scanner, key throws(SafetensorsError) in
      metadata[key] = try scanner.readString("the value of \(quoted(key)) in \(metadataKey)")
    }
    return metadata
  }

  private static func readEntry(
    _ scanner: inout JSONScanner,
    name: String,
    path: String,
    dataRange: Range<Int>
  ) throws(SafetensorsError) -> TensorEntry {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.readObject("its description") { scanner, key throws(SafetensorsError) in
      switch key {
      case "dtype": typeName = try scanner.readString("dtype")
      case "shape": shape = try readCounts(&scanner, "shape", limit: rankLimit)
      case "data_offsets": offsets = try readCounts(&scanner, "data_offsets", limit: 2)
      default: try scanner.skipValue()
      }
    }
    guard let typeName else { throw scanner.failure("dtype is missing") }
    guard let shape else { throw scanner.failure("shape is missing") }
    guard let offsets else { throw scanner.failure("data_offsets is missing") }
    guard let elementType = ElementType(rawValue: typeName) else {
      let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw SafetensorsError(
        .unsupportedElementType,
        path: path,
        tensor: name,
        "dtype \(quoted(typeName)) is not supported; convert the tensor to one of \(known)"
      )
    }
    guard let extent = elementType.extent(ofShape: shape) else {
      throw scanner.failure("shape \(shape) has more bytes than can be counted")
    }
    guard offsets.count == 2 else {
      throw scanner.failure("data_offsets has \(offsets.count) numbers, not 2")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else {
      throw scanner.failure("data_offsets \(offsets) end before they begin")
    }
    guard end <= dataRange.count else {
      throw scanner.failure(
        "data_offsets \(offsets) reach beyond the \(dataRange.count) bytes of data in the file; "
          + "the file may be incomplete: fetch it again"
      )
    }
    guard end - begin == extent.byteCount else {
      throw scanner.failure(
        "data_offsets \(offsets) span \(end - begin) bytes, but \(typeName) of shape \(shape) "
          + "has \(extent.byteCount)"
      )
    }
    return TensorEntry(
      name: name,
      elementType: elementType,
      shape: shape,
      byteRange: dataRange.lowerBound + begin..<dataRange.lowerBound + end,
      elementCount: extent.elementCount
    )
  }

  private static func readCounts(
    _ scanner: inout JSONScanner,
    _ what: String,
    limit: Int
  ) throws(SafetensorsError) -> [Int] {
    var counts: [Int] = []
    try scanner.readArray(what) { scanner throws(SafetensorsError) in
      counts.append(try scanner.readCount("a number in \(what)"))
      if counts.count > limit { throw scanner.failure("\(what) has more than \(limit) numbers") }
    }
    return counts
  }

  /// The entries in the order of their bytes, which must lie end to end and fill `dataRange`.
  private static func arranged(
    _ entries: [TensorEntry],
    _ scanner: JSONScanner,
    dataRange: Range<Int>
  ) throws(SafetensorsError) -> [TensorEntry] {
    // An empty tensor sorts before the one that begins at the same byte; ties keep the header's order.
    let sorted = entries.enumerated().sorted { left, right in
      let (a, b) = (left.element.byteRange, right.element.byteRange)
      return (a.lowerBound, a.upperBound, left.offset) < (b.lowerBound, b.upperBound, right.offset)
    }.map(\.element)
    var end = dataRange.lowerBound
    var previous: String?
    for entry in sorted {
      let begin = entry.byteRange.lowerBound
      if begin < end {
        let other = previous.map { "tensor \(quoted($0))" } ?? "the header"
        throw scanner.failure("its bytes overlap those of \(other)", tensor: entry.name)
      }
      if begin > end {
        throw scanner.failure(
          "\(begin - end) bytes before it belong to no tensor",
          tensor: entry.name
        )
      }
      end = entry.byteRange.upperBound
      previous = entry.name
    }
    guard end == dataRange.upperBound else {
      throw scanner.failure(
        "the last \(dataRange.upperBound - end) bytes of the file belong to no tensor"
      )
    }
    return sorted
  }
}
