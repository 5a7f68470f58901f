import { sentence } from "./http.js";
import * as forms from "./outcome-form.js";
import { RoomCommand, RoomEvent } from "./protocol.js";
import { uuid } from "../shared/ids.js";

/** @import { Ack, Nak } from "./protocol.js" */
/** @import { DurableCommand } from "./connection.js" */
/** @import { RoomHttp } from "./http.js" */
/** @import { Model } from "./model.js" */
/** @import { Field, Form, OutcomeData, Value } from "./outcome-form.js" */

const PAUSE_MS = 2000;
const AGAIN_MS = 2000;

/**
 * The outcomes this tab knows, of any case: as loaded and as typed. Whoever shows one asks here,
 * and what is typed for a case is saved to its end wherever the panel has gone meanwhile.
 */
export class OutcomeStore {
  #model;
  #http;
  #line;
  #changed;
  /** @type {Map<string, Form>} */
  #forms = new Map();
  /** @type {Map<string, OutcomeData>} */
  #data = new Map();
  /** @type {Map<string, Promise<void>>} */
  #loading = new Map();
  /** @type {Map<string, { for: string, at: number }>} */
  #asked = new Map();
  /** @type {Map<string, string>} */
  #failures = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #pauses = new Map();
  /** Saves that were asked for while one of the same case was on its way. @type {Set<string>} */
  #due = new Set();

  /**
   * @param {{ model: Pick<Model, "room">, http: Pick<RoomHttp, "outcome">,
   *   line: { sendDurable: (command: DurableCommand) => void }, changed: () => void }} around
   */
  constructor({ model, http, line, changed }) {
    this.#model = model;
    this.#http = http;
    this.#line = line;
    this.#changed = changed;
  }

  /** @returns {string[]} cases whose words are in this tab only */
  get unsaved() {
    const forgotten = [...this.#forms.values()].filter(
      (form) => forms.isDirty(form) || form.saving,
    );
    return forgotten.map(({ caseId }) => caseId);
  }

  /** @param {string} caseId @returns {OutcomeData|undefined} as loaded last */
  data(caseId) {
    return this.#data.get(caseId);
  }

  /** @param {string} caseId @returns {Form} */
  form(caseId) {
    return this.#forms.get(caseId) ?? forms.blank(caseId);
  }

  /** @param {string} caseId @returns {string} why it could not be loaded, or nothing */
  failure(caseId) {
    return this.#failures.get(caseId) ?? "";
  }

  /** @param {string} caseId @returns {number} when what is known was asked for */
  askedAt(caseId) {
    return this.#data.has(caseId) ? (this.#asked.get(caseId)?.at ?? 0) : 0;
  }

  /** @param {Form} form */
  keep(form) {
    this.#forms.set(form.caseId, form);
    this.#changed();
  }

  /** It is not this person's to read any more, nor to write. @param {string} caseId */
  forget(caseId) {
    clearTimeout(this.#pauses.get(caseId));
    for (const kept of [this.#forms, this.#data, this.#asked, this.#failures, this.#pauses])
      kept.delete(caseId);
    this.#due.delete(caseId);
  }

  // ---- loading

  /**
   * The outcome as the room has heard of it last. Anything older is asked for again and is not
   * given out: whoever reads it aloud would read another version.
   *
   * @param {string} caseId
   * @returns {OutcomeData|undefined}
   */
  current(caseId) {
    this.refresh(caseId);
    const data = this.#data.get(caseId);
    const heard = this.#model.room.outcomes[caseId]?.version ?? 0;
    return data?.versions.at(-1)?.number === heard ? data : undefined;
  }

  /** Load what is older than what the room has heard of. @param {string} caseId */
  refresh(caseId) {
    if (!this.#isOld(caseId)) return;
    const asked = this.#asked.get(caseId);
    const isAnswered = asked?.for === this.#wanted(caseId); // and the answer did not have it
    if (!isAnswered || Date.now() - asked.at > AGAIN_MS) void this.load(caseId);
  }

  /**
   * Load a case's outcome; one at a time of each case.
   *
   * @param {string} caseId
   * @returns {Promise<void>}
   */
  load(caseId) {
    const running = this.#loading.get(caseId) ?? this.#fetch(caseId);
    this.#loading.set(caseId, running);
    return running;
  }

  /** Again, with what was written since the last time. @param {string} caseId */
  async reload(caseId) {
    await this.#loading.get(caseId);
    this.#loading.delete(caseId);
    await this.load(caseId);
  }

  /** @param {string} caseId */
  async #fetch(caseId) {
    const asked = { for: this.#wanted(caseId), at: Date.now() };
    try {
      const data = await this.#http.outcome(caseId);
      this.#data.set(caseId, data);
      this.#asked.set(caseId, asked);
      this.#failures.delete(caseId);
      this.#forms.set(caseId, forms.withLoaded(this.form(caseId), data));
      this.#loading.delete(caseId);
    } catch (failure) {
      this.#failures.set(caseId, sentence(failure));
      setTimeout(() => this.#loading.delete(caseId), AGAIN_MS);
    }
    this.#changed();
  }

  /** The newest draft, version and step the room has heard of. @param {string} caseId */
  #wanted(caseId) {
    const { drafts, outcomes } = this.#model.room;
    return JSON.stringify([drafts[caseId] ?? 0, outcomes[caseId] ?? null]);
  }

  /** @param {string} caseId */
  #isOld(caseId) {
    const data = this.#data.get(caseId);
    if (!data) return true;
    const { drafts, outcomes } = this.#model.room;
    const newest = data.versions.at(-1);
    const { version, step } = outcomes[caseId] ?? { version: 0, step: "" };
    const hasStep = !step || newest?.steps.some(({ kind }) => kind === step);
    return (
      (drafts[caseId] ?? 0) > data.draft.version || version > (newest?.number ?? 0) || !hasStep
    );
  }

  // ---- typing

  /** @param {string} caseId @param {Field} field @param {Value} value */
  typed(caseId, field, value) {
    this.keep(forms.typed(this.form(caseId), field, value));
    this.#saveSoon(caseId);
  }

  /** Send what changed; while a save is on its way, as soon as that is answered. @param {string} caseId */
  save(caseId) {
    clearTimeout(this.#pauses.get(caseId));
    const form = this.form(caseId);
    if (form.saving) this.#due.add(caseId);
    const fields = forms.toSave(form);
    if (!fields) return;
    const id = uuid();
    this.keep(forms.startedSaving(form, id, fields));
    this.#line.sendDurable({
      type: RoomCommand.DraftOutcome,
      id,
      case_id: caseId,
      written_for: caseId,
      if_version: form.version,
      fields,
    });
  }

  /** @param {string} caseId */
  #saveSoon(caseId) {
    clearTimeout(this.#pauses.get(caseId));
    this.#pauses.set(
      caseId,
      setTimeout(() => this.save(caseId), PAUSE_MS),
    );
  }

  /**
   * @param {Ack|Nak} answer - to one of these drafts, or to something else
   * @returns {boolean} whether it was one of these
   */
  settle(answer) {
    const form = [...this.#forms.values()].find(({ saving }) => saving?.id === answer.id);
    if (!form || !answer.id) return false;
    if (answer.type === RoomEvent.Ack) void this.#wasSaved(form.caseId, answer.id);
    else if (!answer.retry) void this.#wasRefused(form.caseId, answer);
    return true;
  }

  /**
   * On record: read it again, because others may have written in other fields; then send what
   * was typed meanwhile, whichever case the panel is with by now.
   *
   * @param {string} caseId
   * @param {string} id
   */
  async #wasSaved(caseId, id) {
    await this.reload(caseId);
    this.keep(forms.wasSaved(this.form(caseId), id));
    const isDue = this.#due.delete(caseId);
    if (isDue) this.save(caseId);
    else if (forms.toSave(this.form(caseId))) this.#saveSoon(caseId);
  }

  /** @param {string} caseId @param {Nak} nak */
  async #wasRefused(caseId, nak) {
    this.#due.delete(caseId);
    const isConflict = nak.code === "mdt.conflict";
    const form = forms.wasRefused(this.form(caseId), nak.id ?? "", nak);
    this.keep(isConflict ? { ...form, refusal: null } : form);
    if (isConflict) await this.reload(caseId);
  }
}
