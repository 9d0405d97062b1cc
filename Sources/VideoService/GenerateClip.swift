// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Serving

/// `POST /generate`: a picture comes in, a clip goes out.
package struct GenerateClip: Endpoint {
  package struct Input: Form {
    @Field("The picture the clip begins with.", accepting: "image/*")
    package var image: UploadedFile
    @Field("How many frames are decoded together.", in: 1...1024)
    package var decodeChunkSize = 2
    @Field("Repeats a clip exactly; null draws one at random.")
    package var seed: Seed?
    @Field("Frames in the clip; null for as many as the model was trained on.", in: 1...256)
    package var numFrames: Int?
    @Field("Denoising steps; null for what suits the model, usually 25.", in: 1...1000)
    package var numInferenceSteps: Int?
    @Field("Guidance of the first frame; null for what suits the model, usually 1.", in: 0...100)
    package var minGuidanceScale: Double?
    @Field("Guidance of the last frame; null for what suits the model, usually 3.", in: 0...100)
    package var maxGuidanceScale: Double?
    @Field("Frames per second; null for what suits the model, usually 7.", in: 1...30)
    package var fps: Int?
    @Field("How much moves: 1 is still, 255 is wild.", in: 1...255)
    package var motionBucketId = 127
    @Field(
      "How much noise is added to the picture; null for what suits the model, usually 0.02.",
      in: 0...10
    )
    package var noiseAugStrength: Double?
    @Field("Width in pixels; null for what suits the model, usually 1024.", in: 64...2048)
    package var width: Int?
    @Field("Height in pixels; null for what suits the model, usually 576.", in: 64...2048)
    package var height: Int?
    @Field("How the picture is brought to that size.")
    package var fit = PictureFit.stretch
    @Field("The file format of the clip.")
    package var format = ClipFormat.mp4
    @Field("The order of the frames; loop fades the end into the beginning.")
    package var playback = ClipPlayback.forward
    @Field("How guidance goes from frame to frame; triangle has its maximum in the middle.")
    package var guidanceShape = ClipGuidance.linear
    @Field("Guidance of every frame, with commas between, in place of the other three.")
    package var guidanceScales: GuidanceScales?
    @Field("The model, where the server has several; null for its default.")
    package var model: ModelName?

    package init() {}
  }

  package let path = "/generate"
  package let summary = "Turns a picture into a short video."
  package let output = ReplyKind.file("video/*", or: "image/gif", "image/webp", "application/zip")
  package var choices: [String: [String]] { jobs.models.choices }
  let jobs: VideoJobs

  package func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    let job = try await jobs.submit(
      ClipRequest(input),
      picture: input.image.path,
      as: origin("generate", call)
    )
    return try reply(await jobs.see(through: job.id))
  }

  private func origin(_ api: String, _ call: Call) -> JobOrigin {
    var origin = JobOrigin(api: api, owner: call.keyName)
    origin.isAttached = api == "generate"
    return origin
  }

  private func reply(_ job: VideoJob) throws -> Reply {
    guard let clip = job.clip else {
      throw job.error?.served ?? ServingError(.conflict, "the job was cancelled")
    }
    let timing = job.timings.map { "\($0.name);dur=\(Int(($0.seconds * 1000).rounded()))" }
    return Reply(
      file: clip.path,
      contentType: clip.mediaType,
      fileName: "output.\(job.request.format.rawValue)",
      headers: [
        "x-zoetrope-seed": job.seed.map { String($0) } ?? "",
        "server-timing": timing.joined(separator: ", "),
      ]
    )
  }
}

extension GenerateClip: TaskKeeping {
  package func submit(_ input: Input, _ call: Call) async throws -> TaskState {
    TaskState(
      try await jobs.submit(
        ClipRequest(input),
        picture: input.image.path,
        as: origin("tasks", call)
      )
    )
  }

  package func task(_ id: String, _ call: Call) async throws -> TaskState? {
    try await find(id, call).map { TaskState($0) }
  }

  package func result(of id: String, _ call: Call) async throws -> Reply {
    guard let job = try await find(id, call) else { throw VideoJobs.notFound(id) }
    return try reply(job)
  }

  package func retry(_ id: String, _ call: Call) async throws -> TaskState? {
    guard try await find(id, call) != nil else { return nil }
    return try await jobs.retry(id, as: origin("tasks", call)).map { TaskState($0) }
  }

  package func cancel(_ id: String, _ call: Call) async throws -> TaskState? {
    guard try await find(id, call) != nil else { return nil }
    return TaskState(try await jobs.cancel(id, owner: call.keyName))
  }

  /// The job of a task; those of other APIs have their own ways.
  private func find(_ id: String, _ call: Call) async throws -> VideoJob? {
    let job = try await jobs.job(id, owner: call.keyName)
    return job?.api == "tasks" ? job : nil
  }
}

extension TaskState {
  init(_ job: VideoJob) {
    let status: Status =
      switch job.state {
      case .queued, .running: .inProgress
      case .succeeded: .completed
      case .failed: .failed
      case .cancelled: .canceled
      }
    self.init(id: job.id, status: status, createdAt: job.createdAt, executedAt: job.endedAt)
  }
}

extension ClipRequest {
  init(_ input: GenerateClip.Input) {
    model = input.model?.text
    decodeChunkSize = input.decodeChunkSize
    seed = input.seed?.value
    frameCount = input.numFrames
    stepCount = input.numInferenceSteps
    minimumGuidance = input.minGuidanceScale
    maximumGuidance = input.maxGuidanceScale
    framesPerSecond = input.fps
    motionBucket = input.motionBucketId
    noiseAugmentation = input.noiseAugStrength
    width = input.width
    height = input.height
    fit = input.fit
    format = input.format
    playback = input.playback
    guidanceShape = input.guidanceShape
    guidanceScales = input.guidanceScales?.values
  }
}

/// Any whole number of 64 bits, signed or not, as torch takes for a seed: -1 is 2⁶⁴−1.
package struct Seed: FieldValue {
  package typealias Bound = Never

  package static let schema = ValueSchema(.integer)

  package let value: UInt64

  package var json: JSON { value.json }

  package init(_ input: FieldInput) throws(ValueProblem) {
    let whole = try input.wholeNumber()
    if let unsigned = UInt64(exactly: whole) {
      value = unsigned
    } else if let signed = Int64(exactly: whole) {
      value = UInt64(bitPattern: signed)
    } else {
      throw ValueProblem(
        "int_parsing_size",
        "from \(Int64.min) to \(UInt64.max), not \(input.shown)"
      )
    }
  }
}

extension PictureFit: FieldValue {
  /// Names have no order.
  public typealias Bound = Never
}

extension ClipPlayback: FieldValue {
  /// Names have no order.
  public typealias Bound = Never
}

extension ClipGuidance: FieldValue {
  /// Names have no order.
  public typealias Bound = Never
}

extension ClipFormat: FieldValue {
  /// Names have no order.
  public typealias Bound = Never
}
