// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import Serving

/// `zoetrope key`.
struct Key: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes an API key.",
    discussion: """
      The key goes to standard error and is kept nowhere; the line to put into the file of \
      `zoetrope serve --api-keys` goes to standard output: zoetrope key alice >> keys.txt
      """
  )

  @Argument(help: "Whose key it is: a word for that line and for the log.")
  var name: String

  func validate() throws {
    guard !name.isEmpty, !name.hasPrefix("#"), !name.contains(where: \.isWhitespace) else {
      throw ValidationError("the name must be one word that does not begin with #")
    }
  }

  func run() {
    let key = APIKeys.random()
    Terminal.say("the key, shown this once: \(key)")
    Terminal.print(APIKeys.line(for: key, named: name))
  }
}
