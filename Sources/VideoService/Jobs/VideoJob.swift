// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import FoundationEssentials

/// One clip that somebody asked for, whatever API they asked through, as it is at one moment.
package struct VideoJob: Sendable, Equatable, Codable, Identifiable {
  /// How far a job's life is.
  package enum State: String, Sendable, CaseIterable, Codable {
    /// It waits for its turn.
    case queued
    /// It is being made.
    case running
    /// Its clip is there.
    case succeeded
    /// It has an error in place of a clip.
    case failed
    /// Somebody ended it.
    case cancelled

    /// Whether it stays so.
    package var isFinal: Bool { self != .queued && self != .running }
  }

  /// 32 hexadecimal digits that cannot be guessed.
  package let id: String
  /// Who asked, and how.
  package let origin: JobOrigin
  /// What to make: as it was asked for, and completed with what the model recommends and with a seed.
  package let request: ClipRequest
  /// The picture as it was uploaded.
  package let picture: JobFile
  /// When it was accepted.
  package let createdAt: Date
  /// How far its life is.
  package internal(set) var state = State.queued
  /// What is being done: `load`, `encode`, `denoise`, `decode` or `write`.
  package internal(set) var stage: String?
  /// Parts of this stage that are done.
  package internal(set) var done = 0
  /// Parts of this stage in all.
  package internal(set) var total = 0
  /// How many jobs come before it; nil if it does not wait.
  package internal(set) var queuePosition: Int?
  /// How long it probably takes from now on, in seconds; nil where nothing was measured yet.
  package internal(set) var remaining: Double?
  /// When it began, the last time if it began twice.
  package internal(set) var startedAt: Date?
  /// When it ended.
  package internal(set) var endedAt: Date?
  /// The model that makes it.
  package internal(set) var model: ModelIdentity?
  /// What each stage took, in their order.
  package internal(set) var timings: [GeneratedClip.Stage] = []
  /// The most memory that the server had while it was made, in bytes.
  package internal(set) var peakMemory: Int?
  /// How often it was begun.
  package internal(set) var attempts = 0
  /// Why there is no clip.
  package internal(set) var error: JobError?
  /// The clip.
  package internal(set) var clip: JobFile?

  /// The name of the API that it came through, such as `generate`.
  package var api: String { origin.api }
  /// The name of the key that it was asked for with; nil where there are no keys.
  package var owner: String? { origin.owner }
  /// What a client wanted remembered.
  package var metadata: [String: String] { origin.metadata }
  /// The name of the model that it was accepted for; empty in jobs that are older than such names.
  package var modelName: String { request.model ?? model?.name ?? "" }
  /// The seed that makes this clip and no other.
  package var seed: UInt64? { request.seed }

  /// The part that is done, from 0 to 1.
  package var progress: Double {
    switch state {
    case .queued: return 0
    case .succeeded: return 1
    case .running, .failed, .cancelled:
      // Denoising takes most of the time with any model; a page wants something that only grows.
      let part = total > 0 ? Double(done) / Double(total) : 0
      return switch stage {
      case "encode": 0.05 * part
      case "denoise": 0.05 + 0.8 * part
      case "decode": 0.85 + 0.13 * part
      case "write": 0.98
      default: 0
      }
    }
  }

  init(
    id: String,
    origin: JobOrigin,
    request: ClipRequest,
    picture: JobFile,
    createdAt: Date
  ) {
    self.id = id
    self.origin = origin
    self.request = request
    self.picture = picture
    self.createdAt = createdAt
  }
}

/// Who asked for a clip, and how.
package struct JobOrigin: Sendable, Equatable, Codable {
  /// The name of the API, such as `generate`.
  package var api: String
  /// The name of the key; nil where there are no keys.
  package var owner: String?
  /// What tells a repeated request from a new one; nil if every request is new.
  package var idempotencyKey: String?
  /// The jobs that were asked for in the same request, of the one that has its key.
  package var others: [String]?
  /// What goes first: from −10 to 10, the higher the earlier.
  package var priority = 0
  /// Whether it is cancelled when the server ends: somebody waits with a connection open.
  package var isAttached = false
  /// Where the end is reported to.
  package var webhook: String?
  /// What a client wants remembered.
  package var metadata: [String: String] = [:]

  /// Describes a request.
  package init(api: String, owner: String? = nil) {
    self.api = api
    self.owner = owner
  }
}

/// A file that belongs to a job.
package struct JobFile: Sendable, Equatable, Codable {
  /// Where it is.
  package var path: String
  /// Its media type, such as `video/mp4`.
  package var mediaType: String
  /// Its size in bytes.
  package var byteCount: Int
  /// Width in pixels, where it is known.
  package var width: Int?
  /// Height in pixels, where it is known.
  package var height: Int?
  /// Frames, where it is a clip.
  package var frameCount: Int?
  /// Frames per second, where it is a clip.
  package var framesPerSecond: Int?
}

/// Which model made a clip.
package struct ModelIdentity: Sendable, Equatable, Codable {
  /// A weight file.
  package struct File: Sendable, Equatable, Codable {
    /// Its path in the model's folder.
    package var path: String
    /// The SHA-256 of its bytes, in hexadecimal digits.
    package var sha256: String
  }

  /// What people call it.
  package var name: String
  /// The revision of its repository; nil where there is none.
  package var revision: String?
  /// Tells it from other models, in hexadecimal digits; nil until it is loaded.
  package var digest: String?
  /// Its weight files; nil until all of them were read once.
  package var files: [File]?

  /// Names a model.
  package init(
    name: String,
    revision: String? = nil,
    digest: String? = nil,
    files: [File]? = nil
  ) {
    self.name = name
    self.revision = revision
    self.digest = digest
    self.files = files
  }
}

/// Why a job made no clip.
package struct JobError: Error, Sendable, Equatable, Codable {
  /// A stable name for the kind of failure, such as `out-of-resources`.
  package var code: String
  /// One line for the client.
  package var message: String
  /// The HTTP status for a client that waits.
  package var status: Int
  /// Seconds after which a new try is sensible.
  package var retryAfter: Int?
  /// The kind of problem with one field of the form, and the field.
  package var problem: Problem?

  /// What is wrong with one field.
  package struct Problem: Sendable, Equatable, Codable {
    /// A stable name for the kind of problem.
    package var type: String
    /// The field.
    package var field: String?
  }
}

/// A change of a job.
package struct JobEvent: Sendable {
  /// What changed.
  package enum Kind: String, Sendable {
    /// Its state.
    case state
    /// How far the work is.
    case progress
    /// There is another picture of the clip as it forms.
    case preview
    /// It has ended; nothing comes after this.
    case end
  }

  /// Grows from event to event of one job, also from one run of the server to the next; there may be
  /// gaps.
  package let number: Int
  /// What changed.
  package let kind: Kind
  /// The job right after it.
  package let job: VideoJob
  /// What the clip is coming to, as WebP; of a `preview` only.
  package let preview: [UInt8]?
}

/// Which jobs are wanted.
package struct JobQuery: Sendable {
  /// How many at most.
  package var limit = 20
  /// The last job of the page before.
  package var after: String?
  /// Whether the oldest comes first.
  package var isAscending = false
  /// The states; all if empty.
  package var states: [VideoJob.State] = []
  /// The APIs; all if empty.
  package var apis: [String] = []
  /// The key's name; nil for everyone's jobs.
  package var owner: String?

  /// Asks for the newest.
  package init() {}
}
