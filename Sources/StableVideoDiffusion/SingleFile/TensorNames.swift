// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How a tensor of a single-file checkpoint becomes the one that diffusers names.
package enum TensorForm: Equatable {
  /// As it is.
  case same
  /// A convolution of one pixel, `[outputs, inputs, 1, 1]`, as the matrix `[outputs, inputs]`.
  case matrix
  /// `[inputs, outputs]` as `[outputs, inputs]`.
  case transposed
  /// One of three equal parts that are stacked along the first axis: 0, 1 or 2.
  case third(Int)
}

/// The names of a model's tensors in diffusers' layout ("ours") and in that of Stability's files
/// ("theirs").
///
/// A pair of names stands for all tensors below them, so that `conv_in` covers its weight and its bias;
/// of several pairs that fit, the longest is meant.
package struct TensorNames {
  package struct Name: Equatable {
    package let name: String
    package let form: TensorForm
  }

  private var toTheirs: [String: Name] = [:]
  private var toOurs: [String: [Name]] = [:]

  /// Adds a pair of names.
  mutating func add(_ ours: String, _ theirs: String, _ form: TensorForm = .same) {
    toTheirs[ours] = Name(name: theirs, form: form)
    toOurs[theirs, default: []].append(Name(name: ours, form: form))
  }

  /// Adds the pairs of a block that is at two places.
  mutating func add(_ ours: String, _ theirs: String, _ block: [BlockName]) {
    for name in block { add("\(ours).\(name.ours)", "\(theirs).\(name.theirs)", name.form) }
  }

  /// The name that a tensor has in a single file, and how it is kept there; nil if it has no place.
  package func theirs(of ours: String) -> Name? {
    Self.split(ours) { prefix, rest in
      toTheirs[prefix].map { Name(name: $0.name + rest, form: $0.form) }
    }
  }

  /// The tensors that a tensor of a single file stands for; none if it is not known.
  package func ours(of theirs: String) -> [Name] {
    Self.split(theirs) { prefix, rest in
      toOurs[prefix].map { names in names.map { Name(name: $0.name + rest, form: $0.form) } }
    } ?? []
  }

  /// What is found for the longest part of a name, cut at points.
  private static func split<Found>(
    _ name: String,
    _ find: (_ prefix: String, _ rest: String) -> Found?
  ) -> Found? {
    var end = name.endIndex
    while true {
      if let found = find(String(name[..<end]), String(name[end...])) { return found }
      guard let dot = name[..<end].lastIndex(of: ".") else { return nil }
      end = dot
    }
  }
}
