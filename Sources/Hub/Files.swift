// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// What is asked of the file system.
package enum Files {
  /// What is at a path.
  enum Kind { case file, folder, link, other }

  /// What is at a path; nil for nothing.
  static func kind(_ path: String, followsLinks: Bool = true) -> Kind? {
    guard let mode = status(path, followsLinks: followsLinks)?.st_mode else { return nil }
    return switch mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    case S_IFLNK: .link
    default: .other
    }
  }

  /// The size of a regular file in bytes; nil if there is none.
  static func size(_ path: String) -> Int? {
    guard let status = status(path, followsLinks: true), status.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(status.st_size)
  }

  private static func status(_ path: String, followsLinks: Bool) -> stat? {
    var status = stat()
    let result = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
    return result == 0 ? status : nil
  }

  /// How many bytes there is room for where `path` is, or will be.
  package static func freeSpace(_ path: String) -> Int? {
    var path = path
    while kind(path) == nil, path.count > 1 { path = parent(path) }
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return nil }
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        .partialValue
    )
  }

  /// The folder that a path is in.
  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes a folder and those above it.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  static func makeFolder(_ path: String) throws(HubError) {
    guard kind(path) != .folder else { return }
    let above = parent(path)
    if above != path, above != "." { try makeFolder(above) }
    guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw HubError(.fileSystem, "\(path) cannot be made: \(systemMessage())")
    }
  }

  /// The names in a folder, in the order of their bytes; none if it cannot be read.
  static func names(_ folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The paths of what is below a folder and is no folder itself, relative to it.
  static func all(below folder: String) -> [String] {
    var found: [String] = []
    for name in names(folder) {
      let path = "\(folder)/\(name)"
      if kind(path, followsLinks: false) == .folder {
        found += all(below: path).map { "\(name)/\($0)" }
      } else {
        found.append(name)
      }
    }
    return found
  }

  /// Where a symbolic link leads; nil if it is none.
  static func target(_ path: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe readlink(path, start.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }

  /// Makes a symbolic link, in the place of what may be there.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  static func link(_ path: String, to target: String) throws(HubError) {
    guard self.target(path) != target else { return }
    // Made aside and moved, so that nobody finds the name without a file.
    let temporary = nameBeside(path)
    guard unsafe symlink(target, temporary) == 0, unsafe rename(temporary, path) == 0 else {
      let message = systemMessage()
      unsafe unlink(temporary)
      throw HubError(.fileSystem, "\(path) cannot be linked to \(target): \(message)")
    }
  }

  /// A name that nothing has, for what is to be moved to `path`.
  private static func nameBeside(_ path: String) -> String {
    "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).tmp"
  }

  /// A small file's bytes; nil if it cannot be read.
  static func read(_ path: String, limit: Int = 64 << 20) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard let size = size(path), size <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe pread(descriptor, buffer.baseAddress, buffer.count, 0)
    }
    guard count == size else { return nil }
    return bytes
  }

  /// The hash of a whole file.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`; `CancellationError`.
  static func hash(_ path: String, as kind: ContentHash, size: Int) throws -> ContentHash {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("\(path) cannot be read") }
    defer { close(descriptor) }
    var hasher = ContentHasher(kind, size: size)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      try Task.checkCancellation()
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        let count = unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        if count > 0 { unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        return count
      }
      if count == 0 { return hasher.finish() }
      guard count > 0 || errno == EINTR else { throw failure("\(path) cannot be read") }
    }
  }

  /// Writes a small file in one move, over one that may be there.
  ///
  /// - Throws: ``HubError`` with code `fileSystem` or `diskFull`.
  static func write(_ text: String, to path: String) throws(HubError) {
    let temporary = nameBeside(path)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("\(path) cannot be written") }
    let bytes = Array(text.utf8)
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    let isWritten = count == bytes.count && fdatasync(descriptor) == 0
    close(descriptor)
    guard isWritten, unsafe rename(temporary, path) == 0 else {
      let error = failure("\(path) cannot be written")
      unsafe unlink(temporary)
      throw error
    }
  }

  /// Removes a file; one that is not there is no matter.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  static func remove(_ path: String) throws(HubError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw failure("\(path) cannot be removed")
    }
  }

  /// Removes a folder and all that is below it; links are not followed.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  static func removeFolder(_ path: String) throws(HubError) {
    for name in names(path) {
      let inner = "\(path)/\(name)"
      if kind(inner, followsLinks: false) == .folder {
        try removeFolder(inner)
      } else {
        try remove(inner)
      }
    }
    guard unsafe rmdir(path) == 0 || errno == ENOENT else {
      throw failure("\(path) cannot be removed")
    }
  }

  /// What the last failed call of the system comes to.
  static func failure(_ what: String) -> HubError {
    let isFull = [ENOSPC, EDQUOT].contains(errno)
    return HubError(isFull ? .diskFull : .fileSystem, "\(what): \(systemMessage())")
  }
}

/// What the last failed call of the system says.
func systemMessage() -> String { unsafe String(cString: strerror(errno)) }
