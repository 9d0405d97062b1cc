// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving

/// The image-to-video API that Stability AI hosted until July 2025, over the jobs of this server.
struct StabilityVideo: Sendable {
  let jobs: VideoJobs

  private static let api = "stability"

  /// The operations, under `/v2beta/image-to-video`.
  var operations: [HTTPOperation] {
    var operations = [begin, result]
    operations[0].choices = jobs.models.choices
    for index in operations.indices {
      operations[index].tag = "Stability-compatible image to video"
      operations[index].envelope = .stability
    }
    return operations
  }

  struct Input: Form {
    @Field("The picture the video begins with.", accepting: "image/*") var image: UploadedFile
    @Field("Repeats a video exactly; 0 draws one at random.", in: 0...4_294_967_294) var seed = 0
    @Field("How closely the video keeps to the picture.", in: 0...10) var cfgScale = 1.8
    @Field("How much moves: 1 is still, 255 is wild.", in: 1...255) var motionBucketId = 127
    @Field("The model, where the server has several; null for its default.") var model: ModelName?

    /// What to make.
    ///
    /// - Parameter size: The size of the picture, where it is one that the hosted service took.
    /// - Returns: The request; without a size, the model's own.
    func request(_ size: PictureSize?) -> ClipRequest {
      var request = ClipRequest()
      request.model = model?.text
      request.seed = seed == 0 ? nil : UInt64(seed)
      // Stable Video Diffusion's guidance rises from 1 with the frames; this makes one number its mean.
      request.minimumGuidance = min(1, cfgScale)
      request.maximumGuidance = max(cfgScale, 2 * cfgScale - 1)
      request.motionBucket = motionBucketId
      request.width = size?.width
      request.height = size?.height
      request.fit = .crop
      return request
    }
  }

  private struct Generation: Form {
    @Field("What beginning the video gave.") var id: String
  }

  private var begin: HTTPOperation {
    HTTPOperation(
      .post,
      "/v2beta/image-to-video",
      "Begins a video of a picture.",
      takes: Input.self,
      replies: [.json("Its id.")]
    ) { input, call in
      let job = try await jobs.submit(
        input.request(PictureSize.hosted(of: input.image.path)),
        picture: input.image.path,
        as: JobOrigin(api: Self.api, owner: call.keyName)
      )
      return Reply(json: ["id": .string(job.id)])
    }
  }

  private var result: HTTPOperation {
    HTTPOperation(
      .get,
      "/v2beta/image-to-video/result/{id}",
      "A video, once it is there.",
      takes: Generation.self,
      replies: [
        .file("The video, or with Accept: application/json a JSON object.", "video/mp4"),
        .json("It is being made: ask again in some seconds.", status: 202),
      ],
      headers: [("Accept", "video/* or application/json.")]
    ) { input, call in
      guard let job = try await jobs.job(input.id, owner: call.keyName), job.api == Self.api else {
        throw ServingError(.notFound, "there is no generation \(input.id.prefix(64))")
      }
      guard job.state.isFinal else {
        return Reply(json: ["id": .string(job.id), "status": "in-progress"], status: 202)
      }
      guard let clip = job.clip else {
        throw job.error?.served ?? ServingError(.invalidRequest, "the generation was cancelled")
      }
      let seed = job.seed ?? 0
      let headers = ["finish-reason": "SUCCESS", "seed": String(seed), "vary": "Accept"]
      guard call.header("accept")?.lowercased().contains("application/json") == true else {
        return Reply(
          file: clip.path,
          contentType: clip.mediaType,
          fileName: "\(job.id).mp4",
          headers: headers
        )
      }
      let bytes = try Data(contentsOf: URL(filePath: clip.path))
      return Reply(
        json: [
          "video": .string(bytes.base64EncodedString()), "finish_reason": "SUCCESS",
          "seed": .integer(Int128(seed)),
        ],
        headers: headers
      )
    }
  }
}

extension ErrorEnvelope {
  /// `{"id", "name", "errors": […]}`.
  static let stability = ErrorEnvelope(
    name: "StabilityError",
    schema: [
      "type": "object", "required": ["id", "name", "errors"],
      "properties": [
        "id": ["type": "string", "description": "The request's."], "name": ["type": "string"],
        "errors": ["type": "array", "items": ["type": "string"]],
      ],
    ]
  ) { error, id in
    let name =
      switch error.code.status {
      case 401: "unauthorized"
      case 404: "not_found"
      case 413: "payload_too_large"
      case 429: "rate_limit_exceeded"
      case 500...: error.code == .internalFault ? "internal_error" : "service_unavailable"
      default: "bad_request"
      }
    let messages = error.problems.isEmpty ? [error.message] : error.problems.map(\.message)
    return [
      "id": .string(id), "name": .string(name), "errors": .array(messages.map { .string($0) }),
    ]
  }
}
