import { h, Part, part } from "./dom.js";
import { asMinute } from "./data.js";
import { LABELS } from "./outcome-fields.js";
import { isDirty, valueIn } from "./outcome-form.js";

/** @import { Model } from "./model.js" */
/** @import { Field, Fields, Form, OutcomeData, SetAside, Version } from "./outcome-form.js" */
/** @typedef {"record"|"read-back"|"confirmed"|"signed"} Next */
/** @typedef {{ go: (caseId: string) => void, act: (what: Next) => void, keepMine: () => void, takeTheirs: () => void }} Acts */
/** @typedef {{ form: Form, data: OutcomeData, typists: string, problem: string }} Standing */

const STEP_WORDS = {
  record: "Record this outcome",
  "read-back": "Read back to the room",
  confirmed: "Confirm",
  signed: "Sign",
};

/** What stands round the outcome's fields: whose it is, whether it is saved, what comes next. */
export class OutcomeView {
  #root;
  #acts;
  #parts;

  /** @param {HTMLElement} root @param {Acts} acts */
  constructor(root, acts) {
    this.#root = root;
    this.#acts = acts;
    this.#parts = {
      bound: new Part(part(root, "outcome-bound")),
      who: new Part(part(root, "outcome-who")),
      both: new Part(part(root, "outcome-both")),
      status: new Part(part(root, "outcome-status")),
      next: new Part(part(root, "outcome-acts")),
      kept: new Part(part(root, "outcome-kept")),
    };
  }

  /** Whose outcome this is, and whether the room is with somebody else. @param {Model} model @param {string} caseId */
  showBound(model, caseId) {
    const open = model.brief(model.room.position.case_id);
    const mine = model.brief(caseId);
    const isElsewhere = !!open && open.id !== caseId;
    this.#root.classList.toggle("outcome--elsewhere", isElsewhere);
    this.#parts.who.show([mine?.name, mine?.nhs_number], () => [
      h("b", {}, mine?.name ?? ""),
      ` ${mine?.nhs_number ?? ""}`,
    ]);
    this.#parts.bound.show([isElsewhere, open?.name, mine?.name], () => {
      if (!isElsewhere || !open || !mine) return [];
      const [there, here] = [open.name, mine.name]; // in full: two on a list may share a family name
      const go = () => this.#acts.go(open.id);
      return [
        h("span", {}, `You are writing for ${here}; the room is on ${there}.`),
        h(
          "button",
          { class: "button button--small", type: "button", onclick: go },
          `Go to ${there}`,
        ),
      ];
    });
  }

  /** @param {Standing} standing */
  showStatus({ form, data, typists, problem }) {
    const newest = data.versions.at(-1);
    const words = [savedWords(form, data, typists), typists && `${typists} is typing`].filter(
      Boolean,
    );
    const wrong = problem || refusalWords(form);
    this.#parts.status.show([words, newest, wrong], () => [
      h("p", { class: isDirty(form) ? "unsaved" : "saved" }, words.join(" · ")),
      newest && h("p", { class: "outcome__version" }, versionWords(newest)),
      newest && !newest.was_quorate && h("p", { class: "warning" }, "⚠ Recorded without a quorum."),
      wrong && h("p", { class: "problem", role: "alert" }, wrong),
    ]);
  }

  /** @param {Next|null} next @param {boolean} isBusy */
  showNext(next, isBusy) {
    this.#parts.next.show([next, isBusy], () => {
      if (!next) return [];
      const act = () => this.#acts.act(next);
      const attributes = { class: `button button--${next}`, type: "button", disabled: isBusy };
      return [h("button", { ...attributes, "data-key": "act", onclick: act }, STEP_WORDS[next])];
    });
  }

  /** Two people wrote in the same place: both texts, and a choice. @param {Form} form @param {string} name */
  showBoth({ theirs, fields }, name) {
    this.#parts.both.show([theirs, theirs && fields, name], () => {
      if (!theirs) return [];
      const at = theirs.at ? ` at ${asMinute(theirs.at)}` : "";
      const button = { class: "button", type: "button" };
      return [
        h("p", {}, `${name} wrote in the same place${at}. Both are kept: choose. (mdt.conflict)`),
        ...named(theirs.fields).map((field) =>
          h(
            "div",
            { class: "both" },
            h("b", {}, LABELS[field]),
            textBox("Theirs", theirs.fields, field),
            textBox("Yours", fields, field),
          ),
        ),
        h("button", { ...button, onclick: this.#acts.keepMine }, "Keep mine"),
        h("button", { ...button, onclick: this.#acts.takeTheirs }, "Take theirs"),
      ];
    });
  }

  /** Texts the server kept beside the draft. @param {SetAside[]} [kept] */
  showKept(kept = []) {
    this.#parts.kept.show(kept, () =>
      kept.length > 0
        ? [
            h(
              "details",
              {},
              h("summary", {}, `Kept beside it (${kept.length})`),
              ...kept.map(keptBox),
            ),
          ]
        : [],
    );
  }
}

/** @param {SetAside} kept */
function keptBox({ fields, at, by_name }) {
  const texts = named(fields).map((field) => textBox(LABELS[field], fields, field));
  return h("div", { class: "both" }, h("b", {}, `${by_name}, ${asMinute(at)}`), ...texts);
}

/** @param {string} title @param {Fields} fields @param {Field} field */
function textBox(title, fields, field) {
  const value = valueIn(fields, field);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return h("p", { class: "both__text" }, h("i", {}, `${title}: `), text || "(nothing)");
}

/** @param {Fields} fields @returns {Field[]} */
function named(fields) {
  return /** @type {Field[]} */ (Object.keys(fields));
}

/** @param {Form} form @param {OutcomeData} data @param {string} typists */
function savedWords(form, { may }, typists) {
  if (form.saving) return "saving…";
  if (isDirty(form)) return "not saved yet";
  if (form.savedAt) return `saved ${asMinute(form.savedAt)}`;
  return may.record && !typists ? "nothing written yet" : "";
}

/** @param {Version} version */
function versionWords({ number, recorded_at, recorded_by_name, steps }) {
  const recorded = `Version ${number} recorded ${asMinute(recorded_at)} by ${recorded_by_name}`;
  const done = steps.map(
    ({ kind, at, by_name }) => `${kind.replace("-", " ")} ${asMinute(at)} by ${by_name}`,
  );
  return [recorded, ...done].join(" · ");
}

/** @param {Form} form */
function refusalWords({ refusal }) {
  return refusal ? `${refusal.message} (${refusal.code})` : "";
}
