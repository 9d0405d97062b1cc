// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What a service shows on its page, above the forms that every service has there.
///
/// ```swift
/// service.page = PageContent(
///   title: "Greetings",
///   body: "<section>…</section>",
///   files: [PageContent.File("greetings.js", text: script)]
/// )
/// ```
///
/// The page's policy allows scripts and styles only from files of this server, none within the
/// markup, and nothing at all from elsewhere.
public struct PageContent: Sendable {
  /// A file that is served under `/static_content/`.
  public struct File: Sendable {
    /// What a file is, by the end of its name.
    enum Kind: String {
      case script = "js"
      case style = "css"

      var mediaType: String {
        switch self {
        case .script: "text/javascript; charset=utf-8"
        case .style: "text/css; charset=utf-8"
        }
      }
    }

    /// Its name, such as `studio.js`.
    public let name: String
    /// What is in it.
    public let text: String

    /// Names a text.
    ///
    /// - Parameters:
    ///   - name: ASCII letters, digits, hyphens and underscores, and `.js` or `.css` at the end; not
    ///     the name of one of the page's own files.
    ///   - text: What is in it. A script may import what the page itself is made of: `./dom.js`,
    ///     `./server.js`, `./form.js`.
    public init(_ name: String, text: String) {
      self.name = name
      self.text = text
    }

    var kind: Kind? { name.split(separator: ".").last.flatMap { Kind(rawValue: String($0)) } }
  }

  /// The title of the page; nil for the service's name.
  public var title: String?
  /// Markup that comes first in the page's `main` element; trusted as it is.
  public var body: String
  /// Files that are served with the page; style sheets among them belong to it.
  public var files: [File]
  /// The names of the files that run when the page is loaded, as modules.
  public var scripts: [String]

  /// Describes a page, nothing but the forms unless more is given.
  public init(
    title: String? = nil,
    body: String = "",
    files: [File] = [],
    scripts: [String] = []
  ) {
    self.title = title
    self.body = body
    self.files = files
    self.scripts = scripts
  }
}
