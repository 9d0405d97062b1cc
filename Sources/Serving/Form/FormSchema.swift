// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// One field of a form, as it is documented.
package struct FormEntry: Sendable {
  typealias Range = (lowerBound: JSON, upperBound: JSON)

  /// The name on the wire.
  let name: String
  let summary: String
  let value: ValueSchema
  /// For a file, what pages offer to choose.
  let mediaType: String?
  /// For a file, where in an object of a JSON body its text may stand.
  let fileMembers: [String]
  /// Whether every request must give the field.
  let isRequired: Bool
  /// What a request that leaves the field out means; nil if it must not.
  let initial: JSON?
  let range: Range?

  var isFile: Bool { value.kind == .file }
}

/// A form as it was learnt, once, from its declaration.
package struct FormSchema<Input: Form>: Sendable {
  let entries: [FormEntry]

  /// Learns the form.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if a stored property is not a `@Field`,
  ///   a default is out of its range, or two properties have one name on the wire.
  package init(_ type: Input.Type) throws(ServingError) {
    var entries: [FormEntry] = []
    for (label, value) in Self.fields(of: Input()) {
      guard let field = value as? any DeclaredField, let label else {
        throw ServingError(
          .badDeclaration,
          "\(Input.self).\(label ?? "?") is not a @Field: every stored property of a form must be"
        )
      }
      let entry = try field.entry(named: Self.wireName(label))
      guard !entries.contains(where: { $0.name == entry.name }) else {
        throw ServingError(.badDeclaration, "\(Input.self) has two fields named \(entry.name)")
      }
      entries.append(entry)
    }
    self.entries = entries
  }

  /// Makes the form from what a client sent; fields that nothing was sent for take their default,
  /// and inputs that no field is declared for are ignored.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput`, naming every field that is wrong.
  package func decode(_ inputs: [String: FieldInput]) throws(ServingError) -> Input {
    let form = Input()
    var problems: [InputProblem] = []
    for (entry, child) in zip(entries, Self.fields(of: form)) {
      guard let field = child.value as? any DeclaredField else { continue }
      do throws(InputProblem) {
        try field.fill(from: inputs[entry.name], name: entry.name)
      } catch {
        problems.append(error)
      }
    }
    guard problems.isEmpty else { throw ServingError(problems) }
    return form
  }

  /// The stored properties; in place of one that is a form itself, that form's.
  private static func fields(of form: any Form) -> [Mirror.Child] {
    Mirror(reflecting: form).children.flatMap { child in
      (child.value as? any Form).map { fields(of: $0) } ?? [child]
    }
  }

  /// `_decodeChunkSize`, as the compiler names the storage of a wrapped property, in snake case.
  private static func wireName(_ label: String) -> String {
    var name = ""
    for character in label.drop(while: { $0 == "_" }) {
      if character.isUppercase { name += "_" }
      name += character.lowercased()
    }
    return name
  }
}
