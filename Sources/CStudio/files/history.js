// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { controls, icon } from "./controls.js";
import { make } from "./dom.js";
import { jobs } from "./jobs.js";
import { source } from "./server.js";
import { hasEnded, jobWords, stageWords, stateWord, whenWords } from "./words.js";

const section = document.getElementById("history");
const list = document.getElementById("cards");
const older = document.getElementById("older");
const compare = document.getElementById("compare");

const marks = { queued: "…", running: "▸", succeeded: "✓", failed: "!", cancelled: "×" };

/** One job in the list. */
class Card {
  constructor(job, actions, onChoice) {
    this.actions = actions;
    this.image = make("img", { alt: "", hidden: true });
    this.image.addEventListener("load", () => { this.image.hidden = false; });
    this.state = make("span", { className: "badge" });
    this.open = make("button", { type: "button", className: "card-open" },
      icon("reel"), this.image, this.state);
    this.open.addEventListener("click", () => actions.open(this.job));
    this.words = make("p", { className: "card-words" });
    this.when = make("p", { className: "help" });
    this.choice = make("input", { type: "checkbox" });
    this.choice.addEventListener("change", () => onChoice(this));
    this.choiceLabel = make("label", { className: "card-choice" }, this.choice, " Compare");
    this.row = make("div", { className: "card-row" });
    this.element = make("li", { className: "card" }, this.open,
      make("div", { className: "card-body" }, this.words, this.when, this.row));
    this.update(job);
  }

  update(job) {
    const before = this.job;
    this.job = job;
    this.element.dataset.state = job.state;
    this.element.dataset.job = job.id;
    this.state.replaceChildren(
      make("span", { "aria-hidden": "true" }, `${marks[job.state] ?? ""} `),
      job.state === "running" ? `${Math.floor((job.progress ?? 0) * 100)} %` : stateWord(job));
    const words = jobWords(job);
    this.open.setAttribute("aria-label", `Show: ${stateWord(job)}, ${words}`);
    this.choice.setAttribute("aria-label", `Compare: ${words}`);
    this.words.textContent = words || "Clip";
    const told = job.state === "failed" ? job.error?.message : null;
    const state = hasEnded(job) ? whenWords(job.created_at) : stageWords(job);
    this.when.textContent = told ?? (["jobs", "generate"].includes(job.api) ? state : `${state} · ${job.api}`);
    if (before?.state === job.state) return;
    this.row.replaceChildren(...(job.clip ? [this.choiceLabel] : []),
      ...controls(job, this.actions, { isCompact: true }));
    this.#showPicture(job);
  }

  /** Shows a frame of the clip, or the picture it is made of where there is none. */
  async #showPicture(job) {
    const paths = [job.clip ? `/jobs/${job.id}/thumbnail` : null, job.picture?.url];
    for (const path of paths.filter(Boolean)) {
      try {
        const copy = await source(path);
        this.copy?.release();
        this.copy = copy;
        this.image.src = copy.url;
        await this.image.decode();
        return;
      } catch {
        // The card says what it is without a picture too.
        this.image.hidden = true;
      }
    }
  }

  release() {
    this.copy?.release();
    this.element.remove();
  }
}

/** The jobs that the server keeps, the newest first. */
export class History {
  #cards = new Map();
  #chosen = [];
  #clock = null;
  #actions;

  constructor(actions) {
    this.#actions = actions;
    older.addEventListener("click", () => this.#loadOlder());
    compare.addEventListener("click", () => {
      actions.compare(...this.#chosen.map((card) => card.job));
    });
  }

  /** Asks the server anew; gives false if it keeps no jobs. */
  async load() {
    const page = await jobs.list();
    if (page === null) return false;
    for (const card of this.#cards.values()) card.release();
    this.#cards.clear();
    this.#choose([]);
    this.#take(page, false);
    return true;
  }

  /** The newest job that has not ended. */
  get unfinished() {
    return [...this.#cards.values()].map((card) => card.job).find((job) => !hasEnded(job));
  }

  /** Shows a job as it is now; one that is not in the list yet comes first. */
  update(job, isNewest = true) {
    const known = this.#cards.get(job.id);
    if (known) {
      if (!hasEnded(known.job) || hasEnded(job)) known.update(job);
    } else {
      const card = new Card(job, this.#actions, (chosen) => this.#toggle(chosen));
      this.#cards.set(job.id, card);
      if (isNewest) list.prepend(card.element);
      else list.append(card.element);
    }
    section.hidden = false;
    this.#poll();
  }

  /** Takes a job off the list, and moves on to the one after it. */
  remove(id) {
    const card = this.#cards.get(id);
    if (!card) return;
    const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
    const hadFocus = card.element.contains(document.activeElement);
    card.release();
    this.#cards.delete(id);
    this.#choose(this.#chosen.filter((chosen) => chosen !== card));
    section.hidden = this.#cards.size === 0;
    if (hadFocus) next?.querySelector(".card-open").focus();
  }

  #take({ jobs: found, has_more: hasMore }, isNewest) {
    for (const job of found) this.update(job, isNewest && !this.#cards.has(job.id));
    if (!isNewest) older.hidden = !hasMore;
    section.hidden = this.#cards.size === 0;
  }

  async #loadOlder() {
    const last = [...list.children].at(-1)?.dataset.job;
    try {
      const page = await jobs.list(last);
      const focus = page.jobs[0]?.id;
      this.#take(page, false);
      this.#cards.get(focus)?.open.focus();
    } catch (error) {
      this.#actions.report(error);
    }
  }

  #toggle(card) {
    const others = this.#chosen.filter((chosen) => chosen !== card);
    this.#choose(card.choice.checked ? [...others.slice(-1), card] : others);
  }

  #choose(cards) {
    for (const card of this.#chosen) card.choice.checked = cards.includes(card);
    this.#chosen = cards;
    compare.disabled = cards.length !== 2;
  }

  /** Jobs that came another way, or wait while another is watched, are looked after now and then. */
  #poll() {
    if (this.#clock !== null || !this.unfinished) return;
    this.#clock = setTimeout(async () => {
      this.#clock = null;
      try {
        const page = await jobs.list();
        if (page) this.#take({ ...page, jobs: [...page.jobs].reverse() }, true);
      } catch {
        // The server may be back at the next try.
      }
      this.#poll();
    }, 3000);
  }
}
