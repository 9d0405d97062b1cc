// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Hub
import StableVideoDiffusion

/// `zoetrope models`.
struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows, checks and removes the models in the Hub's cache.",
    discussion: "Models are fetched with `zoetrope pull`; other programs' models are left alone.",
    subcommands: [List.self, Show.self, Verify.self, Remove.self]
  )

  private static func cache() throws -> HubCache { HubCache(folder: try HubSettings().cache) }

  /// A model as it is written on the command line.
  struct Name: ExpressibleByArgument {
    let reference: ModelReference
    /// Whether a revision was named.
    let isExact: Bool

    init?(argument: String) {
      guard let reference = ModelReference(argument) else { return nil }
      self.reference = reference
      isExact = argument.contains("@")
    }
  }

  /// `zoetrope models list`.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the models in the cache.")

    @Flag(help: "List models of other kinds too.")
    var all = false

    @Flag(help: "Print a JSON object a line.")
    var json = false

    private struct Row: Encodable {
      let model, commit: String
      let revisions: [String]
      let bytes: Int
      let missing: String?
      let folder: String
    }

    func run() throws {
      let cache = try Models.cache()
      for kept in cache.models(isPipeline: !all) {
        let missing = cache.missing(of: kept)
        guard !json else {
          let row = Row(
            model: kept.model.repository,
            commit: kept.commit,
            revisions: kept.revisions,
            bytes: kept.bytes,
            missing: missing,
            folder: kept.folder
          )
          Terminal.print(try Output.json(row))
          continue
        }
        let names = [String(kept.commit.prefix(8))] + kept.revisions
        let state = missing == nil ? "" : "  not all there: `zoetrope pull` fetches the rest"
        Terminal.print(
          "\(kept.model.repository)  \(names.joined(separator: " "))  "
            + "\(Output.megabytes(kept.bytes))\(state)"
        )
      }
    }
  }

  /// `zoetrope models show`.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows the parts of a model, and its files with their sizes and digests."
    )

    @Argument(help: "OWNER/NAME, OWNER/NAME@REVISION, or the path of a folder or a file.")
    var model: String

    @Option(
      help: ArgumentHelp(
        "A LoRA to hold to the model, as `generate` takes it; again for more.",
        valueName: "path[:scale]"
      )
    )
    var lora: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let choice = try? ModelChoice(model)
      var shown: ShownModel
      if let choice, choice.name == nil {
        shown = try ShownModel(path: choice.folder)
      } else if let name = Name(argument: model) {
        shown = try ShownModel(try Models.cache().model(name.reference))
      } else {
        throw ValidationError("\(model) is neither a path nor OWNER/NAME")
      }
      try shown.add(lora.map { try LoRA(argument: $0) })
      try shown.show(json: json)
    }
  }

  /// `zoetrope models verify`.
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Holds every file of a model, or of all models, to its digest.",
      discussion:
        "The status is 0 if all have theirs, 2 if one has not, and 1 if it cannot be told."
    )

    @Argument(help: "OWNER/NAME, or OWNER/NAME@REVISION; all models if not given.")
    var model: Name?

    func run() async throws {
      let cache = try Models.cache()
      let models = try model.map { [try cache.model($0.reference)] } ?? cache.models()
      let wrong = try await Interruption.cancelling {
        try models.reduce(0) { try $0 + Self.verify($1, cache) }
      }
      if wrong > 0 { throw ExitCode(2) }
    }

    /// How many files are not what they should be.
    private static func verify(_ kept: KeptModel, _ cache: HubCache) throws -> Int {
      var wrong = 0
      for file in kept.files {
        let isRight = try cache.verify(file, of: kept)
        if isRight == false { wrong += 1 }
        let word = isRight.map { $0 ? "right" : "WRONG" } ?? "no digest"
        Terminal.print("\(word)  \(kept.model.repository)  \(file.path)")
      }
      if wrong > 0 {
        Terminal.say(
          "\(kept.model.repository): \(wrong) files are damaged; remove the model with `zoetrope models "
            + "rm` and fetch it again"
        )
      } else if let missing = cache.missing(of: kept) {
        Terminal.say("\(kept.model.repository): \(missing) is missing; `zoetrope pull` fetches it")
        wrong += 1
      }
      return wrong
    }
  }

  /// `zoetrope models rm`.
  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm",
      abstract: "Removes a model from the cache, also for other programs that use it.",
      discussion: "With a revision only that one goes, and the files that no other revision needs."
    )

    @Argument(help: "OWNER/NAME, or OWNER/NAME@REVISION.")
    var model: Name

    func run() throws {
      let cache = try Models.cache()
      let kept = try cache.model(model.reference)
      let freed = try cache.remove(kept, allCommits: !model.isExact)
      let what = model.isExact ? kept.model.description : kept.model.repository
      Terminal.say("\(what) is gone, and \(Output.megabytes(freed)) with it")
    }
  }
}
