// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// A bundle as a project of BentoML's, whose service is the programs of the bundle.
package struct BentoExport {
  private let bundle: BundleStore.Entry
  private let store: BundleStore

  package init(_ bundle: BundleStore.Entry, in store: BundleStore) {
    self.bundle = bundle
    self.store = store
  }

  /// The service's name in Python: the bundle's words with capitals.
  private var className: String {
    let words = bundle.name.split { "-_.".contains($0) }
    let name = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    return name.first?.isNumber == true ? "Service" + name : name
  }

  /// Writes the project: `bentofile.yaml`, `service.py`, and all that an image on a base would have.
  ///
  /// - Parameters:
  ///   - folder: Where to; it is not there yet.
  ///   - tools: As for an image.
  /// - Throws: ``PackagingError`` with `alreadyExists`, `fileSystem`, or `notFound`.
  package func write(to folder: String, tools: ImageBuilder.Tools) throws(PackagingError) {
    guard Files.kind(folder) == nil else {
      throw PackagingError(.alreadyExists, "\(folder) is there already: choose another")
    }
    let contents = try ImageContents(bundle, in: store, hasBase: true, tools: tools)
    for layer in contents.layers { try layer.write(to: folder, from: ImageContents.home) }
    try Files.write(Array(bentofile.utf8), to: folder + "/bentofile.yaml")
    try Files.write(Array(service.utf8), to: folder + "/service.py")
  }

  private var bentofile: String {
    let environment = bundle.manifest.environment.sorted { Files.precedes($0.key, $1.key) }
    let document: Document = [
      "service": .text("service:\(className)"),
      "labels": Document(bundle.manifest.labels.merging(["zoetrope": bundle.version]) { $1 }),
      "include": ["**"],
      // What BentoML hands requests on with.
      "python": ["packages": ["fastapi"], "lock_packages": false],
      "docker": ["distro": "debian"],
      "envs": .list(
        environment.map { ["name": .text($0.key), "value": .text($0.value)] }
      ),
    ]
    return document.text
  }

  private var service: String {
    let resources = bundle.manifest.resources
    var words: [String] = []
    if resources.gpu > 0 { words.append("\"gpu\": \(resources.gpu)") }
    for (name, value) in [
      ("gpu_type", resources.gpuType), ("cpu", resources.cpu), ("memory", resources.memory),
    ] { if let value { words.append("\"\(name)\": \(Self.quoted(value))") } }
    let timeout = bundle.manifest.settings["timeout"]?.first.flatMap { Int($0) } ?? 600
    // One that is pulled stands in the settings.
    let model =
      bundle.manifest.models.first { $0.pull == nil }.map { "HERE / \"models/\($0.name)\"" }
      ?? "None"
    return """
      # SPDX-License-Identifier: Apache-2.0
      \"\"\"Runs the Zoetrope server that lies beside this file; BentoML hands requests on to it.\"\"\"

      import os
      from pathlib import Path

      import bentoml

      HERE = Path(__file__).resolve().parent
      MODEL = \(model)
      PORT = 8000


      @bentoml.service(
          name=\(Self.quoted(className)),
          resources={\(words.joined(separator: ", "))},
          traffic={"timeout": \(timeout)},
          endpoints={"livez": "/livez", "readyz": "/readyz"},
          http={"proxy_port": PORT},
      )
      class \(className):
          def __command__(self):
              # Not every way that files travel keeps the right to run them.
              for program in (HERE / "bin").iterdir():
                  if not os.access(program, os.X_OK):
                      program.chmod(0o755)
              variables = {
                  "LD_LIBRARY_PATH": ":".join(
                      filter(None, [str(HERE / "lib"), os.environ.get("LD_LIBRARY_PATH")])
                  ),
                  "PATH": f"{HERE / 'bin'}:{os.environ['PATH']}",
                  "ZOETROPE_CONFIG": str(HERE / "serve.yaml"),
              }
              if MODEL and "ZOETROPE_MODEL" not in os.environ:
                  variables["ZOETROPE_MODEL"] = str(MODEL)
              return [
                  "env",
                  *(f"{name}={value}" for name, value in variables.items()),
                  str(HERE / "bin/zoetrope"),
                  "serve",
                  "--host",
                  "127.0.0.1",
                  "--port",
                  str(PORT),
                  # The proxy in between would take them for the answer.
                  "--interim",
                  "0",
              ]

      """
  }

  /// A string of Python's.
  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
