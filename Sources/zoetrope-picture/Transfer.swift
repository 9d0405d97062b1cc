// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
internal import Media

/// Reads the whole input, and stops when there is more than the limit.
func readInput(_ options: Options) throws(MediaError) -> [UInt8] {
  var descriptor = STDIN_FILENO
  if let path = options.path {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw MediaError(.unreadableFile, "cannot open \(path) (error \(errno))")
    }
  }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = unsafe read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else {
      throw MediaError(.unreadableFile, "cannot read the picture (error \(errno))")
    }
    if count == 0 { return bytes }
    bytes.append(contentsOf: chunk[..<count])
    guard bytes.count <= options.limits.bytes else {
      throw MediaError(
        .pictureTooLarge,
        "the picture has more than the \(options.limits.bytes) bytes that are accepted"
      )
    }
  }
}

/// Writes every byte, or ends the process when nobody reads them any more.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var done = 0
  while done < bytes.count {
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
    }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { exit(PictureExit.outOfResources.rawValue) }
    done += count
  }
}
