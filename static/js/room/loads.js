import { HttpError } from "../shared/http.js";
import { sentence } from "./http.js";

/** @import { CaseData } from "./data.js" */
/** @import { RoomHttp } from "./http.js" */
/** @import { Model } from "./model.js" */
/**
 * @typedef {object} Told
 * @property {() => void} loaded - the model knows more
 * @property {(text: string) => void} failed - in words for people
 * @property {(series: string) => void} gone - what a case showed and does not show any more
 */

const AFTER_PICTURE_MS = 1500;

/** Loads the room and its cases for the model; a case that is on its way is not asked for twice. */
export class Loads {
  #model;
  #http;
  #told;
  /** @type {Map<string, Promise<void>>} */
  #onTheWay = new Map();
  /** @type {Set<string>} on their way, and something is new since they were asked for */
  #outdated = new Set();

  /** @param {Model} model @param {RoomHttp} http @param {Told} told */
  constructor(model, http, told) {
    this.#model = model;
    this.#http = http;
    this.#told = told;
  }

  async room() {
    await this.#said(async () => {
      const data = await this.#http.room(this.#model.data.meeting.id);
      for (const left of this.#model.take(data)) this.#leave(left, null);
    });
  }

  /** @param {string|null} caseId - nothing is asked about one that is not on the list one may see */
  async case(caseId) {
    if (caseId && this.#model.brief(caseId)) await this.#said(() => this.#case(caseId));
  }

  /** It is about to be opened: what is not here yet is asked for at once. @param {string} caseId */
  async soon(caseId) {
    if (!this.#model.case(caseId)) await this.case(caseId);
  }

  /**
   * The room is on it. What was made ready is as new as the room's events keep it: it is asked for
   * again once the picture, which everybody looks at, has had its turn.
   *
   * @param {string} caseId
   */
  async opened(caseId) {
    if (this.#model.case(caseId)) {
      await new Promise((resolve) => setTimeout(resolve, AFTER_PICTURE_MS));
      if (caseId !== this.#model.room.position.case_id) return;
    }
    await this.case(caseId);
  }

  /** For later: nobody waits for it, and nobody is told why it did not come. @param {string} caseId */
  async ahead(caseId) {
    await this.#case(caseId).then(this.#told.loaded, () => undefined);
  }

  /** Something about a case is new. @param {string} caseId */
  again(caseId) {
    if (this.#onTheWay.has(caseId)) this.#outdated.add(caseId);
    const isShown = caseId === this.#model.room.position.case_id;
    if (this.#model.case(caseId) || isShown) void this.case(caseId);
    void this.room().then(() => (isShown ? this.soon(caseId) : undefined)); // to be seen again?
  }

  /** @param {string} caseId */
  #case(caseId) {
    const known = this.#onTheWay.get(caseId);
    if (known) return known;
    const loading = this.#newest(caseId).finally(() => this.#onTheWay.delete(caseId));
    this.#onTheWay.set(caseId, loading);
    return loading;
  }

  /** Again, when an answer was overtaken on its way. @param {string} caseId */
  async #newest(caseId) {
    do {
      this.#outdated.delete(caseId);
      await this.#take(caseId);
    } while (this.#outdated.has(caseId));
  }

  /** @param {string} caseId */
  async #take(caseId) {
    const before = this.#model.case(caseId);
    try {
      const data = await this.#http.case(caseId);
      this.#model.takeCase(data);
      this.#leave(before, data);
    } catch (failure) {
      if (failure instanceof HttpError && failure.status === 404) {
        this.#model.dropCase(caseId);
        this.#leave(before, null);
      }
      throw failure;
    }
  }

  /** @param {CaseData|null} before @param {CaseData|null} now */
  #leave(before, now) {
    const stays = new Set(seriesOf(now));
    for (const id of seriesOf(before)) if (!stays.has(id)) this.#told.gone(id);
  }

  /** @param {() => Promise<void>} load */
  async #said(load) {
    try {
      await load();
    } catch (failure) {
      this.#told.failed(sentence(failure));
    }
    this.#told.loaded();
  }
}

/** @param {CaseData|null} data */
function seriesOf(data) {
  return (data?.studies ?? []).flatMap(({ series }) => series.map(({ id }) => id));
}
