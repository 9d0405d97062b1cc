// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { make } from "./dom.js";
import { hasEnded, jobWords } from "./words.js";

const template = document.getElementById("icon");

/** A picture beside or in place of words. */
export function icon(name) {
  const element = template.content.firstElementChild.cloneNode(true);
  element.querySelector("use").setAttribute("href", `#i-${name}`);
  return element;
}

const kinds = {
  again: ["again", "Run again", "Makes the same clip again"],
  extend: ["extend", "Extend", "Makes a longer clip, which goes on from the last frame"],
  edit: ["edit", "Change settings", "Puts its picture and settings into the form"],
  save: ["save", "Download", "Saves the clip as a file"],
  remove: ["delete", "Delete", "Deletes the clip and its picture"],
  cancel: ["stop", "Cancel", "Stops the work"],
};

function button(kind, job, actions, isCompact) {
  const [picture, words, title] = kinds[kind];
  const element = make("button", { type: "button", title, className: isCompact ? "compact" : "" },
    icon(picture));
  if (isCompact) element.setAttribute("aria-label", `${words}: ${jobWords(job)}`);
  else element.append(words);
  element.dataset.action = kind;
  element.addEventListener("click", () => actions[kind](job));
  return element;
}

/** Whether a clip has an end that can be gone on from, and a file that can be read back. */
const canGoOn = ({ clip, parameters }) =>
  clip && parameters?.playback === "forward"
    && ["video/mp4", "video/webm", "image/gif"].includes(clip.media_type);

/** What can be done with a job as it is now. */
export function controls(job, actions, { isCompact = false } = {}) {
  const names = hasEnded(job)
    ? [job.clip ? "save" : null, "again", canGoOn(job) ? "extend" : null,
      // The form takes pictures, not clips.
      job.parameters?.continued_frames ? null : "edit", "remove"]
    : ["cancel"];
  return names.filter(Boolean).map((name) => button(name, job, actions, isCompact));
}

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** An element that plays a clip: over and over, without sound, unless motion is not wished for. */
export function player(clip, url) {
  if (clip.media_type.startsWith("image/")) return make("img", { src: url, alt: "The clip" });
  if (!clip.media_type.startsWith("video/")) {
    return make("p", { className: "empty" }, "This file cannot be played here; it can be downloaded.");
  }
  const video = make("video", { controls: true, loop: true, muted: true, autoplay: !isStill() });
  video.playsInline = true;
  video.setAttribute("aria-label", "The clip");
  if (clip.width) {
    [video.width, video.height] = [clip.width, clip.height];
    // A small clip enlarged to the width of the page shows nothing but that it is small.
    video.style.maxWidth = `${2 * clip.width}px`;
  }
  video.src = url;
  return video;
}

/** Shows a picture on its canvas; of one that moves, its first frame where motion is not wished for. */
export async function showPreview(image, blob) {
  const old = image.src;
  if (isStill()) {
    const bitmap = await createImageBitmap(blob);
    const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    blob = await new Promise((resolve) => canvas.toBlob(resolve));
  }
  image.src = URL.createObjectURL(blob);
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}
