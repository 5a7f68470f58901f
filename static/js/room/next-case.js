import { neighbour } from "./agenda.js";

/** @import { Loads } from "./loads.js" */
/** @import { Model } from "./model.js" */
/** @typedef {{ turns: { lull: () => Promise<AbortSignal> }, warm: (what: { series: string, version: number, caseId: string }) => { close: () => void }, forget: (series: string) => void }} DeskLike */

/**
 * The case after this one, made ready while nobody waits for anything: its data, and the pictures
 * it opens with. Opened or overtaken, it is let go; a newer version of it is made ready anew. For
 * members in a live meeting; who observes is given nothing before it is shown.
 */
export class NextCase {
  #model;
  #loads;
  #desk;
  /** @type {string|null} */
  #id = null;
  #panes = "";
  /** @type {{ close: () => void }[]} */
  #warm = [];
  #isClosed = false;

  /** @param {Model} model @param {Loads} loads @param {DeskLike} desk */
  constructor(model, loads, desk) {
    this.#model = model;
    this.#loads = loads;
    this.#desk = desk;
  }

  /** Look whether it is still the same one; called whenever the page shows something new. */
  heed() {
    const id = this.#wanted();
    if (id !== this.#id) {
      this.#id = id;
      if (id && !this.#model.case(id)) void this.#load(id);
    }
    this.#hang();
  }

  close() {
    this.#isClosed = true;
    this.heed();
  }

  /** @returns {string|null} */
  #wanted() {
    const { room, you, data } = this.#model;
    const isFor = !this.#isClosed && you.may.prefetch && room.meeting === "live";
    return isFor ? neighbour(room, data.cases, 1) : null;
  }

  /** @param {string} id */
  async #load(id) {
    await this.#desk.turns.lull();
    if (id === this.#id) await this.#loads.ahead(id);
  }

  #hang() {
    const panes = this.#model.case(this.#id)?.layout.panes ?? [];
    const stacks = panes.filter(({ kind }) => kind === "stack");
    const named = stacks.map(({ series, version }) => `${series}/${version}`);
    const key = [this.#id, ...named].join();
    if (key === this.#panes) return;
    this.#panes = key;
    for (const warm of this.#warm) warm.close();
    const caseId = this.#id ?? "";
    this.#warm = stacks.map(({ series, version }) => this.#desk.warm({ series, version, caseId }));
  }
}
