// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What a service needs of the machine that it runs on.
///
/// The server takes no more than it finds; what builds and deploys the service asks for this much, unless
/// it is told otherwise.
public struct Resources: Sendable, Equatable, Codable {
  /// How many GPUs.
  public var gpu: Int
  /// The model of the GPUs, such as `NVIDIA-L4`; nil for any.
  public var gpuType: String?
  /// Processor cores, as Kubernetes writes them: `4`, `500m`; nil for what there is.
  public var cpu: String?
  /// Main memory, as Kubernetes writes it: `16Gi`; nil for what there is.
  public var memory: String?

  /// Declares what a service needs: nothing in particular if nothing is given.
  public init(
    gpu: Int = 0,
    gpuType: String? = nil,
    cpu: String? = nil,
    memory: String? = nil
  ) {
    self.gpu = gpu
    self.gpuType = gpuType
    self.cpu = cpu
    self.memory = memory
  }
}

/// How much a service takes on at once, and for how long.
public struct Traffic: Sendable, Equatable {
  /// How long a request may take in all: upload, waiting and work.
  public var timeout: Duration
  /// How many requests are worked on at once.
  public var concurrency: Int
  /// How many requests may wait besides.
  public var queue: Int

  /// Declares what a service takes on: one request at a time, for ten minutes, while eight wait, unless
  /// something else is given.
  public init(timeout: Duration = .seconds(600), concurrency: Int = 1, queue: Int = 8) {
    self.timeout = timeout
    self.concurrency = concurrency
    self.queue = queue
  }
}
