// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import SystemPackage

/// A file or directory that is written under a temporary name beside the real one.
struct PartialOutput {
  /// The temporary name.
  let path: String
  private let destination: String
  private let directory: String
  private let isDirectory: Bool

  /// Chooses a temporary name and, for a directory, makes it.
  init(path destination: String, isDirectory: Bool) throws(MediaError) {
    let target = FilePath(destination)
    guard let name = target.lastComponent?.string else {
      throw MediaError(.destinationUnusable, "\(destination) is not the name of a file")
    }
    let parent = target.removingLastComponent()
    let random = String(UInt64.random(in: .min ... .max), radix: 36)
    self.destination = destination
    self.isDirectory = isDirectory
    directory = parent.isEmpty ? "." : parent.string
    path = FilePath(directory).appending(".\(name).partial-\(random)").string

    var status = stat()
    guard unsafe stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw MediaError(
        .destinationUnusable,
        "cannot write \(destination): \(directory) is not a directory"
      )
    }
    let exists = unsafe stat(destination, &status) == 0
    let isTaken = exists && status.st_mode & S_IFMT == S_IFDIR
    if isDirectory {
      guard !exists || isTaken && Self.entries(of: destination).isEmpty else {
        throw MediaError(
          .destinationUnusable,
          "cannot write frames to \(destination): it exists and is not an empty directory"
        )
      }
      guard unsafe mkdir(path, 0o777) == 0 else { throw Self.failure(destination) }
    } else {
      guard !isTaken else {
        throw MediaError(
          .destinationUnusable,
          "cannot write \(destination): a directory has that name"
        )
      }
      // Tells a directory that may not be written now rather than after the first frame.
      let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw Self.failure(destination) }
      close(descriptor)
    }
  }

  /// The paths of what was written, in the order of their names.
  func files() -> [String] {
    isDirectory ? Self.entries(of: path).sorted().map { "\(path)/\($0)" } : [path]
  }

  /// Flushes what was written to the disk and gives it its name.
  func commit() throws(MediaError) {
    if isDirectory {
      for entry in Self.entries(of: path) { try flush("\(path)/\(entry)") }
    }
    try flush(path)
    guard unsafe rename(path, destination) == 0 else { throw Self.failure(destination) }
    // The video is whole and has its name by now; some file systems cannot flush a directory.
    try? flush(directory)
  }

  /// Removes whatever there is under the temporary name.
  func discard() {
    if isDirectory {
      for entry in Self.entries(of: path) { unsafe unlink("\(path)/\(entry)") }
      unsafe rmdir(path)
    } else {
      unsafe unlink(path)
    }
  }

  private func flush(_ path: String) throws(MediaError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(destination) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw Self.failure(destination) }
  }

  private static func entries(of directory: String) -> [String] {
    guard let handle = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(handle) }
    var names: [String] = []
    while let entry = unsafe readdir(handle) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// What the last call said.
  static func failure(_ destination: String) -> MediaError {
    let error = Errno(rawValue: errno)
    let isFull = error == .noSpace || error == .fileTooLarge || error == Errno(rawValue: EDQUOT)
    return MediaError(
      isFull ? .diskFull : .destinationUnusable,
      "cannot write \(destination): \(error)"
    )
  }
}
