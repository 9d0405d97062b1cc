// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// What an image's programs were made of, as an SPDX 2.3 document.
struct BillOfMaterials: Encodable {
  struct Reference: Encodable {
    var referenceCategory = "PACKAGE-MANAGER"
    var referenceType = "purl"
    let referenceLocator: String
  }

  struct Package: Encodable {
    let SPDXID: String
    let name: String
    let versionInfo: String
    var downloadLocation = "NOASSERTION"
    var filesAnalyzed = false
    var licenseConcluded = "NOASSERTION"
    let licenseDeclared: String
    var copyrightText = "NOASSERTION"
    let externalRefs: [Reference]
    let sourceInfo: String?
  }

  struct Relationship: Encodable {
    let spdxElementId: String
    let relationshipType: String
    let relatedSpdxElement: String
  }

  struct Creation: Encodable {
    /// The same for every document: what is made of equal inputs is equal.
    var created = "1970-01-01T00:00:00Z"
    var creators = ["Tool: zoetrope"]
  }

  var spdxVersion = "SPDX-2.3"
  var dataLicense = "CC0-1.0"
  var SPDXID = "SPDXRef-DOCUMENT"
  let name: String
  let documentNamespace: String
  var creationInfo = Creation()
  private(set) var packages: [Package] = []
  private(set) var relationships: [Relationship] = []

  /// - Parameters:
  ///   - bundle: What the image holds.
  ///   - version: That of this program.
  ///   - debian: The packages that libraries and tools are from.
  ///   - swift: The packages that this program was built with.
  init(
    _ bundle: BundleStore.Entry,
    version: String,
    debian: [DebianPackages.Package],
    swift: [SwiftPackages.Package]
  ) {
    name = bundle.tag
    documentNamespace = "urn:zoetrope:spdx:\(bundle.digest.hex)"
    func add(
      _ kind: String,
      _ name: String,
      _ version: String,
      _ locator: String,
      license: String = "NOASSERTION",
      source: String? = nil
    ) {
      let word = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
      let id = "SPDXRef-\(kind)-\(String(word))"
      packages.append(
        Package(
          SPDXID: id,
          name: name,
          versionInfo: version,
          licenseDeclared: license,
          externalRefs: [Reference(referenceLocator: locator)],
          sourceInfo: source
        )
      )
      relationships.append(
        Relationship(
          spdxElementId: kind == "Program" ? "SPDXRef-DOCUMENT" : "SPDXRef-Program-zoetrope",
          relationshipType: kind == "Program" ? "DESCRIBES" : "DEPENDS_ON",
          relatedSpdxElement: id
        )
      )
    }
    add("Program", "zoetrope", version, "pkg:generic/zoetrope@\(version)", license: "Apache-2.0")
    for package in swift {
      let place = package.location.replacing("https://", with: "")
      add("Swift", package.name, package.version, "pkg:swift/\(place)@\(package.version)")
    }
    for package in debian {
      // A `+` in a version would be read as a space.
      let version = package.version.replacing("+", with: "%2B").replacing(":", with: "%3A")
      add(
        "Debian",
        package.name,
        package.version,
        "pkg:deb/debian/\(package.name)@\(version)?arch=\(package.architecture)",
        source: "built from \(package.source)"
      )
    }
  }
}

/// The packages that this program was built with.
package enum SwiftPackages {
  /// A package.
  struct Package: Equatable {
    let name: String
    let location: String
    let version: String
  }

  private struct Resolved: Decodable {
    struct Pin: Decodable {
      struct State: Decodable {
        let version: String?
        let revision: String?
      }
      let identity: String
      let location: String
      let state: State
    }
    let pins: [Pin]
  }

  /// Reads `Package.resolved` from a checkout that programs were built in, or from where they were
  /// installed; none if it is in neither.
  ///
  /// - Parameter programs: The folder of the programs.
  /// - Returns: The packages in order of their names.
  /// - Throws: ``PackagingError`` with `damaged` or `fileSystem`.
  static func of(programs: String) throws(PackagingError) -> [Package] {
    var folder = programs
    while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
      folder = String(folder[..<slash])
      for path in ["\(folder)/Package.resolved", "\(folder)/share/zoetrope/Package.resolved"]
      where Files.kind(path) != nil {
        let resolved = try decoded(try Files.read(path), as: Resolved.self, from: path)
        return resolved.pins.map { pin in
          Package(
            name: pin.identity,
            location: pin.location.hasSuffix(".git")
              ? String(pin.location.dropLast(4)) : pin.location,
            version: pin.state.version ?? pin.state.revision ?? ""
          )
        }.sorted { Files.precedes($0.name, $1.name) }
      }
    }
    return []
  }
}
