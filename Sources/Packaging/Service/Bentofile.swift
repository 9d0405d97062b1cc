// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

extension ServiceDescription {
  private static let names = [
    "service", "name", "description", "labels", "include", "exclude", "args", "models", "conda",
    "envs", "python", "docker",
  ]
  private static let pythonNames = [
    "requirements_txt", "packages", "lock_packages", "pack_git_packages", "index_url", "no_index",
    "trusted_host", "find_links", "extra_index_url", "pip_args", "wheels", "is_src_layout",
  ]
  private static let dockerNames = [
    "distro", "python_version", "cuda_version", "system_packages", "env", "setup_script",
    "base_image", "dockerfile_template",
  ]
  /// Why a key does nothing here.
  private static let meaningless: [String: String] = [
    "args": "templates of a Python service are not filled in here: write the values out",
    "python": "Zoetrope runs no Python: nothing is installed",
    "conda": "Zoetrope runs no Python: nothing is installed",
    "docker.distro": "the image has the system libraries of the machine that makes it",
    "docker.python_version": "Zoetrope runs no Python",
    "docker.cuda_version":
      "CUDA comes with the base image: name one of NVIDIA's with image.base in zoetrope.yaml",
    "docker.env": "give variables in envs, which BentoML heeds too",
    "docker.setup_script": "nothing runs while an image is made: put files in with include",
    "docker.dockerfile_template":
      "no Dockerfile is involved: a base of your own is docker.base_image",
  ]

  /// - Parameters:
  ///   - tree: What BentoML's `bentofile.yaml` holds.
  ///   - path: What errors call it.
  ///   - resources: What the service needs, of which the file says nothing.
  /// - Throws: ``PackagingError`` with `invalidFile`, naming the line.
  package init(
    bentofile tree: YAMLTree,
    path: String,
    resources: Resources
  ) throws(PackagingError) {
    let fields = try YAMLFields(tree, path: path, names: Self.names)
    guard let service = try fields.text("service") else {
      throw fields.wrong(nil, "service is missing, as `service: \"service:StableDiffusionVideo\"`")
    }
    let given = try fields.text("name")
    self.init(name: Self.name(given ?? service))
    self.resources = resources
    labels = try fields.pairs("labels") ?? [:]
    include = try fields.texts("include") ?? []
    exclude = try fields.texts("exclude") ?? []
    remarks.append(
      "service: \(service) is Python and does not run here; Zoetrope serves /generate itself"
    )
    if let models = fields.tree("models"), case .list(let items) = models.value, !items.isEmpty {
      remarks.append(
        "models: BentoML's model store is not read; give the checkpoint's folder with --model, or in "
          + "models of a zoetrope.yaml"
      )
    }
    for env in try fields.list("envs", names: ["name", "value", "stage"]) {
      guard let name = try env.text("name") else {
        throw env.wrong(nil, "\(env.place)name is missing")
      }
      if try env.text("stage") == "build" {
        remarks.append("envs: \(name) is for the stage build, in which nothing runs here")
      } else if let value = try env.text("value"), !value.isEmpty {
        environment[name] = value
      } else {
        remarks.append("envs: \(name) has no value; it is to be set where the service runs")
      }
    }
    if let python = fields.tree("python") {
      _ = try YAMLFields(python, path: path, place: "python.", names: Self.pythonNames)
    }
    let docker = try fields.fields("docker", names: Self.dockerNames)
    image.base = try docker.text("base_image")
    // Zoetrope brings ffmpeg itself; git is for pip.
    image.packages = (try docker.texts("system_packages") ?? []).filter { name in
      guard name == "ffmpeg" || name == "git" else { return true }
      remarks.append(
        "docker.system_packages: \(name) \(name == "git" ? "served pip, which is not run" : "is part of every image")"
      )
      return false
    }
    for name in Self.names {
      if fields.tree(name) != nil, let reason = Self.meaningless[name] {
        remarks.append("\(name): \(reason)")
      }
    }
    for name in Self.dockerNames {
      if docker.tree(name) != nil, let reason = Self.meaningless["docker." + name] {
        remarks.append("docker.\(name): \(reason)")
      }
    }
    try validate(fields)
  }

  /// `module:Class` as BentoML makes a name of it: `class_in_small_letters`.
  private static func name(_ service: String) -> String {
    let last = service.split(separator: ":").last.map(String.init) ?? service
    var name = ""
    var wasSmall = false
    for character in last {
      if character.isUppercase, wasSmall { name += "_" }
      wasSmall = character.isLowercase || character.isNumber
      name += character.lowercased()
    }
    return name
  }
}
