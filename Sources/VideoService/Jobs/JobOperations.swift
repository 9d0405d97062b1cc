// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving

/// The native API of jobs: everything that can be asked of ``VideoJobs``, over HTTP.
struct JobOperations: Sendable {
  let jobs: VideoJobs

  struct NewJob: Form {
    var clip = GenerateClip.Input()
    @Field(
      "As many clips, of `seed` and those that follow it, or of any seeds.",
      in: 1...Seeds.most
    )
    var numClips: Int?
    @Field("A clip for each of these seeds, with commas between, in place of `seed`.")
    var seeds: Seeds?
    @Field("What goes first: the higher the earlier.", in: -10...10) var priority = 0
    @Field("Where the end is reported to.") var webhookUrl: String?

    init() {}
  }

  struct Asked: Form {
    @Field("The job.") var id: String

    init() {}
  }

  struct Extended: Form {
    @Field("The job.") var id: String
    @Field("Frames to make, the shared one included; null for as many as before.", in: 2...256)
    var numFrames: Int?
    @Field("The seed of the new part; null draws one at random.") var seed: Seed?

    init() {}
  }

  struct Listed: Form {
    @Field("How many jobs at most.", in: 1...100) var limit = 20
    @Field("The last job of the page before.") var after: String?
    @Field("The newest first, or the oldest.") var order = Order.desc
    @Field("Only jobs in this state.") var state: VideoJob.State?

    init() {}
  }

  struct File: Form {
    @Field("The job.") var id: String
    @Field("Whether browsers save it rather than show it.") var download = false

    init() {}
  }

  enum Order: String, Sendable, CaseIterable {
    case asc, desc
  }

  private static let path = "/jobs/{id}"

  /// The operations, in the order of the documents.
  var all: [HTTPOperation] {
    var all = [create, list] + work + files
    for index in all.indices { all[index].tag = "Jobs" }
    return all
  }

  // MARK: The jobs

  private var create: HTTPOperation {
    var create = HTTPOperation(
      .post,
      "/jobs",
      "Asks for a clip, or several, to be made when their turns come.",
      takes: NewJob.self,
      replies: [
        .json("The job; with `num_clips` or `seeds` an object with all `jobs`.", status: 202)
      ],
      headers: [("Idempotency-Key", "A repeated request with the same key makes no second job.")]
    ) { input, call in
      var origin = origin(call)
      origin.priority = input.priority
      origin.webhook = input.webhookUrl
      let accepted = try await jobs.submit(
        try input.requests,
        picture: input.clip.image.path,
        as: origin
      )
      if input.numClips == nil, input.seeds == nil { return self.accepted(accepted[0]) }
      return Reply(json: ["jobs": .array(accepted.map(\.json))], status: 202)
    }
    create.choices = jobs.models.choices
    return create
  }

  private var list: HTTPOperation {
    HTTPOperation(
      .get,
      "/jobs",
      "The jobs, of every API.",
      takes: Listed.self,
      replies: [.json("The jobs, and whether there are more.")]
    ) { input, call in
      var query = JobQuery()
      query.limit = input.limit
      query.after = input.after
      query.isAscending = input.order == .asc
      query.states = input.state.map { [$0] } ?? []
      query.owner = call.keyName
      let (found, hasMore) = try await jobs.jobs(query)
      return Reply(json: ["jobs": .array(found.map(\.json)), "has_more": .bool(hasMore)])
    }
  }

  private var work: [HTTPOperation] {
    [
      HTTPOperation(
        .get,
        Self.path,
        "How a job is.",
        takes: Asked.self,
        replies: [.json("The job.")]
      ) { input, call in
        Reply(json: try await find(input.id, call).json)
      },
      HTTPOperation(
        .delete,
        Self.path,
        "Ends a job and removes its files.",
        takes: Asked.self,
        replies: [.empty("It is gone.")]
      ) { input, call in
        try await jobs.delete(input.id, owner: call.keyName)
        return .empty()
      },
      HTTPOperation(
        .post,
        "\(Self.path)/cancel",
        "Ends a job; its work stops within one step.",
        takes: Asked.self,
        replies: [.json("The job as it then is.")]
      ) { input, call in
        Reply(json: try await jobs.cancel(input.id, owner: call.keyName).json)
      },
      HTTPOperation(
        .post,
        "\(Self.path)/retry",
        "Asks for the same clip again.",
        takes: Asked.self,
        replies: [.json("The new job.", status: 202)]
      ) { input, call in
        guard let job = try await jobs.retry(input.id, as: origin(call)) else {
          throw VideoJobs.notFound(input.id)
        }
        return accepted(job)
      },
      HTTPOperation(
        .post,
        "\(Self.path)/extend",
        "Asks for a longer clip, which goes on from the last frame of this one.",
        takes: Extended.self,
        replies: [.json("The new job.", status: 202)]
      ) { input, call in
        guard
          let job = try await jobs.extend(
            input.id,
            frameCount: input.numFrames,
            seed: input.seed?.value,
            as: origin(call)
          )
        else { throw VideoJobs.notFound(input.id) }
        return accepted(job)
      },
      HTTPOperation(
        .get,
        "\(Self.path)/events",
        "What happens to a job, as it happens.",
        takes: Asked.self,
        replies: [
          .events(
            "Events named `state`, `progress` and `end`, each with the job, and `preview`, with the "
              + "`url` of a picture: the picture itself, as a `data:` address."
          )
        ],
        headers: [("Last-Event-ID", "The event that the client saw last.")]
      ) { input, call in
        let last = call.header("last-event-id").flatMap { Int($0) }
        guard
          let events = try await jobs.events(of: input.id, owner: call.keyName, after: last)
        else { throw VideoJobs.notFound(input.id) }
        return Reply(
          events: events.map { event in
            ServerEvent(id: String(event.number), name: event.kind.rawValue, json: event.json)
          }
        )
      },
    ]
  }

  // MARK: Files

  private var files: [HTTPOperation] {
    [
      HTTPOperation(
        .get,
        "\(Self.path)/clip",
        "The clip of a job.",
        takes: File.self,
        replies: [.file("The clip.", "video/*", "image/gif", "image/webp", "application/zip")]
      ) { input, call in
        let (job, clip) = try await finished(input.id, call)
        return Reply(
          file: clip.path,
          contentType: clip.mediaType,
          fileName: input.download ? "\(job.id).\(job.request.format.rawValue)" : nil
        )
      },
      HTTPOperation(
        .get,
        "\(Self.path)/preview",
        "What a clip is coming to while it is made: a small picture of its middle.",
        takes: Asked.self,
        replies: [.file("The picture as of the last step.", "image/webp")]
      ) { input, call in
        Reply(
          bytes: try await jobs.preview(of: input.id, owner: call.keyName),
          contentType: "image/webp",
          headers: ["cache-control": "no-store"]
        )
      },
      HTTPOperation(
        .get,
        "\(Self.path)/thumbnail",
        "The first frame of a clip, small.",
        takes: Asked.self,
        replies: [.file("The frame.", "image/webp")]
      ) { input, call in
        try await ClipStills.thumbnail(of: finished(input.id, call).clip)
      },
      HTTPOperation(
        .get,
        "\(Self.path)/picture",
        "The picture of a job, as it was uploaded.",
        takes: File.self,
        replies: [.file("The picture.", "image/*", "application/octet-stream")]
      ) { input, call in
        let picture = try await find(input.id, call).picture
        return Reply(
          file: picture.path,
          contentType: picture.mediaType,
          fileName: input.download ? "picture" : nil,
          // Nobody vouches for what was uploaded: a browser must not take it for a page.
          headers: ["x-content-type-options": "nosniff", "content-security-policy": "sandbox"]
        )
      },
    ]
  }

  private func finished(_ id: String, _ call: Call) async throws -> (job: VideoJob, clip: JobFile) {
    let job = try await find(id, call)
    guard let clip = job.clip else {
      throw ServingError(.notFound, "job \(job.id) is \(job.state.rawValue): it has no clip")
    }
    return (job, clip)
  }

  private func origin(_ call: Call) -> JobOrigin {
    var origin = JobOrigin(api: "jobs", owner: call.keyName)
    origin.idempotencyKey = call.header("idempotency-key")
    return origin
  }

  private func accepted(_ job: VideoJob) -> Reply {
    Reply(json: job.json, status: 202, headers: ["location": "/jobs/\(job.id)"])
  }

  private func find(_ id: String, _ call: Call) async throws -> VideoJob {
    guard let job = try await jobs.job(id, owner: call.keyName) else {
      throw VideoJobs.notFound(id)
    }
    return job
  }
}

extension JobOperations.NewJob {
  /// What is asked for, clip by clip.
  fileprivate var requests: [ClipRequest] {
    get throws(ServingError) {
      let request = ClipRequest(clip)
      guard numClips == nil || seeds == nil else {
        throw ServingError([
          InputProblem("value_error", field: "num_clips", "num_clips and seeds exclude each other")
        ])
      }
      return (0..<(seeds?.values.count ?? numClips ?? 1)).map { index in
        var one = request
        one.seed = seeds?.values[index] ?? request.seed.map { $0 &+ UInt64(index) }
        return one
      }
    }
  }
}

extension VideoJob.State: FieldValue {
  /// States have no order.
  package typealias Bound = Never
}

extension JobOperations.Order: FieldValue {
  /// Names have no order.
  typealias Bound = Never
}
