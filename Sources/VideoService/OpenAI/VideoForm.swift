// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

/// What a request for a video gives, in OpenAI's names, and in ours for what OpenAI has no name for.
struct VideoForm: Form {
  @Field(
    "The picture the video begins with: a file, or in JSON {\"image_url\": a data: URL}.",
    accepting: "image/*"
  )
  var inputReference: ReferencePicture
  @Field("Kept, and given back; has no influence on the video.") var prompt: Prompt?
  @Field("A model of this server; any other name means its default, and is kept.")
  var model: ModelName?
  @Field(
    "How long the video is; null for as many frames as the model was trained on.",
    in: 0.1...256
  )
  var seconds: Double?
  @Field("Width, x and height in pixels; null for what suits the model.") var size: VideoSize?
  @Field("Frames per second; null for what suits the model, usually 7.", in: 1...30) var fps: Int?
  @Field("Repeats a video exactly; null draws one at random.") var seed: Seed?
  @Field("Denoising steps; null for what suits the model, usually 25.", in: 1...1000)
  var numInferenceSteps: Int?
  @Field("Guidance of the first frame; null for what suits the model, usually 1.", in: 0...100)
  var minGuidanceScale: Double?
  @Field("Guidance of the last frame; null for what suits the model, usually 3.", in: 0...100)
  var maxGuidanceScale: Double?
  @Field("How much moves: 1 is still, 255 is wild.", in: 1...255) var motionBucketId = 127
  @Field(
    "How much noise is added to the picture; null for what suits the model, usually 0.02.",
    in: 0...10
  )
  var noiseAugStrength: Double?
  @Field("How the picture is brought to the size.") var fit = PictureFit.stretch

  /// What is remembered of it beside the clip's own parameters.
  var metadata: [String: String] {
    var metadata: [String: String] = [:]
    metadata["prompt"] = prompt?.text
    metadata["model"] = model?.text
    return metadata
  }

  /// What to make.
  ///
  /// - Parameter models: What fills in what is left to the model.
  /// - Returns: The request.
  /// - Throws: ``ServingError`` with code `invalidInput` if the frames of so many seconds are too many.
  func request(of models: ModelShelf) throws(ServingError) -> ClipRequest {
    var request = ClipRequest()
    // Clients name OpenAI's models.
    request.model = model.flatMap { models.has($0.text) ? $0.text : nil }
    request.seed = seed?.value
    request.stepCount = numInferenceSteps
    request.minimumGuidance = minGuidanceScale
    request.maximumGuidance = maxGuidanceScale
    request.framesPerSecond = fps
    request.motionBucket = motionBucketId
    request.noiseAugmentation = noiseAugStrength
    request.width = size?.width
    request.height = size?.height
    request.fit = fit
    if let seconds {
      let rate = models.completed(request).framesPerSecond ?? 7
      let count = Int((seconds * Double(rate)).rounded())
      guard (1...256).contains(count) else {
        throw ServingError([
          InputProblem(
            "value_error",
            field: "seconds",
            "seconds must make 1 to 256 frames, not \(count): there are \(rate) a second"
          )
        ])
      }
      request.frameCount = count
      request.framesPerSecond = rate
    }
    return request
  }

  // MARK: What is said of a job

  /// The size of a job's video, where it is known.
  static func size(of job: VideoJob) -> String? {
    guard let width = job.clip?.width ?? job.request.width,
      let height = job.clip?.height ?? job.request.height
    else { return nil }
    return "\(width)x\(height)"
  }

  /// How long a job's video is, where it is known: with two digits after the point, if it needs them.
  static func seconds(of job: VideoJob) -> String? {
    guard let frames = job.clip?.frameCount ?? job.request.frameCount,
      let rate = job.clip?.framesPerSecond ?? job.request.framesPerSecond, rate > 0
    else { return nil }
    let hundredths = Int((Double(frames) / Double(rate) * 100).rounded())
    var text = "\(hundredths / 100)"
    if hundredths % 100 != 0 { text += ".\(hundredths % 100 / 10)" }
    if hundredths % 10 != 0 { text += "\(hundredths % 10)" }
    return text
  }

  /// A field of the clip's form, by its name in this one.
  static func name(of field: String) -> String {
    switch field {
    case "image": "input_reference"
    case "width", "height": "size"
    case "num_frames": "seconds"
    default: field
    }
  }

  /// What a video looks like.
  static let videoSchema: JSON = [
    "type": "object", "required": ["id", "object", "status", "progress", "created_at", "model"],
    "properties": [
      "id": ["type": "string"], "object": ["type": "string", "enum": ["video"]],
      "status": ["type": "string", "enum": ["queued", "in_progress", "completed", "failed"]],
      "progress": ["type": "integer", "minimum": 0, "maximum": 100],
      "created_at": ["type": "integer", "description": "Seconds since 1970, as all times here."],
      "completed_at": ["type": "integer", "nullable": true],
      "expires_at": ["type": "integer", "nullable": true],
      "model": ["type": "string"], "prompt": ["type": "string", "nullable": true],
      "size": ["type": "string", "nullable": true],
      "seconds": ["type": "string", "nullable": true],
      "seed": ["type": "string", "nullable": true],
      "remixed_from_video_id": ["type": "string", "nullable": true],
      "error": [
        "type": "object", "nullable": true,
        "properties": [
          "code": ["type": "string"], "message": ["type": "string"],
          "param": ["type": "string", "nullable": true],
        ],
      ],
    ],
  ]
}

/// A picture that comes as a file, or in JSON as an object with its data: URL.
struct ReferencePicture: FieldValue {
  typealias Bound = Never

  static let schema = ValueSchema(.file)
  static let fileMembers = ["image_url"]

  let file: UploadedFile

  var json: JSON { .null }

  init(_ input: FieldInput) throws(ValueProblem) {
    if case .json(.object(let members)) = input {
      let given = members.map(\.name).joined(separator: ", ")
      throw ValueProblem(
        "file_type",
        "a file, or an object with an image_url that is a data: URL, not one with \(given)"
      )
    }
    file = try UploadedFile(input)
  }
}

/// The words for a video.
typealias Prompt = LimitedText<32_000>

/// The name of a model.
package typealias ModelName = LimitedText<200>

/// A text of so many characters at most.
package struct LimitedText<let most: Int>: FieldValue {
  package typealias Bound = Never

  package static var schema: ValueSchema { ValueSchema(.string) }

  package let text: String

  package var json: JSON { .string(text) }

  package init(_ input: FieldInput) throws(ValueProblem) {
    text = try String(input)
    guard text.unicodeScalars.count <= most else {
      throw ValueProblem("string_too_long", "\(most) characters at most")
    }
  }
}

/// The size of a video, such as `1280x720`.
struct VideoSize: FieldValue {
  typealias Bound = Never

  static let schema = ValueSchema(.string)

  let width: Int
  let height: Int

  var json: JSON { .string("\(width)x\(height)") }

  init(_ input: FieldInput) throws(ValueProblem) {
    let sides = try String(input).split(separator: "x", omittingEmptySubsequences: false)
      .map { $0.allSatisfy(\.isNumber) ? Int($0) ?? 0 : 0 }
    guard sides.count == 2,
      sides.allSatisfy({ (64...2048).contains($0) && $0.isMultiple(of: 8) })
    else {
      throw ValueProblem(
        "value_error",
        "such as 1024x576, multiples of 8 from 64 to 2048, not \(input.shown)"
      )
    }
    (width, height) = (sides[0], sides[1])
  }
}
