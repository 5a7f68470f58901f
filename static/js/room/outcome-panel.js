import { part } from "./dom.js";
import { sentence } from "./http.js";
import { chosen, finished, followed, UNBOUND } from "./outcome-binding.js";
import { OutcomeFields } from "./outcome-fields.js";
import * as forms from "./outcome-form.js";
import { Rest, REST_MS } from "./outcome-rest.js";
import { OutcomeStore } from "./outcome-store.js";
import { OutcomeView } from "./outcome-view.js";
import { RoomCommand } from "./protocol.js";
import { FRESH_MS } from "./state.js";
import { uuid } from "../shared/ids.js";

/** @import { Ack, AnyRoomCommand, Nak } from "./protocol.js" */
/** @import { DurableCommand } from "./connection.js" */
/** @import { RoomHttp } from "./http.js" */
/** @import { Model } from "./model.js" */
/** @import { Field, Fields, Form, OutcomeData, Value } from "./outcome-form.js" */
/** @import { Offer } from "./outcome-view.js" */
/** @typedef {{ sendDurable: (command: DurableCommand) => void, sendEphemeral: (command: AnyRoomCommand) => void }} Line */

const PREVIEW_MS = 250; // at most four a second

/**
 * The outcome, bound to its own case (D18): it stays with SMITH while it holds text that is not
 * saved or not confirmed, or while somebody chose SMITH, whatever the room turns to, and says so.
 */
export class OutcomePanel {
  #model;
  #http;
  #line;
  #redraw;
  #root;
  #view;
  #store;
  /** @type {OutcomeFields|null} */
  #fields = null;
  #binding = UNBOUND;
  /** @type {Map<Field, ReturnType<typeof setTimeout>>} */
  #previews = new Map();
  #n = 0;
  #isBusy = false;
  /** Words of others stand in the fields that are not in the form: no one can stand for them. */
  #showsOthers = false;
  #problem = "";
  #rest = new Rest();

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
    this.#store = new OutcomeStore({ model, http, line, changed: redraw });
    const asked = new URLSearchParams(location.hash.slice(1)).get("case");
    if (asked && model.brief(asked)) this.#binding = chosen(asked); // a link from the outcome's page
    this.#view = new OutcomeView(root, {
      go: (caseId) => this.bind(caseId),
      act: (offer) => void this.#act(offer),
      keepMine: () => this.#choose(forms.keepMine(this.#store.form(this.caseId))),
      takeTheirs: () => this.#choose(forms.takeTheirs(this.#store.form(this.caseId))),
    });
  }

  /** @returns {string} the case whose outcome is shown here; empty before the first */
  get caseId() {
    return this.#binding.caseId;
  }

  /** @returns {number} of how many cases leaving the page now would lose words */
  get unsavedCount() {
    return this.#store.unsaved.length;
  }

  /** @param {string} caseId @returns {OutcomeData|undefined} as the room has heard of it last */
  current(caseId) {
    return this.#store.current(caseId);
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
    this.#bind(chosen(caseId));
  }

  /** @param {import("./outcome-binding.js").Binding} binding */
  #bind(binding) {
    if (this.caseId) this.#store.save(this.caseId);
    this.#binding = binding;
    this.#problem = "";
    void this.#store.load(binding.caseId);
    this.#draw(); // at once: no word and no click may reach the last case's form under a new name
    this.#redraw();
  }

  /** After anything that happened: follow the room if that harms nobody, and redraw. */
  show() {
    const { room } = this.#model;
    this.#leaveHidden();
    const isListed = this.#model.brief(room.position.case_id) !== undefined;
    const now = followed(this.#binding, { room, isListed, holds: this.#holds() });
    if (now.caseId !== this.caseId) this.#bind(now);
    this.#binding = now;
    if (!this.caseId) return;
    this.#store.refresh(this.caseId);
    this.#draw();
  }

  /**
   * @param {Ack|Nak} answer - to one of this panel's drafts, or to something else
   * @returns {boolean} whether it was one of its own
   */
  settle(answer) {
    return this.#store.settle(answer);
  }

  /** No word of a case stays that is not this person's to see any more, their own neither. */
  #leaveHidden() {
    const { caseId } = this;
    if (!caseId || !this.#model.isHidden(caseId)) return;
    this.#store.forget(caseId);
    this.#binding = UNBOUND;
    this.#problem = "";
    this.#view.showBound(this.#model, "", false);
    this.#fields?.show({}, false);
    this.#view.clear();
  }

  #holds() {
    if (!this.caseId) return false;
    return forms.holds(this.#store.form(this.caseId), this.#model.room.outcomes[this.caseId]);
  }

  // ---- typing

  /** @param {Field} field @param {Value} value */
  #typed(field, value) {
    this.#problem = "";
    this.#store.typed(this.caseId, field, value);
    if (typeof value === "string") this.#preview(this.caseId, field);
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
        const text = String(forms.valueIn(this.#store.form(caseId).fields, field));
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

  // ---- recording, reading back, confirming, signing

  /**
   * Only what was read under the finger: this patient, this version.
   *
   * @param {Offer} offer
   */
  async #act(offer) {
    if (this.#isHeld || offer.caseId !== this.caseId) return;
    this.#isBusy = true;
    this.#problem = "";
    this.#draw();
    try {
      await (offer.next === "record" ? this.#record(offer) : this.#step(offer));
    } catch (failure) {
      if (offer.caseId === this.caseId) this.#problem = sentence(failure);
    }
    await this.#store.reload(offer.caseId);
    this.#isBusy = false;
    this.#leaveIfDone(offer.caseId);
    this.#redraw();
  }

  /** @param {Offer} offer */
  #record({ caseId, number }) {
    return this.#http.record(caseId, {
      ...forms.pickFields(this.#store.form(caseId).fields),
      written_for: caseId,
      if_version: number,
      event_id: uuid(),
    });
  }

  /** @param {Offer} offer */
  #step({ caseId, number, next }) {
    return this.#http.step(caseId, number, { kind: next, event_id: uuid() });
  }

  /** Who has nothing left to do here is with the room again. @param {string} caseId */
  #leaveIfDone(caseId) {
    const data = this.#store.data(caseId);
    if (caseId !== this.caseId || this.#problem || !data) return;
    if (!forms.nextStep(this.#store.form(caseId), data)) this.#binding = finished(this.#binding);
  }

  // ---- showing

  #draw() {
    const { caseId } = this;
    const data = this.#store.data(caseId);
    const form = this.#store.form(caseId);
    this.#view.showBound(this.#model, caseId, data?.may.record ?? false);
    const problem = this.#problem || this.#store.failure(caseId);
    if (!data) return this.#showNothing(problem);
    this.#showFields(form, data);
    const typists = this.#model.typistsOf(caseId);
    const others = this.#store.unsaved.filter((id) => id !== caseId);
    const elsewhere = others.flatMap((id) => this.#model.brief(id) ?? []);
    this.#view.showStatus({ form, data, typists, problem, elsewhere });
    this.#showOffer(form, data);
    this.#view.showBoth(form, data.codes, this.#model.nameOf(form.theirs?.by ?? null));
    this.#view.showKept(data.set_aside, data.codes);
  }

  /** Another patient's words and button may not stand under this name for a moment. @param {string} problem */
  #showNothing(problem) {
    this.#fields?.show({}, false);
    this.#view.showNothing(problem);
  }

  /** @param {Form} form @param {OutcomeData} data */
  #showOffer(form, data) {
    const { room } = this.#model;
    const next = room.meeting === "planned" ? null : forms.nextStep(form, data);
    const number = data.versions.at(-1)?.number ?? 0;
    const offer = next && { caseId: form.caseId, number, next };
    const isNew = this.#rest.offer(JSON.stringify([form.caseId, offer]), performance.now());
    if (isNew) setTimeout(() => this.#redraw(), REST_MS + 1);
    this.#view.showWarnings(form, data);
    this.#view.showNext(offer, {
      brief: this.#model.brief(form.caseId),
      data,
      isBusy: this.#isHeld,
    });
  }

  get #isHeld() {
    return this.#isBusy || this.#showsOthers || !this.#rest.isOver(performance.now());
  }

  /** @param {Form} form @param {OutcomeData} data */
  #showFields(form, data) {
    const acts = {
      /** @param {Field} field @param {Value} value */
      input: (field, value) => this.#typed(field, value),
      pause: () => this.#store.save(this.caseId),
    };
    this.#fields ??= new OutcomeFields(part(this.#root, "outcome-fields"), data.codes, acts);
    const others = this.#heardTyping(form);
    this.#showsOthers = Object.keys(others).length > 0;
    this.#fields.show({ ...form.fields, ...others }, data.may.record);
  }

  /**
   * What others type right now, in fields that are not being written in here. What they left
   * without saving it goes again.
   *
   * @param {Form} form
   * @returns {Fields}
   */
  #heardTyping({ caseId, fields, saved }) {
    const typed = Object.entries(this.#model.room.typed[caseId] ?? {});
    const askedAt = this.#store.askedAt(caseId); // what was heard before is in it
    const since = Math.max(askedAt, Date.now() - FRESH_MS.typed);
    const news = typed.filter(([field, { by, at }]) => {
      const name = /** @type {Field} */ (field);
      const isMine = forms.valueIn(fields, name) !== forms.valueIn(saved, name);
      return by !== this.#model.you.person && at > since && !isMine;
    });
    return Object.fromEntries(news.map(([field, { text }]) => [field, text]));
  }

  /** @param {Form} form */
  #choose(form) {
    this.#store.keep(form);
    this.#store.save(form.caseId);
  }
}
