// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The names that the files of one component's checkpoint go by.
struct CheckpointLayout {
  let folder: String
  let stem: String
  let variant: String?

  /// Names the files of `stem` in `folder`, those of `variant` if one is given.
  ///
  /// - Throws: ``SafetensorsError`` with code `invalidArgument` for a stem or variant that is no plain
  ///   part of a file name.
  init(folder: String, stem: String, variant: String?) throws(SafetensorsError) {
    for (what, part) in [("stem", stem), ("variant", variant ?? "plain")]
    where part.isEmpty || part.utf8.contains(0) || part.contains("/") {
      throw SafetensorsError(
        .invalidArgument,
        path: folder,
        "the \(what) \(quoted(part)) is not part of a file name"
      )
    }
    self.folder = folder
    self.stem = stem
    self.variant = variant
  }

  /// The same component without a variant.
  var plain: CheckpointLayout {
    get throws(SafetensorsError) { try CheckpointLayout(folder: folder, stem: stem, variant: nil) }
  }

  private var variantStem: String { variant.map { "\(stem).\($0)" } ?? stem }

  /// The checkpoint in one file.
  var single: String { "\(variantStem).safetensors" }

  /// The index of a sharded checkpoint: today's spelling first, then the one of diffusers 0.30.
  var indices: [String] {
    guard let variant else { return ["\(stem).safetensors.index.json"] }
    return [
      "\(stem).safetensors.index.\(variant).json", "\(stem).safetensors.\(variant).index.json",
    ]
  }

  /// Every name that stands for the whole checkpoint, in the order in which they are looked for.
  var candidates: [String] { [single] + indices }

  /// The name of a shard; `number` counts from 1.
  func shard(_ number: Int, of count: Int) -> String {
    func padded(_ value: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    return "\(variantStem)-\(padded(number))-of-\(padded(count)).safetensors"
  }

  /// The path of the file called `name`.
  func path(_ name: String) -> String { pathJoining(folder, name) }

  /// The first of ``candidates`` that is there, be it a link to nothing.
  var firstPresent: String? {
    candidates.first { name in
      var status = stat()
      return unsafe lstat(path(name), &status) == 0
    }
  }
}

/// The path of the file called `name` in `folder`.
func pathJoining(_ folder: String, _ name: String) -> String {
  folder.hasSuffix("/") || folder.isEmpty ? folder + name : "\(folder)/\(name)"
}

/// The names in the folder at `path`, sorted, or `nil` if there is no such folder.
func fileNames(inFolder path: String) -> [String]? {
  guard let stream = unsafe opendir(path.isEmpty ? "." : path) else { return nil }
  defer { unsafe closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { characters in
        unsafe String(cString: characters)
      }
    }
    names.append(name)
  }
  return names.sorted()
}
