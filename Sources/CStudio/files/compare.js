// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { player } from "./controls.js";
import { make } from "./dom.js";
import { source } from "./server.js";
import { jobWords } from "./words.js";

const dialog = document.getElementById("comparison");
const clips = document.getElementById("comparison-clips");
const rows = document.getElementById("comparison-rows");
const play = document.getElementById("comparison-play");

let copies = [];

const videos = () => [...clips.querySelectorAll("video")];

function showButton() {
  play.textContent = videos().some((video) => !video.paused) ? "Pause both" : "Play both";
}

const written = (value) => (value == null ? "default" : String(value));

/** Shows two clips beside each other, running together, and what their settings differ in. */
export async function compare(first, second) {
  copies = await Promise.all([first, second].map((job) => source(job.clip.url)));
  clips.replaceChildren(...[first, second].map((job, index) =>
    make("figure", {}, player(job.clip, copies[index].url), make("figcaption", {}, jobWords(job)))));
  const names = new Set([...Object.keys(first.parameters), ...Object.keys(second.parameters)]);
  names.delete("seed");
  const values = [...names].map((name) =>
    [name, written(first.parameters[name]), written(second.parameters[name])]);
  values.push(["seed", written(first.seed), written(second.seed)]);
  rows.replaceChildren(...values.map(([name, one, other]) => {
    const differs = one !== other;
    return make("tr", { className: differs ? "differs" : "" },
      make("th", { scope: "row" }, make("code", {}, name), differs ? " ≠" : ""),
      make("td", {}, one), make("td", {}, other));
  }));
  for (const video of videos()) {
    video.addEventListener("play", showButton);
    video.addEventListener("pause", showButton);
  }
  // Both begin together, whichever was loaded first.
  const ready = videos().map((video) => new Promise((resolve) => {
    video.addEventListener("canplay", resolve, { once: true });
  }));
  Promise.all(ready).then(() => {
    for (const video of videos()) video.currentTime = 0;
  });
  showButton();
  dialog.showModal();
}

play.addEventListener("click", () => {
  const isPlaying = videos().some((video) => !video.paused);
  for (const video of videos()) {
    if (isPlaying) video.pause();
    else {
      video.currentTime = 0;
      video.play();
    }
  }
});
document.getElementById("comparison-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  clips.replaceChildren();
  for (const copy of copies) copy.release();
  copies = [];
});
