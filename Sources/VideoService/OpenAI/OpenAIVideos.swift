// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving

/// OpenAI's videos API over the jobs of this server.
///
/// What a video comes from is a picture; the words that may come with it are kept and say nothing to
/// the model. Videos that were asked for through other APIs do not show here.
struct OpenAIVideos: Sendable {
  let jobs: VideoJobs

  private static let api = "openai"

  /// The operations, under `/v1/videos`.
  var operations: [HTTPOperation] {
    var operations = [create, list, retrieve, content, cancel, delete]
    for index in operations.indices {
      operations[index].tag = "OpenAI-compatible videos"
      operations[index].envelope = .openAI
    }
    return operations
  }

  private struct VideoPath: Form {
    @Field("The video, as creating it gave.") var videoId: String
  }

  private struct Page: Form {
    @Field("How many videos at most.", in: 1...100) var limit = 20
    @Field("The last video of the page before.") var after: String?
    @Field("Whether the oldest or the newest come first.") var order = Order.desc
  }

  private enum Order: String, CaseIterable, FieldValue {
    typealias Bound = Never
    case asc, desc
  }

  private struct ContentAsked: Form {
    @Field("The video, as creating it gave.") var videoId: String
    @Field("The video itself, one frame of it, or all its frames in one picture.")
    var variant = Variant.video
  }

  private enum Variant: String, CaseIterable, FieldValue {
    typealias Bound = Never
    case video, thumbnail, spritesheet
  }

  // MARK: Operations

  private var create: HTTPOperation {
    HTTPOperation(
      .post,
      "/v1/videos",
      "Begins a video of a picture.",
      takes: VideoForm.self,
      replies: [.json("The video, which is not there yet.", schema: VideoForm.videoSchema)],
      headers: [("Idempotency-Key", "Tells a repeated request from a new one.")]
    ) { input, call in
      let request = try input.request(of: jobs.models)
      var origin = JobOrigin(api: Self.api, owner: call.keyName)
      origin.idempotencyKey = call.header("idempotency-key")
      origin.metadata = input.metadata
      let job = try await jobs.submit(request, picture: input.inputReference.file.path, as: origin)
      return Reply(json: video(job))
    }
  }

  private var list: HTTPOperation {
    HTTPOperation(
      .get,
      "/v1/videos",
      "The videos that there are.",
      takes: Page.self,
      replies: [.json("Some of them, and whether there are more.")]
    ) { input, call in
      var query = JobQuery()
      query.limit = input.limit
      query.isAscending = input.order == .asc
      query.apis = [Self.api]
      query.owner = call.keyName
      query.after = try await input.after.asyncMap { try await find($0, call).id }
      let (found, hasMore) = try await jobs.jobs(query)
      let videos = found.map(video)
      return Reply(json: [
        "object": "list", "data": .array(videos),
        "first_id": found.first.map { .string(Self.id($0)) } ?? .null,
        "last_id": found.last.map { .string(Self.id($0)) } ?? .null, "has_more": .bool(hasMore),
      ])
    }
  }

  private var retrieve: HTTPOperation {
    HTTPOperation(
      .get,
      "/v1/videos/{video_id}",
      "How a video is.",
      takes: VideoPath.self,
      replies: [.json("The video.", schema: VideoForm.videoSchema)]
    ) { input, call in
      Reply(json: video(try await find(input.videoId, call)))
    }
  }

  private var content: HTTPOperation {
    HTTPOperation(
      .get,
      "/v1/videos/{video_id}/content",
      "A finished video, or pictures of it.",
      takes: ContentAsked.self,
      replies: [.file("What was asked for.", "video/mp4", "image/webp", "image/jpeg")]
    ) { input, call in
      let job = try await find(input.videoId, call)
      guard let clip = job.clip else {
        throw ServingError(.invalidRequest, Self.reason(job, input.videoId))
      }
      switch input.variant {
      case .video:
        let name = "\(Self.id(job)).\(job.request.format.rawValue)"
        return Reply(file: clip.path, contentType: clip.mediaType, fileName: name)
      case .thumbnail: return try await ClipStills.thumbnail(of: clip)
      case .spritesheet: return try await ClipStills.spriteSheet(of: clip)
      }
    }
  }

  private var cancel: HTTPOperation {
    HTTPOperation(
      .post,
      "/v1/videos/{video_id}/cancel",
      "Ends a video before it is done; OpenAI has no such thing.",
      takes: VideoPath.self,
      replies: [.json("The video, which has failed.", schema: VideoForm.videoSchema)]
    ) { input, call in
      let id = try await find(input.videoId, call).id
      return Reply(json: video(try await jobs.cancel(id, owner: call.keyName)))
    }
  }

  private var delete: HTTPOperation {
    HTTPOperation(
      .delete,
      "/v1/videos/{video_id}",
      "Removes a video; one that is being made is cancelled first.",
      takes: VideoPath.self,
      replies: [.json("What was removed.")]
    ) { input, call in
      let job = try await find(input.videoId, call)
      try await jobs.delete(job.id, owner: call.keyName)
      return Reply(json: [
        "id": .string(Self.id(job)), "object": "video.deleted", "deleted": true,
      ])
    }
  }

  // MARK: Videos

  private static func id(_ job: VideoJob) -> String { "video_\(job.id)" }

  private func find(_ id: String, _ call: Call) async throws -> VideoJob {
    guard id.hasPrefix("video_"),
      let job = try await jobs.job(String(id.dropFirst("video_".count)), owner: call.keyName),
      job.api == Self.api
    else { throw ServingError(.notFound, "there is no video \(id.prefix(64))") }
    return job
  }

  private static func reason(_ job: VideoJob, _ id: String) -> String {
    switch job.state {
    case .queued, .running:
      "the video is not ready yet: ask GET /v1/videos/\(id) until its status is completed"
    case .cancelled: "the video was cancelled"
    case .failed, .succeeded: "there is no video: \(job.error?.message ?? "it is gone")"
    }
  }

  /// A job as OpenAI's clients read it.
  private func video(_ job: VideoJob) -> JSON {
    let time = { (date: Date?) -> JSON in
      date.map { .integer(Int128($0.timeIntervalSince1970)) } ?? .null
    }
    let expiry = job.state == .succeeded ? job.endedAt : nil
    let text = { (text: String?) -> JSON in text.map { .string($0) } ?? .null }
    return [
      "id": .string(Self.id(job)), "object": "video", "status": .string(Self.status(job)),
      "progress": .integer(Int128(job.progress * 100)), "created_at": time(job.createdAt),
      "completed_at": time(job.state == .succeeded ? job.endedAt : nil),
      "expires_at": time(expiry.map { $0 + jobs.settings.keptFor / .seconds(1) }),
      "model": .string(job.model?.name ?? job.metadata["model"] ?? "stable-video-diffusion"),
      "prompt": text(job.metadata["prompt"]), "size": text(VideoForm.size(of: job)),
      "seconds": text(VideoForm.seconds(of: job)), "seed": text(job.seed.map { String($0) }),
      "remixed_from_video_id": .null, "error": Self.problem(job),
    ]
  }

  private static func status(_ job: VideoJob) -> String {
    switch job.state {
    case .queued: "queued"
    case .running: "in_progress"
    case .succeeded: "completed"
    // Clients know no other way for a video not to be.
    case .failed, .cancelled: "failed"
    }
  }

  private static func problem(_ job: VideoJob) -> JSON {
    switch (job.state, job.error) {
    case (.failed, let error?), (.cancelled, let error?):
      [
        "code": .string(error.code.replacing("-", with: "_")), "message": .string(error.message),
        "param": error.problem?.field.map { .string(VideoForm.name(of: $0)) } ?? .null,
      ]
    case (.cancelled, nil): ["code": "cancelled", "message": "the video was cancelled"]
    default: .null
    }
  }
}

extension Optional {
  fileprivate func asyncMap<Value>(
    _ transform: (Wrapped) async throws -> Value
  ) async throws -> Value? {
    guard let self else { return nil }
    return try await transform(self)
  }
}

extension ErrorEnvelope {
  /// `{"error": {"message", "type", "param", "code"}}`.
  static let openAI = ErrorEnvelope(
    name: "OpenAIError",
    schema: [
      "type": "object", "required": ["error"],
      "properties": [
        "error": [
          "type": "object", "required": ["message", "type"],
          "properties": [
            "message": ["type": "string"], "type": ["type": "string"],
            "param": ["type": "string", "nullable": true],
            "code": ["type": "string", "nullable": true],
          ],
        ]
      ],
    ]
  ) { error, _ in
    let type =
      switch error.code.status {
      case 429: "rate_limit_error"
      case 500...: "server_error"
      default: "invalid_request_error"
      }
    let message =
      error.problems.isEmpty
      ? error.message : error.problems.map(\.message).joined(separator: "; ")
    let code = error.code == .unauthorized ? "invalid_api_key" : error.code.name
    return [
      "error": [
        "message": .string(message), "type": .string(type),
        "param": error.problems.first?.field.map { .string($0) } ?? .null,
        "code": .string((error.problems.first?.type ?? code).replacing("-", with: "_")),
      ]
    ]
  }
}
