// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a picture could not be read or a video could not be written.
public struct MediaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of failure, stable enough to map to an HTTP status or an exit code.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case notAPicture, pictureTooLarge, damagedPicture, unsupportedPicture, outOfResources
      case timedOut, unreadableFile, toolMissing, toolFailed
      case invalidFrame, invalidParameter, destinationUnusable, diskFull
    }

    private let kind: Kind

    private init(_ kind: Kind) {
      self.kind = kind
    }

    /// The bytes are in no picture format that can be read.
    public static let notAPicture = Code(.notAPicture)
    /// The header declares more pixels, or the file holds more bytes, than the limit allows.
    public static let pictureTooLarge = Code(.pictureTooLarge)
    /// The picture is cut short or its data contradict themselves.
    public static let damagedPicture = Code(.damagedPicture)
    /// The format is known, but not this variant of it.
    public static let unsupportedPicture = Code(.unsupportedPicture)
    /// Decoding ran into its limit of memory or processor time.
    public static let outOfResources = Code(.outOfResources)
    /// The decoder or encoder did not finish in the time given.
    public static let timedOut = Code(.timedOut)
    /// The file could not be opened or read.
    public static let unreadableFile = Code(.unreadableFile)
    /// A program that is needed is not installed.
    public static let toolMissing = Code(.toolMissing)
    /// A program that was started failed for a reason of its own.
    public static let toolFailed = Code(.toolFailed)
    /// A frame does not have the size of the video.
    public static let invalidFrame = Code(.invalidFrame)
    /// A size, rate or box is out of range.
    public static let invalidParameter = Code(.invalidParameter)
    /// The destination cannot be written.
    public static let destinationUnusable = Code(.destinationUnusable)
    /// The disk is full, or a limit on the size of files was reached.
    public static let diskFull = Code(.diskFull)

    /// The name of the kind, as in `diskFull`.
    public var description: String { kind.rawValue }
  }

  /// The kind of failure.
  public let code: Code

  /// One line: what went wrong and what to do about it.
  public let message: String

  /// Makes an error from its kind and its line.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The line, ``message``.
  public var description: String { message }
}
