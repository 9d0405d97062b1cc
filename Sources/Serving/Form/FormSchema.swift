// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// One field of a form, as it is documented.
package struct FormEntry: Sendable {
  typealias Range = (lowerBound: JSON, upperBound: JSON)

  /// The name on the wire.
  package let name: String
  let summary: String
  private(set) var value: ValueSchema
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

  /// The field with texts to choose from that its type does not know.
  func offering(_ choices: [String]?) -> FormEntry {
    guard let choices else { return self }
    var entry = self
    entry.value.choices = choices
    return entry
  }
}

/// The fields that an initializer makes, in their order.
///
/// A form finds its fields by reflection once; to do so for every request took a fifteenth of a short one.
final class FieldRecord: Sendable {
  @TaskLocal static var current: FieldRecord?

  private let fields = Mutex<[any DeclaredField]>([])

  func append(_ field: any DeclaredField) { fields.withLock { $0.append(field) } }

  /// Makes a form and gives the fields that were made for it.
  static func of<Input: Form>(_ type: Input.Type) -> (form: Input, fields: [any DeclaredField]) {
    let record = FieldRecord()
    let form = $current.withValue(record) { Input() }
    return (form, record.fields.withLock { $0 })
  }
}

/// A form as it was learnt, once, from its declaration.
package struct FormSchema<Input: Form>: Sendable {
  package let entries: [FormEntry]
  /// Which of the fields that the initializer makes each entry is.
  private let places: [Int]

  /// Learns the form.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if a stored property is not a `@Field`,
  ///   a default is out of its range, two properties have one name on the wire, or the form's
  ///   initializer does not make its fields itself.
  package init(_ type: Input.Type) throws(ServingError) {
    var entries: [FormEntry] = []
    var places: [Int] = []
    let (form, made) = FieldRecord.of(Input.self)
    for (label, value) in Self.fields(of: form) {
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
      guard let place = made.firstIndex(where: { $0.storage === field.storage }) else {
        throw ServingError(
          .badDeclaration,
          "\(Input.self).init() does not make its field \(entry.name) itself"
        )
      }
      entries.append(entry)
      places.append(place)
    }
    self.entries = entries
    self.places = places
  }

  /// Makes the form from what a client sent; fields that nothing was sent for take their default,
  /// and inputs that no field is declared for are ignored.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput`, naming every field that is wrong.
  package func decode(_ inputs: [String: FieldInput]) throws(ServingError) -> Input {
    let (form, made) = FieldRecord.of(Input.self)
    var problems: [InputProblem] = []
    for (entry, place) in zip(entries, places) where made.indices.contains(place) {
      do throws(InputProblem) {
        try made[place].fill(from: inputs[entry.name], name: entry.name)
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
