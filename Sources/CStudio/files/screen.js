// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { controls, icon, player, showPreview } from "./controls.js";
import { make } from "./dom.js";
import { follow } from "./jobs.js";
import { call, source } from "./server.js";
import {
  announcement, durationWords, hasEnded, leftWords, sizeWords, stageWords,
} from "./words.js";

const screen = document.getElementById("screen");
const announcer = document.getElementById("announcer");
const title = document.title;

let watching = null;
let held = null;
let view = null;

function replace(...children) {
  held?.release();
  held = null;
  screen.replaceChildren(...children);
}

function announce(words) {
  if (announcer.textContent !== words) announcer.textContent = words;
}

function stopWatching() {
  watching?.abort();
  watching = null;
  view = null;
  document.title = title;
}

/** Nothing to see yet. */
export function showNothing() {
  stopWatching();
  replace(make("div", { className: "empty" }, icon("reel"),
    make("p", {}, "Your clip appears here.")));
}

// MARK: While it is made

function workingView(buttons) {
  const image = make("img", { className: "preview", alt: "", hidden: true });
  image.addEventListener("load", () => { image.hidden = false; });
  image.addEventListener("error", () => { image.hidden = true; });
  const bar = make("progress", { max: 1 });
  bar.setAttribute("aria-label", "Progress");
  const stage = make("span", { className: "stage" });
  const left = make("span", { className: "left" });
  replace(make("div", { className: "frame" }, image), bar,
    make("p", { className: "progress-words" }, stage, left),
    make("div", { className: "actions" }, ...buttons));
  return { image, bar, stage, left };
}

/** Shows how far a clip is that comes in the answer to its own request. */
export function showWaiting(pictureFile, cancel) {
  stopWatching();
  const stop = make("button", { type: "button" }, icon("stop"), "Cancel");
  stop.addEventListener("click", cancel);
  const working = workingView([stop]);
  working.image.src = URL.createObjectURL(pictureFile);
  working.stage.textContent = "Making the clip";
  announce("Work has begun.");
}

function showWorking(job, actions) {
  if (view?.id !== job.id) {
    view = { id: job.id, ...workingView(controls(job, actions)) };
    // Until there is a preview, the picture itself stands for the clip.
    const shown = view;
    if (job.picture?.media_type.startsWith("image/")) {
      call(job.picture.url).then((response) => response.blob()).then((blob) => {
        if (view === shown && !shown.image.src) return showPreview(shown.image, blob);
        return null;
      }).catch(() => {});
    }
  }
  if (job.state === "queued") view.bar.removeAttribute("value");
  else view.bar.value = job.progress ?? 0;
  view.stage.textContent = stageWords(job);
  view.left.textContent = leftWords(job.eta_seconds);
  const percent = Math.floor((job.progress ?? 0) * 100);
  document.title = job.state === "queued" ? `Waiting · ${title}` : `${percent} % · ${title}`;
}

// MARK: When it has ended

function facts(job) {
  const { clip, timings } = job;
  const words = [];
  if (clip?.width) words.push(`${clip.width} × ${clip.height}`);
  if (clip?.frames) words.push(`${clip.frames} frames`);
  if (clip?.fps) words.push(`${clip.fps} per second`);
  if (clip?.bytes) words.push(sizeWords(clip.bytes));
  const seconds = Object.values(timings ?? {}).reduce((sum, time) => sum + time, 0);
  if (seconds) words.push(`made in ${durationWords(seconds)}`);
  if (job.seed != null) words.push(`seed ${job.seed}`);
  return make("p", { className: "facts" }, words.join(" · "));
}

async function showEnded(job, actions, signal) {
  document.title = title;
  const row = make("div", { className: "actions" }, ...controls(job, actions));
  if (job.state !== "succeeded" || !job.clip) {
    const words = job.state === "cancelled"
      ? make("p", {}, "Cancelled.")
      : make("p", { className: "problem" }, job.error?.message ?? "The clip could not be made.");
    replace(make("div", { className: "empty" }, icon(job.state === "cancelled" ? "stop" : "reel"), words), row);
    return;
  }
  let copy;
  try {
    copy = await source(job.clip.url, { signal });
  } catch (error) {
    if (!signal.aborted) {
      replace(make("p", { className: "problem" }, `The clip cannot be loaded: ${error.message}`), row);
    }
    return;
  }
  if (signal.aborted) {
    copy.release();
    return;
  }
  replace(make("div", { className: "frame" }, player(job.clip, copy.url)), facts(job), row);
  held = copy;
}

/** Shows a job, and goes on showing it until it ended or another one is shown. */
export async function showJob(job, actions, onChange) {
  stopWatching();
  const controller = new AbortController();
  watching = controller;
  const { signal } = controller;
  history.replaceState(null, "", `#job-${job.id}`);
  let latest = job;
  const update = (now) => {
    // An answer may come in after the stream has told that the job ended.
    if (signal.aborted || (hasEnded(latest) && !hasEnded(now))) return;
    latest = now;
    onChange(now);
    announce(announcement(now));
    if (!hasEnded(now)) showWorking(now, actions);
  };
  if (hasEnded(job)) {
    await showEnded(job, actions, signal);
    return;
  }
  update(job);
  try {
    await follow(job.id, signal, {
      job: update,
      preview: async (blob) => {
        if (!view) return;
        view.image.alt = "Preview of the clip as it forms";
        await showPreview(view.image, blob).catch(() => {});
      },
    });
  } catch (error) {
    if (signal.aborted) return;
    replace(make("p", { className: "problem" }, error.message));
    return;
  }
  if (!signal.aborted) await showEnded(latest, actions, signal);
}

/** Shows a clip that came in the answer to its own request. */
export function showFile(blob, name) {
  stopWatching();
  const url = URL.createObjectURL(blob);
  const link = make("a", { className: "button", href: url, download: name }, icon("save"), "Download");
  replace(make("div", { className: "frame" }, player({ media_type: blob.type }, url)),
    make("div", { className: "actions" }, link));
  held = { release: () => URL.revokeObjectURL(url) };
  announce("The clip is done.");
}
