import { part } from "./dom.js";
import { sentence } from "./http.js";
import { OutcomeFields } from "./outcome-fields.js";
import * as forms from "./outcome-form.js";
import { OutcomeView } from "./outcome-view.js";
import { RoomCommand, RoomEvent } from "./protocol.js";
import { uuid } from "../shared/ids.js";

/** @import { Ack, AnyRoomCommand, Nak } from "./protocol.js" */
/** @import { DurableCommand } from "./connection.js" */
/** @import { RoomHttp } from "./http.js" */
/** @import { Model } from "./model.js" */
/** @import { Field, Fields, Form, OutcomeData, Value } from "./outcome-form.js" */
/** @typedef {{ sendDurable: (command: DurableCommand) => void, sendEphemeral: (command: AnyRoomCommand) => void }} Line */

const PAUSE_MS = 2000;
const PREVIEW_MS = 250; // at most four a second
const AGAIN_MS = 2000;

/**
 * The outcome, bound to its own case (D18): it stays with SMITH while it holds text that is not
 * saved or not confirmed, whatever the room turns to, and says so.
 */
export class OutcomePanel {
  #model;
  #http;
  #line;
  #redraw;
  #root;
  #view;
  /** @type {OutcomeFields|null} */
  #fields = null;
  #caseId = "";
  /** @type {Map<string, Form>} */
  #forms = new Map();
  /** @type {Map<string, OutcomeData>} */
  #data = new Map();
  /** @type {Map<string, Promise<void>>} */
  #loading = new Map();
  /** @type {Map<string, number>} */
  #askedAt = new Map();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #pause;
  /** @type {Map<Field, ReturnType<typeof setTimeout>>} */
  #previews = new Map();
  #n = 0;
  #isBusy = false;
  #problem = "";

  /**
   * @param {HTMLElement} root
   * @param {{ model: Model, http: RoomHttp, line: Line, redraw: () => void }} around
   */
  constructor(root, { model, http, line, redraw }) {
    this.#root = root;
    this.#model = model;
    this.#http = http;
    this.#line = line;
    this.#redraw = redraw;
    this.#view = new OutcomeView(root, {
      go: (caseId) => this.bind(caseId),
      act: (what) => this.#act(what),
      keepMine: () => this.#choose(forms.keepMine(this.#form(this.#caseId))),
      takeTheirs: () => this.#choose(forms.takeTheirs(this.#form(this.#caseId))),
    });
  }

  /** @returns {boolean} whether leaving the page now would lose words */
  get holdsUnsaved() {
    return [...this.#forms.values()].some((form) => forms.isDirty(form) || form.saving);
  }

  /** @param {string} caseId @returns {OutcomeData|undefined} */
  dataOf(caseId) {
    return this.#data.get(caseId);
  }

  /** Put the cursor into the recommendation. */
  focus() {
    this.#fields?.focus();
  }

  /**
   * Turn the panel to a case on purpose. What was typed for the last one is saved, and kept here.
   *
   * @param {string} caseId
   */
  bind(caseId) {
    this.#save();
    this.#caseId = caseId;
    this.#problem = "";
    void this.load(caseId);
    this.#redraw();
  }

  /** After anything that happened: follow the room if that harms nobody, and redraw. */
  show() {
    const { room } = this.#model;
    const open = room.position.case_id;
    const isListed = this.#model.brief(open) !== undefined;
    if (open && isListed && open !== this.#caseId && !this.#holds()) this.bind(open);
    if (!this.#caseId) return;
    if (this.#isOld(this.#caseId)) void this.load(this.#caseId);
    this.#draw();
  }

  /**
   * @param {Ack|Nak} answer - to one of this panel's drafts, or to something else
   * @returns {boolean} whether it was one of its own
   */
  settle(answer) {
    const form = [...this.#forms.values()].find(({ saving }) => saving?.id === answer.id);
    if (!form || !answer.id) return false;
    if (answer.type === RoomEvent.Ack) void this.#wasSaved(form.caseId, answer.id);
    else if (!answer.retry) void this.#wasRefused(form.caseId, answer);
    return true;
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

  /** @param {string} caseId */
  async #fetch(caseId) {
    const askedAt = Date.now();
    try {
      const data = await this.#http.outcome(caseId);
      this.#data.set(caseId, data);
      this.#askedAt.set(caseId, askedAt);
      this.#forms.set(caseId, forms.withLoaded(this.#form(caseId), data));
      this.#loading.delete(caseId);
    } catch (failure) {
      if (caseId === this.#caseId) this.#problem = sentence(failure);
      setTimeout(() => this.#loading.delete(caseId), AGAIN_MS);
    }
    this.#redraw();
  }

  /** Whether the room has heard of a newer draft, version or step. @param {string} caseId */
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

  /** @param {string} caseId @returns {Form} */
  #form(caseId) {
    return this.#forms.get(caseId) ?? forms.blank(caseId);
  }

  #holds() {
    if (!this.#caseId) return false;
    return forms.holds(this.#form(this.#caseId), this.#model.room.outcomes[this.#caseId]);
  }

  /** @param {Form} form */
  #keep(form) {
    this.#forms.set(form.caseId, form);
    this.#redraw();
  }

  // ---- typing

  /** @param {Field} field @param {Value} value */
  #typed(field, value) {
    this.#problem = "";
    this.#keep(forms.typed(this.#form(this.#caseId), field, value));
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#save(), PAUSE_MS);
    if (typeof value === "string") this.#preview(this.#caseId, field);
  }

  /**
   * Show the others what is being typed: at most four times a second, the newest wins.
   *
   * @param {string} caseId
   * @param {Field} field
   */
  #preview(caseId, field) {
    if (this.#previews.has(field)) return;
    this.#previews.set(
      field,
      setTimeout(() => {
        this.#previews.delete(field);
        const text = String(forms.valueIn(this.#form(caseId).fields, field));
        this.#n = Math.max(this.#n + 1, Date.now());
        this.#line.sendEphemeral({
          type: RoomCommand.TypeText,
          case_id: caseId,
          field,
          text,
          n: this.#n,
        });
      }, PREVIEW_MS),
    );
  }

  #save() {
    clearTimeout(this.#pause);
    const form = this.#form(this.#caseId);
    const fields = forms.toSave(form);
    if (!fields) return;
    const id = uuid();
    const { caseId, version } = form;
    this.#keep(forms.startedSaving(form, id, fields));
    this.#line.sendDurable({
      type: RoomCommand.DraftOutcome,
      id,
      case_id: caseId,
      written_for: caseId,
      if_version: version,
      fields,
    });
  }

  /**
   * On record: read it again, because others may have written in other fields.
   *
   * @param {string} caseId
   * @param {string} id
   */
  async #wasSaved(caseId, id) {
    await this.#reload(caseId);
    this.#keep(forms.wasSaved(this.#form(caseId), id));
    if (caseId === this.#caseId && forms.toSave(this.#form(caseId))) this.#typedOn();
  }

  #typedOn() {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#save(), PAUSE_MS);
  }

  /** @param {string} caseId @param {Nak} nak */
  async #wasRefused(caseId, nak) {
    const isConflict = nak.code === "mdt.conflict";
    const form = forms.wasRefused(this.#form(caseId), nak.id ?? "", nak);
    this.#keep(isConflict ? { ...form, refusal: null } : form);
    if (isConflict) await this.#reload(caseId);
  }

  /** @param {string} caseId */
  async #reload(caseId) {
    await this.#loading.get(caseId);
    this.#loading.delete(caseId);
    await this.load(caseId);
  }

  // ---- recording, reading back, confirming, signing

  /** @param {"record"|"read-back"|"confirmed"|"signed"} what */
  async #act(what) {
    this.#isBusy = true;
    this.#problem = "";
    this.#draw();
    try {
      await (what === "record" ? this.#record() : this.#step(what));
    } catch (failure) {
      this.#problem = sentence(failure);
    }
    await this.#reload(this.#caseId);
    this.#isBusy = false;
    this.#redraw();
  }

  #record() {
    const form = this.#form(this.#caseId);
    const number = this.#data.get(form.caseId)?.versions.at(-1)?.number ?? 0;
    const written_for = form.caseId;
    return this.#http.record(form.caseId, {
      ...forms.pickFields(form.fields),
      written_for,
      if_version: number,
      event_id: uuid(),
    });
  }

  /** @param {string} kind */
  #step(kind) {
    const number = this.#data.get(this.#caseId)?.versions.at(-1)?.number ?? 0;
    return this.#http.step(this.#caseId, number, { kind, event_id: uuid() });
  }

  #draw() {
    const data = this.#data.get(this.#caseId);
    const form = this.#form(this.#caseId);
    this.#view.showBound(this.#model, this.#caseId);
    if (!data) return;
    this.#showFields(form, data);
    const { room } = this.#model;
    const next = room.meeting === "planned" ? null : forms.nextStep(form, data);
    const typists = this.#model.typistsOf(form.caseId);
    this.#view.showStatus({ form, data, typists, problem: this.#problem });
    this.#view.showNext(next, this.#isBusy);
    this.#view.showBoth(form, this.#model.nameOf(form.theirs?.by ?? null));
    this.#view.showKept(data.set_aside);
  }

  /** @param {Form} form @param {OutcomeData} data */
  #showFields(form, data) {
    const acts = {
      /** @param {Field} field @param {Value} value */
      input: (field, value) => this.#typed(field, value),
      pause: () => this.#save(),
    };
    this.#fields ??= new OutcomeFields(part(this.#root, "outcome-fields"), data.codes, acts);
    this.#fields.show({ ...form.fields, ...this.#heardTyping(form) }, data.may.record);
  }

  /**
   * What others type right now, in fields that are not being written in here.
   *
   * @param {Form} form
   * @returns {Fields}
   */
  #heardTyping({ caseId, fields, saved }) {
    const typed = Object.entries(this.#model.room.typed[caseId] ?? {});
    const askedAt = this.#askedAt.get(caseId) ?? 0; // what was heard before is in it
    const news = typed.filter(([field, { by, at }]) => {
      const name = /** @type {Field} */ (field);
      const isMine = forms.valueIn(fields, name) !== forms.valueIn(saved, name);
      return by !== this.#model.you.person && at > askedAt && !isMine;
    });
    return Object.fromEntries(news.map(([field, { text }]) => [field, text]));
  }

  /** @param {Form} form */
  #choose(form) {
    this.#keep(form);
    this.#save();
  }
}
