// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Testing

@Suite("Installing") struct InstallTests {
  /// The folder of the package.
  private static let root = Programs.sources.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(2).joined(separator: "/")

  /// Of swift-argument-parser; `Tools/test.sh` builds it.
  private static let hasManual = FileManager.default.isExecutableFile(
    atPath: Programs.folder + "/generate-manual"
  )

  private static func make(
    _ place: borrowing Workplace,
    _ goals: String...
  ) async throws -> Outcome {
    try await Programs.run(
      "make",
      ["--directory", root]
        + goals
        + [
          "PROGRAMS=" + Programs.folder, "FILES=\(place.path)/files", "DESTDIR=\(place.path)/root",
          "PREFIX=/usr",
        ]
    )
  }

  /// The files below a folder, in order.
  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).filter { path in
      let type = try FileManager.default.attributesOfItem(atPath: folder + "/" + path)[.type]
      return type as? FileAttributeType == .typeRegular
    }.sorted()
  }

  @Test(
    "make install puts everything where it belongs, and uninstall takes it away",
    .enabled(if: hasManual, "generate-manual is not built")
  )
  func install() async throws {
    let place = try Workplace()
    let installed = try await Self.make(place, "files", "install")
    try #require(installed.status == 0, "\(installed.error)")
    let root = place.path + "/root"
    let model = try Self.files(Self.root + "/Models/demo").map {
      "usr/share/zoetrope/models/demo/" + $0
    }
    #expect(model.contains { $0.hasSuffix("/model_index.json") })
    #expect(
      try Self.files(root) == [
        "usr/bin/zoetrope", "usr/bin/zoetrope-picture", "usr/lib/systemd/system/zoetrope.service",
        "usr/share/bash-completion/completions/zoetrope",
        "usr/share/fish/vendor_completions.d/zoetrope.fish", "usr/share/man/man1/zoetrope.1",
      ] + model + ["usr/share/zsh/site-functions/_zoetrope"]
    )

    let completed = try await Programs.shell(
      """
      source '\(root)/usr/share/bash-completion/completions/zoetrope'
      COMP_WORDS=(zoetrope ser) COMP_CWORD=1 COMP_LINE='zoetrope ser' COMP_POINT=12
      $(complete -p zoetrope | sed 's/.*-F \\([^ ]*\\) .*/\\1/') zoetrope ser zoetrope
      echo "${COMPREPLY[@]}"
      """
    )
    #expect(completed.output == "serve\n", "\(completed.error)")

    let page = try await Programs.run(
      "groff",
      ["-mandoc", "-ww", "-Tascii", "-P-cbou", root + "/usr/share/man/man1/zoetrope.1"]
    )
    #expect(page.status == 0)
    #expect(page.error == "")
    for words in ["ZOETROPE(1)", "containerize", "--max-replicas", "Serves the model over HTTP."] {
      #expect(page.output.contains(words), "\(words)")
    }

    let unit = try String(
      decoding: Data(
        contentsOf: URL(filePath: root + "/usr/lib/systemd/system/zoetrope.service")
      ),
      as: UTF8.self
    )
    #expect(unit.contains("\nExecStart=/usr/bin/zoetrope serve\n"))
    #expect(unit.contains("\nEnvironmentFile=-/etc/default/zoetrope\n"))

    let removed = try await Self.make(place, "uninstall")
    #expect(removed.status == 0, "\(removed.error)")
    #expect(try Self.files(root) == [])
  }
}
