// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import CStudio
import Serving

extension PageContent {
  /// The studio: a picture is dropped, and a clip is watched while it is made, played and kept.
  ///
  /// Where the server keeps no jobs, it shows the clip that comes in the answer, and no history.
  static let studio: PageContent = {
    let files: [(name: String, text: UnsafePointer<CChar>?)] = unsafe [
      ("studio.css", studio_css()), ("studio.js", studio_js()), ("jobs.js", jobs_js()),
      ("picture.js", picture_js()), ("presets.js", presets_js()), ("screen.js", screen_js()),
      ("history.js", history_js()), ("compare.js", compare_js()), ("controls.js", controls_js()),
      ("words.js", words_js()),
    ]
    func written(_ text: UnsafePointer<CChar>?) -> String {
      if let text = unsafe text { unsafe String(cString: text) } else { "" }
    }
    return PageContent(
      title: "Zoetrope",
      body: unsafe written(studio_html()),
      files: unsafe files.map { unsafe File($0.name, text: written($0.text)) },
      scripts: ["studio.js"]
    )
  }()
}
