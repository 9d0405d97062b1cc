// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
package import Safetensors

/// Tensors that the reference made, with what it made them from: a JSON manifest beside a safetensors
/// file.
///
/// Large tensors are kept as every `stride`-th element.
package struct Golden: Sendable {
  package let folder: String
  package let manifest: Manifest
  private let file: SafetensorsFile

  package struct Manifest: Decodable, Sendable {
    package let params: Parameters
    package let tensors: [String: Info]
  }

  package struct Info: Decodable, Sendable {
    package let shape: [Int]
    package let stride: Int
  }

  /// The arguments of the reference's call; absent ones have its defaults.
  package struct Parameters: Decodable, Sendable {
    package struct Image: Decodable, Sendable {
      package let file: String
      package let pre_resize: [Int]?
    }

    package enum Seeds: Decodable, Sendable {
      case one(UInt64), many([UInt64])

      package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let seed = try? container.decode(UInt64.self) {
          self = .one(seed)
        } else if let seed = try? container.decode(Int64.self) {
          self = .one(UInt64(bitPattern: seed))
        } else {
          self = .many(try container.decode([UInt64].self))
        }
      }

      package var all: [UInt64] {
        switch self {
        case .one(let seed): [seed]
        case .many(let seeds): seeds
        }
      }
    }

    package let images: [Image]
    package let width, height: Int
    package let num_frames, num_inference_steps, num_videos_per_prompt, decode_chunk_size: Int?
    package let fps, motion_bucket_id: Int?
    package let min_guidance_scale, max_guidance_scale, noise_aug_strength, callback_scale: Float?
    package let sigmas: [Float]?
    package let seed: Seeds?
    package let dtype: String?
    package let legacy_time_context: Bool?
  }

  /// Opens `folder/run.json` and `folder/run.safetensors`.
  package init(folder: String, run: String) throws {
    self.folder = folder
    let data = try Data(contentsOf: URL(filePath: "\(folder)/\(run).json"))
    manifest = try JSONDecoder().decode(Manifest.self, from: data)
    file = try SafetensorsFile(path: "\(folder)/\(run).safetensors")
  }

  /// Whether the reference kept a tensor of this name.
  package func has(_ name: String) -> Bool { file.entries[name] != nil }

  /// The kept elements of a tensor, as float32.
  package func values(_ name: String) throws -> [Float] {
    try floats(name, of: file)
  }

  /// The kept elements of a tensor of bytes.
  package func bytes(_ name: String) throws -> [UInt8] {
    guard let bytes = unsafe file.withBytes(of: name, { unsafe [UInt8]($0) }) else {
      throw MissingGolden(name: name)
    }
    return bytes
  }
}

/// A named tensor of any number type, as float32.
package func floats(_ name: String, of file: SafetensorsFile) throws -> [Float] {
  guard let entry = file.entries[name] else { throw MissingGolden(name: name) }
  let values: [Float]?? = unsafe file.withBytes(of: name) { bytes -> [Float]? in
    switch entry.elementType {
    case .float32:
      (0..<entry.elementCount).map {
        unsafe bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
      }
    case .float16:
      (0..<entry.elementCount).map {
        Float(unsafe bytes.loadUnaligned(fromByteOffset: $0 * 2, as: Float16.self))
      }
    case .uint8: unsafe bytes.map { Float($0) }
    default: nil
    }
  }
  guard let values, let values else { throw MissingGolden(name: name) }
  return values
}

/// A tensor that the fixtures should hold and do not.
package struct MissingGolden: Error {
  package let name: String
}

/// The repository's fixtures.
package enum Fixtures {
  package static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return parts.joined(separator: "/") + "/Fixtures"
  }()
}
