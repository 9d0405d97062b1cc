// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import NIOPosix
import Serving

/// The pictures and clips of jobs: a folder for each job, beside the database.
///
/// A file is written under another name, synced and renamed, and then its folder is synced: at every
/// moment it is there as a whole or not at all.
struct JobFiles: Sendable {
  /// The folder of the store, without a slash at the end.
  let root: String

  private var jobs: String { "\(root)/jobs" }
  private var unfinished: String { "\(root)/unfinished" }

  /// Makes the folders.
  ///
  /// - Throws: ``ServingError`` with code `badConfiguration`.
  init(root: String) throws(ServingError) {
    self.root = root
    for path in [root, jobs, unfinished] {
      do {
        try FileManager.default.createDirectory(
          atPath: path,
          withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700]
        )
      } catch {
        throw ServingError(
          .badConfiguration,
          "the store \(path) cannot be made: choose another with --store",
          cause: error
        )
      }
    }
  }

  /// Where a job's files are.
  func folder(_ id: String) -> String { "\(jobs)/\(id)" }

  /// Makes a folder to work in, which is gone after the server ended.
  ///
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  func makeWorkFolder(_ id: String) throws(ServingError) -> String {
    let path = "\(unfinished)/\(id)"
    try? FileManager.default.removeItem(atPath: path)
    guard unsafe mkdir(path, 0o700) == 0 else { throw fault("cannot make \(path)") }
    return path
  }

  /// Removes what a job worked with.
  func removeWorkFolder(_ id: String) {
    try? FileManager.default.removeItem(atPath: "\(unfinished)/\(id)")
  }

  /// Takes a job's picture in.
  ///
  /// - Returns: The picture, which is on the disk for good.
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  func take(picture: String, of id: String) async throws -> JobFile {
    try await NIOThreadPool.singleton.runIfActive {
      let work = try makeWorkFolder(id)
      do {
        let head = try copy(picture, to: "\(work)/picture")
        try sync(work)
        guard unsafe rename(work, folder(id)) == 0 else { throw fault("cannot keep \(picture)") }
        try sync(jobs)
        return JobFile(
          path: "\(folder(id))/picture",
          mediaType: Self.mediaType(head.start),
          byteCount: head.byteCount
        )
      } catch {
        removeWorkFolder(id)
        remove(id)
        throw error
      }
    }
  }

  /// Keeps a finished file of a job.
  ///
  /// - Parameters:
  ///   - path: The file, in the job's work folder.
  ///   - name: Its name from now on.
  ///   - id: The job.
  /// - Returns: Where it is, and its size in bytes.
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  func keep(_ path: String, as name: String, of id: String) async throws -> (String, Int) {
    try await NIOThreadPool.singleton.runIfActive {
      let byteCount = try sync(path)
      let target = "\(folder(id))/\(name)"
      guard unsafe rename(path, target) == 0 else { throw fault("cannot keep \(target)") }
      try sync(folder(id))
      return (target, byteCount)
    }
  }

  /// Removes a job's files.
  func remove(_ id: String) { try? FileManager.default.removeItem(atPath: folder(id)) }

  /// Removes everything that is not one of the files.
  ///
  /// - Parameter files: The paths of the files that belong to jobs.
  func removeAll(but files: Set<String>) {
    let manager = FileManager.default
    for name in (try? manager.contentsOfDirectory(atPath: unfinished)) ?? [] {
      try? manager.removeItem(atPath: "\(unfinished)/\(name)")
    }
    for id in (try? manager.contentsOfDirectory(atPath: jobs)) ?? [] {
      let names = (try? manager.contentsOfDirectory(atPath: folder(id))) ?? []
      let orphans = names.filter { !files.contains("\(folder(id))/\($0)") }
      if orphans.count == names.count {
        remove(id)
      } else {
        for name in orphans { try? manager.removeItem(atPath: "\(folder(id))/\(name)") }
      }
    }
  }

  /// Bytes that can still be written; nil if that cannot be known.
  var freeBytes: Int? {
    var status = statvfs()
    guard unsafe statvfs(root, &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  // MARK: Bytes

  /// Copies a file and syncs the copy.
  private func copy(_ source: String, to target: String) throws -> (start: [UInt8], byteCount: Int)
  {
    let input = unsafe open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw fault("cannot read \(source)") }
    defer { close(input) }
    let output = unsafe open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw fault("cannot create \(target)") }
    defer { close(output) }
    var start: [UInt8] = []
    var byteCount = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = unsafe read(input, &buffer, buffer.count)
      guard count > 0 else {
        if count == 0 { break }
        if errno == EINTR { continue }
        throw fault("cannot read \(source)")
      }
      if byteCount == 0 { start = Array(buffer[..<min(count, 16)]) }
      var written = 0
      while written < count {
        let part = unsafe buffer.withUnsafeBytes { bytes in
          unsafe write(output, bytes.baseAddress?.advanced(by: written), count - written)
        }
        if part < 0, errno == EINTR { continue }
        guard part > 0 else { throw fault("cannot write \(target)") }
        written += part
      }
      byteCount += count
    }
    guard fsync(output) == 0 else { throw fault("cannot write \(target)") }
    return (start, byteCount)
  }

  /// Has the disk hold a file or a folder.
  ///
  /// - Returns: Its size in bytes.
  @discardableResult private func sync(_ path: String) throws -> Int {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fault("cannot open \(path)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw fault("cannot sync \(path)") }
    return Int(lseek(descriptor, 0, SEEK_END))
  }

  /// The error for an operation that has just failed, from `errno`.
  private func fault(_ message: String) -> ServingError {
    let reason = errno
    if reason == ENOSPC || reason == EDQUOT { return .storeIsFull }
    let text = unsafe String(cString: strerror(reason))
    return ServingError(.internalFault, "\(message): \(text)")
  }

  /// What a picture is by its first bytes: the client's word for it is not asked for.
  private static func mediaType(_ start: [UInt8]) -> String {
    let kinds: [(magic: [UInt8], type: String)] = [
      ([0x89, 0x50, 0x4E, 0x47], "image/png"), ([0xFF, 0xD8, 0xFF], "image/jpeg"),
      (Array("GIF8".utf8), "image/gif"), (Array("BM".utf8), "image/bmp"),
      ([0x49, 0x49, 0x2A, 0], "image/tiff"), ([0x4D, 0x4D, 0, 0x2A], "image/tiff"),
    ]
    for (magic, type) in kinds where start.starts(with: magic) { return type }
    if start.starts(with: Array("RIFF".utf8)), start.dropFirst(8).starts(with: Array("WEBP".utf8)) {
      return "image/webp"
    }
    if start.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) { return "video/webm" }
    if start.dropFirst(4).starts(with: Array("ftypiso".utf8)) { return "video/mp4" }
    if start.dropFirst(4).starts(with: Array("ftyp".utf8)) {
      return start.dropFirst(8).starts(with: Array("avif".utf8)) ? "image/avif" : "image/heic"
    }
    return "application/octet-stream"
  }
}

extension ServingError {
  static let storeIsFull = ServingError(
    .insufficientStorage,
    "the disk of the server is full: try again later",
    retryAfter: 600
  )
}
