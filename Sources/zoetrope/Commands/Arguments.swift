// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import ArgumentParser
public import Media
public import StableVideoDiffusion
public import TensorCore

// Words of other modules that can be said on the command line.

extension Playback: ExpressibleByArgument {}
extension VideoFormat: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension MemoryMode: ExpressibleByArgument {}
extension DeepCache: ExpressibleByArgument {}
extension GuidanceInterval: ExpressibleByArgument {}
