// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import CVips
private import Glibc
private import Media

// Reads one picture, from a file or standard input, and writes its pixels to standard output as
// PictureMessage describes. A failure is one line on standard error and a status of PictureExit.
do {
  let options = try Options(CommandLine.arguments.dropFirst())
  try confine(options)
  if options.showsVersion {
    writeAll(Array("libvips \(unsafe String(cString: cvips_version()))\n".utf8), to: STDOUT_FILENO)
  } else {
    let bytes = try readInput(options)
    let (message, pixels) = try decode(bytes, limits: options.limits)
    writeAll(message.bytes, to: STDOUT_FILENO)
    writeAll(pixels, to: STDOUT_FILENO)
  }
} catch {
  writeAll(Array("\(error.message)\n".utf8), to: STDERR_FILENO)
  exit(PictureExit(error.code).rawValue)
}

private func confine(_ options: Options) throws(MediaError) {
  let failed = cvips_confine(options.memory, options.seconds)
  guard failed == 0 else {
    throw MediaError(.toolFailed, "cannot confine the picture decoder (error \(failed))")
  }
}

private func decode(
  _ bytes: [UInt8],
  limits: PictureLimits
) throws(MediaError) -> (PictureMessage, [UInt8]) {
  guard let format = PictureFormat(signatureOf: bytes) else {
    throw MediaError(
      .notAPicture,
      bytes.isEmpty
        ? "the file is empty; send a picture"
        : "the file is not a picture that can be read: send \(PictureFormat.names)"
    )
  }
  let decoded: (picture: Picture, orientation: Int) =
    switch format {
    case .bmp: (try BitmapDecoder.decode(bytes, limits: limits), 1)
    case .gif: (try GIFDecoder.decode(bytes, limits: limits), 1)
    default: try decodeWithVips(bytes, format: format, limits: limits)
    }
  let message = PictureMessage(
    mode: decoded.picture.mode,
    orientation: decoded.orientation,
    width: decoded.picture.width,
    height: decoded.picture.height
  )
  return (message, decoded.picture.pixels)
}
