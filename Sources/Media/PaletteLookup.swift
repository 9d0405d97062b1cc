// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A list of colours that pixels point into.
struct PaletteLookup {
  /// 256 colours of 3 bytes.
  ///
  /// Those the file leaves out are greys, as Pillow fills them in.
  private let colors: [UInt8]

  /// Takes the colours of a file, in order, red first.
  init(rgb: [UInt8]) {
    let given = rgb.prefix(256 * 3)
    colors = given + (given.count / 3..<256).flatMap { [UInt8](repeating: UInt8($0), count: 3) }
  }

  func rgb(_ indices: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(indices.count * 3)
    for index in indices {
      let start = Int(index) * 3
      result.append(colors[start])
      result.append(colors[start + 1])
      result.append(colors[start + 2])
    }
    return result
  }
}
