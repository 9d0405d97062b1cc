// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

/// What a service is made of and how it runs: what `zoetrope.yaml` or a `bentofile.yaml` says.
package struct ServiceDescription: Sendable, Equatable {
  /// A checkpoint that belongs to the service.
  package struct Model: Sendable, Equatable {
    package var name: String
    /// The folder, from that of the description; empty for one that is pulled.
    package var path: String
    /// What is fetched from the Hub where the service starts, as `OWNER/NAME@COMMIT`.
    package var pull: String?
    /// What its content must be.
    package var digest: Digest?
    /// Whether it travels with the bundle; else it is to be found where the service runs.
    package var isIncluded = true
  }

  /// How an image of the service is made.
  package struct Image: Sendable, Equatable, Codable {
    /// An OCI layout's folder or a reference to a registry; nil for none.
    package var base: String?
    package var user = 65532
    /// Debian packages beyond what the programs need.
    package var packages: [String] = []
  }

  /// Where a cluster keeps the jobs and their clips.
  package struct Storage: Sendable, Equatable, Codable {
    /// As Kubernetes writes it; nil for what the jobs may fill and half as much again.
    package var size: String?
    /// The class of the volume; nil for the one that the cluster gives.
    package var className: String?
    /// Whether it outlives the pod.
    package var isKept = true

    package init() {}
  }

  package var name: String
  package var labels: [String: String] = [:]
  package var include: [String] = []
  package var exclude: [String] = []
  package var models: [Model] = []
  package var environment: [String: String] = [:]
  package var resources = Resources()
  /// Settings of `zoetrope serve`, by name.
  package var settings: [String: [String]] = [:]
  package var image = Image()
  /// Nil if nothing is said of it.
  package var storage: Storage?
  /// What the file says that has no meaning here, a sentence each.
  package var remarks: [String] = []

  /// Finds the description in a folder and reads it.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - file: The file's name; nil for `zoetrope.yaml`, else `bentofile.yaml`.
  ///   - resources: What the service declares that it needs, where the file does not say.
  /// - Returns: The description.
  /// - Throws: ``PackagingError`` with `invalidFile`, naming file and line; `notFound`.
  package static func read(
    folder: String,
    file: String? = nil,
    resources: Resources = Resources()
  ) throws(PackagingError) -> ServiceDescription {
    let names = file.map { [$0] } ?? ["zoetrope.yaml", "bentofile.yaml"]
    for name in names {
      let path = name.hasPrefix("/") ? name : "\(folder)/\(name)"
      guard Files.kind(path) != nil else { continue }
      let tree = try YAMLTree(path: path)
      return name.split(separator: "/").last == "bentofile.yaml"
        ? try ServiceDescription(bentofile: tree, path: path, resources: resources)
        : try ServiceDescription(tree, path: path, resources: resources)
    }
    throw PackagingError(
      .notFound,
      "there is no \(names.joined(separator: " and no ")) in \(folder); the least that a "
        + "zoetrope.yaml says is `name: my-service`"
    )
  }

  /// - Parameters:
  ///   - tree: What `zoetrope.yaml` holds.
  ///   - path: What errors call it.
  ///   - resources: What the service needs, where the file does not say.
  /// - Throws: ``PackagingError`` with `invalidFile`, naming the line.
  package init(
    _ tree: YAMLTree,
    path: String,
    resources: Resources
  ) throws(PackagingError) {
    let fields = try YAMLFields(
      tree,
      path: path,
      names: [
        "name", "labels", "include", "exclude", "models", "environment", "resources", "traffic",
        "serve", "image", "storage",
      ]
    )
    guard let name = try fields.text("name") else {
      throw fields.wrong(nil, "name is missing: the service's name, as `name: my-service`")
    }
    self.name = name
    labels = try fields.pairs("labels") ?? [:]
    include = try fields.texts("include") ?? []
    exclude = try fields.texts("exclude") ?? []
    environment = try fields.pairs("environment") ?? [:]
    let modelNames = ["name", "path", "pull", "digest", "include"]
    for model in try fields.list("models", names: modelNames) {
      models.append(try Self.model(model))
    }
    let needs = try fields.fields("resources", names: ["gpu", "gpu_type", "cpu", "memory"])
    let gpu = try needs.number("gpu", in: 0...64) ?? resources.gpu
    self.resources = Resources(
      gpu: gpu,
      gpuType: try needs.text("gpu_type") ?? (gpu > 0 ? resources.gpuType : nil),
      cpu: try needs.text("cpu") ?? resources.cpu,
      memory: try needs.text("memory") ?? resources.memory
    )
    let traffic = try fields.fields("traffic", names: ["timeout", "queue"])
    for name in ["timeout", "queue"] {
      if let text = try traffic.text(name) { settings[name] = [text] }
    }
    if let serve = fields.tree("serve") {
      guard case .mapping(let pairs) = serve.value else {
        throw fields.wrong(serve, "serve must be `name: value` lines, settings of `zoetrope serve`")
      }
      let names = pairs.map(\.key)
      let values = try YAMLFields(serve, path: path, place: "serve.", names: names)
      for name in names {
        guard settings[name] == nil else {
          throw fields.wrong(serve, "\(name) is given in traffic and in serve: once is enough")
        }
        settings[name] = try values.texts(name) ?? []
      }
    }
    try serve(pulled: fields)
    let image = try fields.fields("image", names: ["base", "user", "packages"])
    self.image.base = try image.text("base")
    self.image.user = try image.number("user", in: 1...65535) ?? 65532
    self.image.packages = try image.texts("packages") ?? []
    if fields.tree("storage") != nil {
      storage = try Self.storage(
        try fields.fields("storage", names: ["volume", "size", "class"])
      )
    }
    try validate(fields)
  }

  private static func storage(_ fields: YAMLFields) throws(PackagingError) -> Storage {
    var storage = Storage()
    switch try fields.text("volume") ?? "claim" {
    case "claim": break
    case "emptyDir": storage.isKept = false
    default:
      throw fields.wrong(
        fields.tree("volume"),
        "storage.volume must be claim, which outlives the pod, or emptyDir, which goes with it"
      )
    }
    storage.size = try fields.text("size")
    if let size = storage.size, Quantity(size) == nil {
      throw fields.wrong(fields.tree("size"), "storage.size must be \(Quantity.form)")
    }
    storage.className = try fields.text("class")
    if let name = storage.className {
      guard storage.isKept else {
        throw fields.wrong(fields.tree("class"), "storage.class: an emptyDir has no class")
      }
      guard Names.isName(name) else {
        throw fields.wrong(fields.tree("class"), "storage.class must be \(Names.nameForm)")
      }
    }
    return storage
  }

  /// Has the server fetch the model that it serves, where that is one to be pulled.
  private mutating func serve(pulled fields: YAMLFields) throws(PackagingError) {
    for (index, model) in models.enumerated() {
      guard let pull = model.pull else { continue }
      guard index == 0 else {
        throw fields.wrong(
          fields.tree("models"),
          "models[\(index)].pull: only the first model is served, and no other need be pulled"
        )
      }
      for name in ["model", "pull", "model-digest"] where settings[name] != nil {
        throw fields.wrong(
          fields.tree("serve"),
          "serve.\(name) and models[0].pull say the same: once is enough"
        )
      }
      settings["model"] = [pull]
      settings["pull"] = ["true"]
      if let digest = model.digest { settings["model-digest"] = [digest.description] }
    }
  }

  private static func model(_ fields: YAMLFields) throws(PackagingError) -> Model {
    let pull = try fields.text("pull")
    let path = try fields.text("path")
    guard let place = pull ?? path, pull == nil || path == nil else {
      throw fields.wrong(
        fields.tree("pull"),
        "\(fields.place)path or \(fields.place)pull: the checkpoint's folder, or OWNER/NAME@COMMIT "
          + "of one that the Hub has; one of them, not both"
      )
    }
    guard path?.contains("://") != true else {
      throw fields.wrong(
        fields.tree("path"),
        "\(fields.place)path is an address, and nothing is downloaded by it: give the checkpoint's "
          + "folder, or \(fields.place)pull"
      )
    }
    guard pull.map(Names.isPinnedModel) != false else {
      throw fields.wrong(
        fields.tree("pull"),
        "\(fields.place)pull must be OWNER/NAME@COMMIT, the commit with its 40 digits: branches and "
          + "tags move; `zoetrope models list --json` tells it of what `zoetrope pull` fetched"
      )
    }
    let last = place.split(separator: "/").last.map(String.init) ?? place
    let normally = pull == nil ? last : last.prefix { $0 != "@" }.lowercased()
    var model = Model(name: try fields.text("name") ?? normally, path: path ?? "", pull: pull)
    if let text = try fields.text("digest") {
      guard let digest = Digest(text) else {
        throw fields.wrong(
          fields.tree("digest"),
          "\(fields.place)digest must be sha256: and 64 digits"
        )
      }
      model.digest = digest
    }
    let isIncluded = try fields.flag("include")
    guard pull == nil || isIncluded != true else {
      throw fields.wrong(
        fields.tree("include"),
        "\(fields.place)include: what is pulled at the start is not in the bundle"
      )
    }
    model.isIncluded = isIncluded ?? (pull == nil)
    return model
  }

  /// Holds what goes into commands, paths and other files to the forms that these take.
  func validate(_ fields: YAMLFields) throws(PackagingError) {
    guard Names.isName(name) else {
      throw fields.wrong(fields.tree("name"), "name \"\(name)\" must be \(Names.nameForm)")
    }
    for model in models where !Names.isName(model.name) {
      throw fields.wrong(
        fields.tree("models"),
        "the model's name \"\(model.name)\" must be \(Names.nameForm)"
      )
    }
    let doubles = Dictionary(grouping: models, by: \.name).filter { $0.value.count > 1 }.keys
    if let double = doubles.min() {
      throw fields.wrong(fields.tree("models"), "two models have the name \(double)")
    }
    for name in environment.keys.sorted() where !Names.isVariable(name) {
      throw fields.wrong(
        fields.tree("environment"),
        "environment: \"\(name)\" is not the name of a variable"
      )
    }
    for package in image.packages where !Names.isPackage(package) {
      throw fields.wrong(
        fields.tree("image"),
        "image.packages: \"\(package)\" is not the name of a Debian package"
      )
    }
    for pattern in include + exclude { _ = try Glob(pattern) }
  }

  init(name: String) { self.name = name }

  /// Adds a checkpoint, named after its folder, and puts it before those of the description.
  ///
  /// - Parameter path: The folder.
  package mutating func add(model path: String) {
    let last = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    models.insert(Model(name: Names.isName(last) ? last : "model", path: path), at: 0)
  }
}

/// The forms that names have.
package enum Names {
  static let nameForm = "small letters, digits, and `-`, `_` or `.` between them, 64 at most"

  /// Whether a text can name a bundle, a version or a model: also a part of a path and of a reference.
  package static func isName(_ text: String) -> Bool {
    let inner = "abcdefghijklmnopqrstuvwxyz0123456789-_."
    let outer = inner.dropLast(3)
    return text.utf8.count <= 64 && text.allSatisfy { inner.contains($0) }
      && (text.first.map { outer.contains($0) } ?? false)
      && (text.last.map { outer.contains($0) } ?? false) && !text.contains("..")
  }

  /// Whether a text names a model of the Hub at a commit, as `OWNER/NAME@COMMIT`.
  static func isPinnedModel(_ text: String) -> Bool {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    let words = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    let digits = "0123456789abcdef"
    return parts.count == 2 && words.count == 2
      && words.allSatisfy { word in
        word.first.map { $0.isLetter || $0.isNumber } == true
          && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
      } && parts[1].count == 40 && parts[1].allSatisfy { digits.contains($0) }
  }

  static func isVariable(_ text: String) -> Bool {
    !text.isEmpty && text.first?.isNumber == false
      && text.unicodeScalars.allSatisfy {
        $0 == "_" || ("A"..."Z").contains($0) || ("a"..."z").contains($0)
          || ("0"..."9").contains($0)
      }
  }

  static func isPackage(_ text: String) -> Bool {
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return text.count >= 2 && text.first.map { letters.contains($0) } == true
      && text.allSatisfy { (letters + "+-.").contains($0) }
  }
}
