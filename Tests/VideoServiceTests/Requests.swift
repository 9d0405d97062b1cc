// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import VideoService

/// What to make where a request has another value for every parameter than the default.
let everyParameter: ClipRequest = {
  var request = ClipRequest()
  request.decodeChunkSize = 3
  request.seed = .max
  request.frameCount = 14
  request.stepCount = 20
  request.minimumGuidance = 1.5
  request.maximumGuidance = 2.5
  request.framesPerSecond = 8
  request.motionBucket = 100
  request.noiseAugmentation = 0.1
  request.width = 512
  request.height = 320
  request.fit = .crop
  request.format = .webm
  request.playback = .pingPong
  request.guidanceShape = .triangle
  request.guidanceScales = [1, 2.5, 3]
  request.model = "stub"
  return request
}()

/// Some bytes that look like a picture to a person.
let picture: [UInt8] = [0x89] + Array("PNG\r\n\u{1A}\n".utf8) + Array(repeating: 7, count: 5000)

/// One part of a form, as it goes over the wire.
func part(
  _ name: String,
  _ value: [UInt8],
  fileName: String? = nil,
  type: String? = nil
) -> [UInt8] {
  var head = "--XBX\r\nContent-Disposition: form-data; name=\"\(name)\""
  if let fileName { head += "; filename=\"\(fileName)\"" }
  if let type { head += "\r\nContent-Type: \(type)" }
  return Array("\(head)\r\n\r\n".utf8) + value + Array("\r\n".utf8)
}

func part(_ name: String, _ value: String) -> [UInt8] { part(name, Array(value.utf8)) }

/// The part that every good request has.
let imagePart = part("image", picture, fileName: "photo.png", type: "image/png")

/// A whole request for `/generate`.
func request(
  _ parts: [[UInt8]],
  closing: String = "--XBX--\r\n",
  type: String = "multipart/form-data; boundary=XBX",
  headers: String = ""
) -> [UInt8] {
  rawRequest(body: parts.flatMap(\.self) + Array(closing.utf8), type: type, headers: headers)
}

func rawRequest(body: [UInt8], type: String, headers: String = "") -> [UInt8] {
  let head = """
    POST /generate HTTP/1.1\r
    Host: localhost\r
    Content-Type: \(type)\r
    Content-Length: \(body.count)\r
    \(headers)\r

    """
  return Array(head.utf8) + body
}

func plain(_ method: String, _ path: String, headers: String = "") -> [UInt8] {
  Array("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n".utf8)
}
