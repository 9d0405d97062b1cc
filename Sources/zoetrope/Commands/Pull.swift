// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import Hub

/// `zoetrope pull`.
struct Pull: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fetches a model from the Hugging Face Hub into the cache that its own tools use.",
    discussion: """
      Only the files that the pipeline needs are fetched, and none that is there already. Each is held \
      to its hash. What was interrupted goes on where it was. The folder of the model is printed; \
      `--model OWNER/NAME` finds it too.

      HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HTTPS_PROXY and NO_PROXY mean what \
      they mean to the Hub's own tools.
      """
  )

  @Argument(help: "OWNER/NAME, or OWNER/NAME@REVISION for a branch, a tag or a commit.")
  var model: String

  @Option(
    help: """
      The variant of the weights, as fp16; if not given, what the cache has, else fp16, else the whole \
      ones.
      """
  )
  var variant: String?

  @Flag(help: "Fetch the whole weights, also where there is a smaller variant.")
  var full = false

  @Option(
    help: """
      A token of the Hub; HF_TOKEN if not given, else the one that `hf auth login` kept. Others on this \
      machine can see it here: HF_TOKEN is better.
      """
  )
  var token: String?

  func validate() throws {
    guard ModelReference(model) != nil else {
      throw ValidationError("\(model) is not OWNER/NAME or OWNER/NAME@REVISION")
    }
    guard variant == nil || !full else {
      throw ValidationError("--variant and --full contradict each other")
    }
    if let variant, variant.isEmpty || variant.contains("/") {
      throw ValidationError("--variant \(variant) is not part of a file's name")
    }
  }

  func run() async throws {
    guard let reference = ModelReference(model) else { return }
    let fetcher = ModelFetcher(try HubSettings(token: token))
    let weights: PipelineFiles.Weights = full ? .plain : variant.map { .variant($0) } ?? .any
    let bar = Terminal.isInteractive ? BytesBar("fetching") : nil
    let clock = ContinuousClock()
    let start = clock.now
    let fetched: ModelFetcher.Fetched
    do {
      fetched = try await Interruption.cancelling {
        try await fetcher.pull(reference, weights) { bar?.show($0.done, of: $0.total) }
      }
    } catch {
      bar?.clear()
      throw error
    }
    bar?.clear()
    let seconds = GenerationReport.tenths((clock.now - start) / .seconds(1))
    let there = Output.megabytes(fetched.bytes - fetched.fetchedBytes)
    Terminal.say(
      "\(reference.repository) at \(fetched.commit.prefix(8)): "
        + "\(Output.megabytes(fetched.fetchedBytes)) fetched in \(seconds) s, \(there) were there"
    )
    Terminal.print(fetched.folder)
  }
}
