// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// A service of a single machine, run by systemd.
package struct SystemdUnit {
  private let name: String
  private let program: String
  /// The folder that it starts in.
  private let place: String
  /// The lines on its environment.
  private let settings: [String]
  private let grace: Int
  private let mayHaveGPU: Bool

  /// A program that was installed, with the settings of `/etc/default/zoetrope`.
  ///
  /// - Parameter program: Its path.
  /// - Throws: ``PackagingError`` with `invalidValue` for a path that a unit cannot name.
  package init(program: String) throws(PackagingError) {
    try Self.check(program)
    name = "zoetrope"
    self.program = program
    place = "%S/zoetrope"
    settings = [
      "Environment=XDG_CACHE_HOME=%C", "Environment=ZOETROPE_STORE=%S/zoetrope",
      "EnvironmentFile=-/etc/default/zoetrope",
    ]
    grace = 30
    mayHaveGPU = true
  }

  /// What runs a bundle whose files lie in a folder.
  init(_ bundle: BundleStore.Entry, folder: String) throws(PackagingError) {
    try Self.check(folder)
    let manifest = bundle.manifest
    name = bundle.name
    program = "\(folder)/bin/zoetrope"
    place = "\(folder)/files"
    var environment = manifest.environment
    environment["ZOETROPE_CONFIG"] = "\(folder)/serve.yaml"
    environment["XDG_CACHE_HOME"] = "%C"
    environment["ZOETROPE_STORE"] = "%S/\(bundle.name)"
    if manifest.pullsModel {
      environment["HF_HUB_CACHE"] = "%C/\(bundle.name)"
    } else if let model = manifest.models.first {
      environment["ZOETROPE_MODEL"] = "\(folder)/models/\(model.name)"
    }
    let lines = environment.sorted { Files.precedes($0.key, $1.key) }.map { name, value in
      let isOurs = manifest.environment[name] != nil
      return "Environment=\"\(name)=\(isOurs ? Self.escaped(value) : value)\""
    }
    // A token of the Hub may not be part of a bundle.
    settings =
      lines + (manifest.pullsModel ? ["EnvironmentFile=-/etc/default/\(bundle.name)"] : [])
    grace = manifest.settings["grace"]?.first.flatMap { Int($0) } ?? 30
    mayHaveGPU = manifest.resources.gpu > 0
  }

  private static func check(_ path: String) throws(PackagingError) {
    guard path.hasPrefix("/"), Files.staysBelow(String(path.dropFirst())),
      !path.contains(where: { " %\"'\\$".contains($0) })
    else {
      throw PackagingError(
        .invalidValue,
        "\"\(path)\" is not an absolute path without spaces, quotes, % and $"
      )
    }
  }

  /// The name of the unit's file.
  package var fileName: String { "\(name).service" }

  /// The unit, which gives the server nothing but what it needs.
  package var text: String {
    // A GPU's files are needed, and its compiled kernels are written and then run.
    let devices =
      mayHaveGPU
      ? "DeviceAllow=char-nvidia-frontend rw\nDeviceAllow=char-nvidia-uvm rw\n"
      : "PrivateDevices=yes\nMemoryDenyWriteExecute=yes\n"
    return """
      [Unit]
      Description=\(name), image to video
      Documentation=man:zoetrope(1)
      After=network.target

      [Service]
      ExecStart=\(program) serve
      WorkingDirectory=\(place)
      \(settings.joined(separator: "\n"))
      # The port opens before the model is loaded; /readyz says when it is.
      Type=exec
      Restart=on-failure
      RestartSec=5
      TimeoutStopSec=\(grace + 15)
      DynamicUser=yes
      CacheDirectory=\(name)
      StateDirectory=\(name)
      UMask=0077
      ProtectSystem=strict
      ProtectHome=yes
      PrivateTmp=yes
      \(devices)DevicePolicy=closed
      ProtectClock=yes
      ProtectControlGroups=yes
      ProtectHostname=yes
      ProtectKernelLogs=yes
      ProtectKernelModules=yes
      ProtectKernelTunables=yes
      LockPersonality=yes
      NoNewPrivileges=yes
      RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
      RestrictNamespaces=yes
      RestrictRealtime=yes
      RestrictSUIDSGID=yes
      RemoveIPC=yes
      CapabilityBoundingSet=
      AmbientCapabilities=
      SystemCallArchitectures=native
      SystemCallFilter=@system-service
      SystemCallErrorNumber=EPERM

      [Install]
      WantedBy=multi-user.target

      """
  }

  /// What systemd reads back as the text.
  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
  }
}
