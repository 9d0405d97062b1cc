// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import Subprocess
private import SystemPackage

/// Reads pictures that nobody vouches for.
///
/// Each is decoded in a process of its own, `zoetrope-picture`, that has given up the right to
/// start programs, open sockets and write files, and that is held to limits of memory and time: a
/// picture made to break a decoder breaks that process and nothing else. A read takes about a
/// tenth of a second longer for it.
public struct PictureReader: Sendable {
  /// How large a picture may be.
  public let limits: PictureLimits
  /// How long decoding may take on the clock, waiting for a turn not counted; processor time is held to the same, in whole
  /// seconds.
  public let timeout: Duration
  /// The most address space the decoding process may have, in bytes.
  public let memory: Int
  private let executable: String?

  /// Sets up a reader; no process is started yet.
  ///
  /// - Parameters:
  ///   - executable: the path of `zoetrope-picture`. By default the environment variable
  ///     `ZOETROPE_PICTURE` says where it is; else it is looked for beside the running program,
  ///     beside the library or test bundle that holds this code, and on `PATH`.
  ///   - limits: how large a picture may be.
  ///   - timeout: how long decoding may take.
  ///   - memory: the most address space the decoding process may have, in bytes.
  public init(
    executable: String? = nil,
    limits: PictureLimits = PictureLimits(),
    timeout: Duration = .seconds(20),
    memory: Int = 2 << 30
  ) {
    self.executable = executable
    self.limits = limits
    self.timeout = timeout
    self.memory = memory
  }

  /// Reads a picture file: PNG, JPEG, WebP, GIF (its first frame), BMP, TIFF, AVIF or HEIC,
  /// whatever its name ends in.
  ///
  /// - Parameters:
  ///   - path: a regular file.
  ///   - orientation: whether the picture is turned upright.
  /// - Returns: the picture in the mode that Pillow would open it in.
  /// - Throws: ``MediaError``: `unreadableFile`, `notAPicture`, `pictureTooLarge`,
  ///   `damagedPicture`, `unsupportedPicture`, `outOfResources` or `timedOut` for the picture;
  ///   `toolMissing` or `toolFailed` for the decoder. `CancellationError` when cancelled.
  public func read(
    path: String,
    orientation: PictureOrientation = .honoured
  ) async throws -> Picture {
    let descriptor = try Self.open(path)
    defer { try? descriptor.close() }
    return try await decode(.file(descriptor), orientation)
  }

  /// Reads a picture from bytes in memory.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - orientation: whether the picture is turned upright.
  /// - Returns: the picture in the mode that Pillow would open it in.
  /// - Throws: as ``read(path:orientation:)`` does, but for `unreadableFile`.
  public func read(
    bytes: [UInt8],
    orientation: PictureOrientation = .honoured
  ) async throws -> Picture {
    guard bytes.count <= limits.bytes else {
      throw MediaError(
        .pictureTooLarge,
        "the picture has \(bytes.count) bytes; at most \(limits.bytes) are accepted"
      )
    }
    return try await decode(.memory(bytes), orientation)
  }

  /// Opens without waiting for a writer, should the file be a pipe, and takes regular files only.
  private static func open(_ path: String) throws(MediaError) -> FileDescriptor {
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(path),
        .readOnly,
        options: [.nonBlocking, .closeOnExec]
      )
      var status = stat()
      guard unsafe fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG
      else {
        try descriptor.close()
        throw MediaError(.unreadableFile, "\(path) is not a regular file")
      }
      return descriptor
    } catch let error as MediaError {
      throw error
    } catch {
      throw MediaError(.unreadableFile, "cannot open \(path): \(error)")
    }
  }
}

extension PictureReader {
  /// As many pictures are decoded at once as there are processors, for the whole process: more
  /// would only take longer each, and each may use all its memory.
  private static let turnstile = Turnstile(places: max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  private enum Source {
    case file(FileDescriptor)
    case memory([UInt8])
  }

  private enum Answer {
    case picture(PictureMessage, [UInt8])
    case nothing
  }

  private func decode(
    _ source: Source,
    _ orientation: PictureOrientation
  ) async throws -> Picture {
    let found =
      executable.map { Program.runnable(FilePath($0)) }
      ?? Program.companion("zoetrope-picture", variable: "ZOETROPE_PICTURE")
    guard let program = found else {
      throw MediaError(
        .toolMissing,
        "zoetrope-picture, which decodes pictures, is not beside this program and not on PATH;"
          + " install it or set ZOETROPE_PICTURE to its path"
      )
    }
    surviveFailedWrites()
    let decoded = try await Self.turnstile.withTurn {
      try await withDeadline(timeout) {
        try await Program.reporting(program) { try await run(program, source) }
      }
    }
    guard let (message, pixels) = decoded else {
      throw MediaError(
        .timedOut,
        "decoding the picture took longer than \(timeout) and was stopped"
      )
    }
    let picture = Picture(
      trusted: pixels,
      width: message.width,
      height: message.height,
      mode: message.mode
    )
    switch orientation {
    case .honoured: return picture.upright(from: message.orientation)
    case .ignored: return picture
    }
  }

  private func run(
    _ program: FilePath,
    _ source: Source
  ) async throws -> (PictureMessage, [UInt8]) {
    let seconds = max(1, timeout.components.seconds)
    let configuration = Configuration(
      executable: .path(program),
      arguments: [
        "--max-pixels", "\(limits.pixels)", "--max-side", "\(limits.side)",
        "--max-bytes", "\(limits.bytes)", "--memory", "\(memory)", "--cpu-seconds", "\(seconds)",
      ],
      environment: Self.environment
    )
    let status: TerminationStatus
    let answer: Answer
    let complaint: String
    switch source {
    case .file(let descriptor):
      let result = try await Subprocess.run(
        configuration,
        input: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
        output: .sequence,
        error: .sequence
      ) { execution in
        async let complaint = tail(of: execution.standardError, limit: 1_000)
        return (try await self.answer(from: execution.standardOutput), await complaint)
      }
      status = result.terminationStatus
      (answer, complaint) = result.closureResult
    case .memory(let bytes):
      let result = try await Subprocess.run(
        configuration,
        input: .inputWriter,
        output: .sequence,
        error: .sequence
      ) { execution in
        async let complaint = tail(of: execution.standardError, limit: 1_000)
        async let answer = self.answer(from: execution.standardOutput)
        try await feed(bytes, to: execution.standardInputWriter)
        return (try await answer, await complaint)
      }
      status = result.terminationStatus
      (answer, complaint) = result.closureResult
    }
    switch (status, answer) {
    case (.exited(0), .picture(let message, let pixels)):
      return (message, pixels)
    case (.exited(let code), _):
      throw Self.error(status: code, complaint: complaint)
    case (.signaled(let signal), _):
      throw Self.error(signal: signal)
    }
  }

  /// Only what the dynamic linker may need, so that no variable steers the decoder.
  private static var environment: Environment {
    var variables: [Environment.Key: String] = ["VIPS_BLOCK_UNTRUSTED": "1", "LC_ALL": "C"]
    if let path = Program.environment("LD_LIBRARY_PATH") { variables["LD_LIBRARY_PATH"] = path }
    return .custom(variables)
  }

  private func answer(from output: SubprocessOutputSequence) async throws -> Answer {
    var header: [UInt8] = []
    var pixels: [UInt8] = []
    var message: PictureMessage?
    for try await buffer in output {
      unsafe buffer.withUnsafeBytes { chunk in
        var rest = unsafe chunk[...]
        if message == nil {
          let missing = PictureMessage.headerSize - header.count
          unsafe header.append(contentsOf: rest.prefix(missing))
          unsafe rest = rest.dropFirst(missing)
          if header.count == PictureMessage.headerSize {
            message = PictureMessage(header, limits: limits)
            if let message { pixels.reserveCapacity(message.pixelBytes) }
          }
        }
        if let message, pixels.count < message.pixelBytes {
          unsafe pixels.append(contentsOf: rest.prefix(message.pixelBytes - pixels.count))
        }
      }
    }
    guard let message, pixels.count == message.pixelBytes else { return .nothing }
    return .picture(message, pixels)
  }

  private static func error(status: Int32, complaint: String) -> MediaError {
    guard let end = PictureExit(rawValue: status), !complaint.isEmpty else {
      return MediaError(
        .toolFailed,
        "zoetrope-picture ended with status \(status) and no picture: \(complaint)"
      )
    }
    return MediaError(end.code, complaint)
  }

  private static func error(signal: Int32) -> MediaError {
    switch signal {
    case SIGXCPU, SIGXFSZ, SIGKILL, SIGABRT, SIGTRAP:
      MediaError(
        .outOfResources,
        "decoding the picture ran into its limit of memory or processor time"
      )
    default:
      MediaError(.damagedPicture, "the picture made its decoder stop (signal \(signal))")
    }
  }
}
