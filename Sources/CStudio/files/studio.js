// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { compare } from "./compare.js";
import { save } from "./dom.js";
import { Fields, formData } from "./form.js";
import { History } from "./history.js";
import { freshKey, jobs } from "./jobs.js";
import { picture } from "./picture.js";
import { makePresets } from "./presets.js";
import { showFile, showJob, showNothing, showWaiting } from "./screen.js";
import { call, source } from "./server.js";

const form = document.getElementById("studio-form");
const clips = document.getElementById("clips");
const makeButton = document.getElementById("make");
const problem = document.getElementById("studio-problem");
const historyProblem = document.getElementById("history-problem");

let fields = null;
let showPresets = () => {};
let keepsJobs = false;
let shown = null;
let requestKey = null;

function say(place, message) {
  place.textContent = message ?? "";
  place.hidden = !message;
}

/** Runs what a button stands for; what goes wrong is said above the list. */
const reporting = (work) => async (...values) => {
  say(historyProblem, null);
  try {
    await work(...values);
  } catch (error) {
    actions.report(error);
  }
};

function open(job) {
  shown = job.id;
  const done = showJob(job, actions, (now) => history.update(now));
  document.getElementById("studio").scrollIntoView({ block: "nearest" });
  return done;
}

/** What can be done with a job, wherever it is seen. */
const actions = {
  open: reporting(open),
  again: reporting(async (job) => {
    const next = await jobs.retry(job.id);
    history.update(next);
    await open(next);
  }),
  extend: reporting(async (job) => {
    const next = await jobs.extend(job.id);
    history.update(next);
    await open(next);
  }),
  edit: reporting(async (job) => {
    const blob = await (await call(job.picture.url)).blob();
    const ending = blob.type.split("/")[1] ?? "picture";
    picture.use(new File([blob], `picture.${ending}`, { type: blob.type }));
    for (const field of fields.all) {
      field.value = field.name === "seed" ? job.seed : job.parameters[field.name];
      field.show(null);
    }
    showPresets();
    form.scrollIntoView({ block: "nearest" });
    makeButton.focus();
  }),
  save: reporting(async (job) => {
    const copy = await source(`${job.clip.url}?download=1`);
    const ending = job.clip.media_type.split("/")[1] ?? "bin";
    save(copy.url, `zoetrope-${job.id.slice(0, 8)}.${ending}`);
    setTimeout(copy.release, 60_000);
  }),
  remove: reporting(async (job) => {
    if (!confirm("Delete this clip and its picture?")) return;
    await jobs.remove(job.id);
    history.remove(job.id);
    if (shown !== job.id) return;
    showNothing();
    window.history.replaceState(null, "", location.pathname);
  }),
  cancel: reporting(async (job) => history.update(await jobs.cancel(job.id))),
  compare: reporting(compare),
  report(error) {
    if (error.name !== "AbortError") say(historyProblem, error.message);
  },
};

const history = new History(actions);

// MARK: Making a clip

function showRefusal(error) {
  const rest = error.problems?.length
    ? fields.show(error.problems.filter(({ field }) => field !== "image"))
    : [error.message];
  const wrongPicture = error.problems?.find(({ field }) => field === "image");
  if (wrongPicture) {
    picture.show(wrongPicture.message);
    picture.focus();
  }
  const later = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  say(problem, rest.length ? rest.join(" ") + later : null);
}

/** On a server that keeps no jobs the clip comes in the answer, and nothing is told before. */
async function makeAtOnce(body) {
  const controller = new AbortController();
  showWaiting(picture.file, () => controller.abort());
  try {
    const response = await call("/generate", { method: "POST", body, signal: controller.signal });
    const disposition = response.headers.get("content-disposition") ?? "";
    showFile(await response.blob(), /filename="([^"]*)"/.exec(disposition)?.[1] ?? "clip.mp4");
  } catch (error) {
    showNothing();
    if (!controller.signal.aborted) throw error;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(problem, null);
  picture.show(null);
  if (!picture.file) {
    picture.show("Choose a picture first.");
    picture.focus();
    return;
  }
  if (!fields.check()) return;
  const given = [["image", picture.file], ...fields.given];
  const count = keepsJobs ? clips.querySelector("input:checked").value : "1";
  if (count !== "1") given.push(["num_clips", count]);
  const body = formData(given);
  makeButton.disabled = true;
  try {
    if (keepsJobs) {
      // Pressed again after a broken connection, this asks for the same job, not for another.
      requestKey ??= freshKey();
      const accepted = await jobs.submit(body, requestKey);
      requestKey = null;
      for (const job of accepted) history.update(job);
      makeButton.disabled = false;
      actions.open(accepted[0]);
    } else {
      await makeAtOnce(body);
    }
  } catch (error) {
    if (error.status) requestKey = null;
    showRefusal(error);
  } finally {
    makeButton.disabled = false;
  }
});

form.addEventListener("input", () => {
  requestKey = null;
  showPresets();
});

// MARK: Beginning

async function loadForm() {
  const schema = await (await call("/schema.json")).json();
  const { input } = schema.routes.find((route) => route.name === "generate");
  const properties = Object.fromEntries(
    Object.entries(input.properties).filter(([name]) => name !== "image"));
  fields = new Fields(properties, input.required);
  document.getElementById("settings-fields")
    .replaceChildren(...fields.all.map((field) => field.element));
  showPresets = makePresets(fields);
}

/** The job that the address names; it may have been deleted since. */
async function wantedJob() {
  const id = /^#job-([0-9a-f]+)$/.exec(location.hash)?.[1];
  try {
    return id ? await jobs.get(id) : null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

async function loadHistory() {
  say(historyProblem, null);
  try {
    keepsJobs = await history.load();
    clips.hidden = !keepsJobs;
    const job = (keepsJobs && await wantedJob()) || history.unfinished;
    if (job) actions.open(job);
  } catch (error) {
    keepsJobs = true;
    document.getElementById("history").hidden = false;
    actions.report(error);
  }
}

showNothing();
loadForm().catch((error) => say(problem, `The settings cannot be loaded: ${error.message}`));
loadHistory();
document.addEventListener("accesschange", loadHistory);
