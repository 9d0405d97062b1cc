// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The index of a sharded checkpoint: which file holds which tensor.
struct CheckpointIndex {
  /// The file of each tensor.
  private(set) var shardNames: [String: String] = [:]

  /// The files that hold tensors, each once, sorted.
  var files: [String] { Set(shardNames.values).sorted() }

  /// Reads the index at `path`.
  ///
  /// - Throws: ``SafetensorsError`` with code `notFound` or `inputOutput` where the file cannot be read,
  ///   and `malformedIndex` where it is no index or names a file outside its own folder.
  init(path: String) throws(SafetensorsError) {
    let file = try InputFile(path: path)
    guard file.byteCount <= SafetensorsHeader.byteLimit else {
      throw SafetensorsError(
        .malformedIndex,
        path: path,
        "the index is \(file.byteCount) bytes long, and \(SafetensorsHeader.byteLimit) are allowed"
      )
    }
    let bytes = try file.read(0..<file.byteCount)
    var scanner = JSONScanner(bytes, path: path, document: "the index", code: .malformedIndex)
    var shardNames: [String: String]?
    try scanner.readObject("the index") { scanner, key throws(SafetensorsError) in
      if key == "weight_map" {
        shardNames = try Self.readWeightMap(&scanner)
      } else {
        try scanner.skipValue()
      }
    }
    try scanner.readEnd()
    guard let shardNames, !shardNames.isEmpty else {
      throw scanner.failure("weight_map is missing or empty")
    }
    self.shardNames = shardNames
  }

  private static func readWeightMap(
    _ scanner: inout JSONScanner
  ) throws(SafetensorsError) -> [String: String] {
    var shardNames: [String: String] = [:]
    try scanner.readObject("weight_map", namesTensors: true) {
      scanner,
      name throws(SafetensorsError) in
      scanner.tensor = name
      let shard = try scanner.readString("its file name")
      // The index must not reach files outside the checkpoint's folder.
      guard !shard.contains("/"), !shard.contains(".."), !shard.utf8.contains(0),
        shard.hasSuffix(".safetensors")
      else {
        throw scanner.failure(
          "\(quoted(shard)) is not the name of a safetensors file in the folder of the index"
        )
      }
      scanner.tensor = nil
      shardNames[name] = shard
    }
    return shardNames
  }

  /// The index of shards, as transformers writes it: sorted, and indented by two spaces.
  static func text(shardNames: [String: String], totalByteCount: Int) -> [UInt8] {
    let members = shardNames.sorted { $0.key < $1.key }.map { name, shard in
      "    \(jsonString(name)): \(jsonString(shard))"
    }.joined(separator: ",\n")
    return [UInt8](
      """
      {
        "metadata": {
          "total_size": \(totalByteCount)
        },
        "weight_map": {
      \(members)
        }
      }

      """.utf8
    )
  }
}
