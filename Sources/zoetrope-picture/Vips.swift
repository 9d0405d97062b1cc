// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CVips
internal import Media

/// Decodes with libvips, size first.
///
/// - Returns: the picture in the mode that Pillow would open it in, and how it is still to be
///   turned, as EXIF counts.
func decodeWithVips(
  _ bytes: [UInt8],
  format: PictureFormat,
  limits: PictureLimits
) throws(MediaError) -> (picture: Picture, orientation: Int) {
  guard unsafe cvips_start("zoetrope-picture") == 0 else {
    throw MediaError(.toolFailed, "libvips does not start: \(vipsMessage())")
  }
  let result = unsafe bytes.withUnsafeBytes { buffer in
    Result { () throws(MediaError) in
      guard let start = buffer.baseAddress else {
        throw MediaError(.notAPicture, "the file is empty; send a picture")
      }
      return try unsafe decode(start, count: buffer.count, of: bytes, format, limits)
    }
  }
  return try result.get()
}

private func decode(
  _ start: UnsafeRawPointer,
  count: Int,
  of bytes: [UInt8],
  _ format: PictureFormat,
  _ limits: PictureLimits
) throws(MediaError) -> (picture: Picture, orientation: Int) {
  var header = cvips_header()
  guard let handle = unsafe cvips_open(loader(format), start, count, &header) else {
    throw failure(format)
  }
  defer { unsafe cvips_close(handle) }
  let width = Int(header.width)
  let height = Int(header.height)
  try limits.check(width: width, height: height)
  guard header.bytes_per_sample > 0 else {
    throw MediaError(
      .unsupportedPicture,
      "\(format.name) with samples that are not whole numbers of 8 or 16 bits is not supported;"
        + " save it as PNG or JPEG"
    )
  }

  let layout = try layout(of: bytes, format, header)
  var pixels = [UInt8](
    repeating: 0,
    count: width * height * layout.bands * (layout.mode == .gray16 ? 2 : 1)
  )
  let decoded = unsafe pixels.withUnsafeMutableBytes { buffer in
    guard let target = buffer.baseAddress else { return Int32(-1) }
    return unsafe cvips_decode(
      handle,
      Int32(layout.bands),
      layout.mode == .gray16 ? 0 : 1,
      target,
      buffer.count
    )
  }
  guard decoded == 0 else { throw failure(format) }
  if layout.mode == .palette, layout.bands == 1 {
    // libvips reduces a palette of greys to one band.
    pixels = pixels.flatMap { [$0, $0, $0] }
  }
  let picture = try Picture(width: width, height: height, mode: layout.mode, pixels: pixels)
  // Pillow turns TIFF by itself, so this is part of decoding one, as it is for AVIF and HEIC.
  let orientation = (1...8).contains(header.orientation) ? Int(header.orientation) : 1
  return format == .tiff ? (picture.upright(from: orientation), 1) : (picture, orientation)
}

private func loader(_ format: PictureFormat) -> cvips_loader {
  switch format {
  case .jpeg: .CVIPS_JPEG
  case .webp: .CVIPS_WEBP
  case .tiff: .CVIPS_TIFF
  case .avif, .heic: .CVIPS_HEIF
  case .png, .gif, .bmp: .CVIPS_PNG
  }
}

/// The mode, and how many of the bands that libvips offers belong to it: a PNG whose palette or
/// key colour makes some pixels transparent has a band of alpha here and none in Pillow.
private func layout(
  of bytes: [UInt8],
  _ format: PictureFormat,
  _ header: cvips_header
) throws(MediaError) -> (mode: Picture.Mode, bands: Int) {
  let wanted: (mode: Picture.Mode, bands: Int)
  let bands = Int(header.bands)
  switch format {
  case .png where bytes.count > 25:
    switch (bytes[24], bytes[25]) {
    case (1, 0): wanted = (.bilevel, 1)
    case (16, 0): wanted = (.gray16, 1)
    case (_, 0): wanted = (.gray, 1)
    case (_, 2): wanted = (.rgb, 3)
    case (_, 3): wanted = (.palette, 3)
    case (_, 4): wanted = (.grayAlpha, 2)
    default: wanted = (.rgba, 4)
    }
  case .tiff:
    let mode = try TIFFDirectory(bytes).mode()
    wanted = mode.mode == .palette && bands < 3 ? (.palette, 1) : mode
  default:
    switch (bands, header.is_cmyk != 0) {
    case (1, _): wanted = (.gray, 1)
    case (2, _): wanted = (.grayAlpha, 2)
    case (3, _): wanted = (.rgb, 3)
    case (_, true): wanted = (.cmyk, 4)
    default: wanted = (.rgba, 4)
    }
  }
  guard bands >= wanted.bands, wanted.mode != .gray16 || header.bytes_per_sample == 2 else {
    throw MediaError(
      .damagedPicture,
      "the \(format.name) picture is damaged: its header contradicts its pixels"
    )
  }
  return wanted
}

private func failure(_ format: PictureFormat) -> MediaError {
  let message = vipsMessage()
  let plain = message.lowercased()
  if plain.contains("memory") {
    return MediaError(
      .outOfResources,
      "decoding the picture ran into its limit of memory: \(message)"
    )
  }
  let isShort = ["truncat", "premature", "end of file", "end of data", "eof", "short"]
    .contains { plain.contains($0) }
  return MediaError(
    .damagedPicture,
    "the \(format.name) picture is \(isShort ? "cut short" : "damaged"): \(message)"
  )
}

/// What libvips said last, on one line.
private func vipsMessage() -> String {
  let text = unsafe String(cString: cvips_message())
  return text.split(whereSeparator: \.isNewline).joined(separator: "; ")
}
