// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { make } from "./dom.js";

/** The most of a text that is shown. */
const longest = 200_000;

function pretty(text, type) {
  if (!type.startsWith("application/json")) return text;
  // Numbers of 64 bits would lose digits if they were read and written again.
  if (/\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Shows a stream as it comes, until it ends. */
async function showStream(response, output) {
  const code = make("code");
  output.append(make("pre", {}, code));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (code.textContent.length < longest) code.append(value);
  }
}

/**
 * Shows an answer: a video plays, a picture is seen, a text is read, anything else can be saved.
 *
 * Gives the text, or null if it was a file.
 */
export async function show(response, output) {
  const type = response.headers.get("content-type") ?? "";
  const disposition = response.headers.get("content-disposition") ?? "";
  const name = /filename="([^"]*)"/.exec(disposition)?.[1] ?? "result";
  if (type.startsWith("text/event-stream")) {
    await showStream(response, output);
    return null;
  }
  if (!response.ok || /^(application\/json|text\/)/.test(type)) {
    const text = await response.text();
    if (text.trim()) {
      output.append(make("pre", {}, make("code", {}, pretty(text, type).slice(0, longest))));
    }
    return text;
  }
  const file = await response.blob();
  if (!file.size) return null;
  const url = URL.createObjectURL(file);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (type.startsWith("video/")) {
    const video = make("video", { src: url, controls: true, loop: true, muted: true, autoplay: !still });
    video.playsInline = true;
    video.setAttribute("aria-label", "The answer");
    output.append(video);
  } else if (type.startsWith("image/")) {
    output.append(make("img", { src: url, alt: "The answer" }));
  }
  output.append(make("p", {}, make("a", { href: url, download: name }, `Save ${name}`)));
  return null;
}
