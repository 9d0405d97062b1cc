// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

const stages = {
  load: "Loading the model",
  encode: "Looking at the picture",
  denoise: "Making the clip",
  decode: "Developing frames",
  write: "Writing the file",
};

const states = {
  queued: "Waiting", running: "Working", succeeded: "Done", failed: "Failed", cancelled: "Cancelled",
};

export const hasEnded = (job) => ["succeeded", "failed", "cancelled"].includes(job.state);

/** A job's state in a word. */
export const stateWord = (job) => states[job.state] ?? job.state;

/** What a job is doing. */
export function stageWords(job) {
  if (job.state === "queued") {
    const ahead = job.queue_position;
    if (ahead == null) return "Waiting in line";
    if (ahead === 0) return "Next in line";
    return `${ahead} ahead in the line`;
  }
  if (job.state !== "running") return stateWord(job);
  const words = stages[job.stage] ?? job.stage ?? "Starting";
  return job.total > 1 ? `${words}: ${job.done} of ${job.total}` : words;
}

/** How long something still takes, roughly, since it is an estimate. */
export function leftWords(seconds) {
  if (seconds == null) return "";
  if (seconds < 1) return "almost done";
  if (seconds < 90) return `about ${Math.round(seconds)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

export function durationWords(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function sizeWords(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** When a job was asked for, as short as can be. */
export function whenWords(date, now = new Date()) {
  const then = new Date(date);
  const seconds = (now - then) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (then.toDateString() === now.toDateString()) {
    return then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
  return then.toLocaleDateString([], { day: "numeric", month: "short" });
}

/** What tells a job from others. */
export function jobWords(job) {
  const { parameters = {}, clip, seed } = job;
  const words = [];
  if (parameters.motion_bucket_id != null) words.push(`motion ${parameters.motion_bucket_id}`);
  if (parameters.num_inference_steps != null) words.push(`${parameters.num_inference_steps} steps`);
  if (clip?.frames) words.push(`${clip.frames} frames`);
  if (seed != null) words.push(`seed ${seed.length > 10 ? `…${seed.slice(-6)}` : seed}`);
  // A line may break between the parts, not within one.
  return words.map((part) => part.replaceAll(" ", "\u00a0")).join(" · ");
}

/** What a screen reader is told of a job's state, often enough and no more. */
export function announcement(job) {
  if (job.state === "failed") return `Failed: ${job.error?.message ?? "the server does not say why"}`;
  if (job.state === "succeeded") return "The clip is done.";
  if (job.state === "cancelled") return "Cancelled.";
  if (job.state === "queued") return `${stageWords(job)}.`;
  const quarter = Math.floor((job.progress ?? 0) * 4) * 25;
  return quarter === 0 ? "Work has begun." : `${quarter} percent.`;
}
