// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The reference draws its noise channels first; everything here is channels last.

/// Turns `[images, channels, pixels]` into `[images, pixels, channels]`.
package func channelsLast(_ values: [Float], images: Int, channels: Int) -> [Float] {
  transposed(values, pieces: images, rows: channels)
}

/// Turns `[images, pixels, channels]` into `[images, channels, pixels]`.
package func channelsFirst(_ values: [Float], images: Int, channels: Int) -> [Float] {
  transposed(values, pieces: images, rows: values.count / max(images * channels, 1))
}

private func transposed(_ values: [Float], pieces: Int, rows: Int) -> [Float] {
  let columns = values.count / max(pieces * rows, 1)
  return unsafe [Float](unsafeUninitializedCapacity: values.count) { result, count in
    unsafe values.withUnsafeBufferPointer { values in
      for piece in 0..<pieces {
        let start = piece * rows * columns
        for row in 0..<rows {
          for column in 0..<columns {
            unsafe result.initializeElement(
              at: start + column * rows + row,
              to: values[start + row * columns + column]
            )
          }
        }
      }
    }
    count = values.count
  }
}
