import { h, Part, part } from "./dom.js";
import { asMinute, callName } from "./data.js";
import { saidList, warningLines } from "./outcome-said.js";
import { isDirty, valueIn, warningsOf } from "./outcome-form.js";
import { labelOf, linesOf } from "./outcome-words.js";

/** @import { CaseBrief } from "./data.js" */
/** @import { Model } from "./model.js" */
/** @import { Codes, Field, Fields, Form, OutcomeData, SetAside, Version } from "./outcome-form.js" */
/** @typedef {"record"|"read-back"|"confirmed"|"signed"} Next */
/** @typedef {{ caseId: string, number: number, next: Next }} Offer - what one button stands for */
/** @typedef {{ go: (caseId: string) => void, act: (offer: Offer) => void, keepMine: () => void, takeTheirs: () => void }} Acts */
/** @typedef {{ form: Form, data: OutcomeData, typists: string, problem: string, elsewhere: CaseBrief[] }} Standing */
/** @typedef {{ brief: CaseBrief|undefined, data: OutcomeData, isBusy: boolean }} Around */

const STEP_WORDS = {
  record: "Record for",
  "read-back": "Read back for",
  confirmed: "Confirm for",
  signed: "Sign for",
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
      warnings: new Part(part(root, "outcome-warnings")),
      said: new Part(part(root, "outcome-said")),
      next: new Part(part(root, "outcome-acts")),
      kept: new Part(part(root, "outcome-kept")),
    };
  }

  /**
   * Whose outcome this is, and whether the room is with somebody else.
   *
   * @param {Model} model
   * @param {string} caseId
   * @param {boolean} isWriting
   */
  showBound(model, caseId, isWriting) {
    const open = model.brief(model.room.position.case_id);
    const mine = model.brief(caseId);
    const isElsewhere = !!open && open.id !== caseId;
    this.#root.classList.toggle("outcome--elsewhere", isElsewhere);
    this.#parts.who.show([mine?.name, mine?.nhs_number], () => [
      h("b", {}, mine?.name ?? ""),
      ` ${mine?.nhs_number ?? ""}`,
    ]);
    this.#parts.bound.show([isElsewhere, open?.name, mine?.name, isWriting], () => {
      if (!isElsewhere || !open || !mine) return [];
      const [there, here] = [open.name, mine.name]; // in full: two on a list may share a family name
      const what = isWriting ? `You are writing for ${here}` : `This is the outcome of ${here}`;
      return [h("span", {}, `${what}; the room is on ${there}.`), this.#goButton(open)];
    });
  }

  /** @param {CaseBrief} brief */
  #goButton({ id, name }) {
    const go = () => this.#acts.go(id);
    const attributes = { class: "button button--small", type: "button", onclick: go };
    return h("button", attributes, `Go to ${name}`);
  }

  /** Of no case at all. */
  clear() {
    const { both, warnings, said, next, kept, status } = this.#parts;
    for (const one of [both, warnings, said, next, kept, status]) one.show([], () => []);
  }

  /** Nothing of this case has come yet: no word and no button of the last one stays. @param {string} problem */
  showNothing(problem) {
    this.clear();
    this.#parts.status.show(["loading", problem], () => [
      h("p", {}, "Loading the outcome…"),
      problem && h("p", { class: "problem", role: "alert" }, problem),
    ]);
  }

  /** @param {Standing} standing */
  showStatus({ form, data, typists, problem, elsewhere }) {
    const newest = data.versions.at(-1);
    const words = [savedWords(form, data, typists), typists && `${typists} is typing`].filter(
      Boolean,
    );
    const wrong = problem || refusalWords(form);
    const left = elsewhere.map(({ id, name }) => [id, name]);
    this.#parts.status.show([words, newest, wrong, left], () => [
      h("p", { class: isDirty(form) ? "unsaved" : "saved" }, words.join(" · ")),
      ...elsewhere.map((brief) =>
        h(
          "p",
          { class: "unsaved", role: "status" },
          `Not saved yet for ${brief.name}. `,
          this.#goButton(brief),
        ),
      ),
      newest && h("p", { class: "outcome__version" }, versionWords(newest)),
      newest?.was_quorate === false && h("p", { class: "warning" }, "⚠ Recorded without a quorum."),
      newest?.recorded_after_close &&
        h("p", { class: "warning" }, "Recorded after the meeting had closed."),
      wrong && h("p", { class: "problem", role: "alert" }, wrong),
    ]);
  }

  /** What contradicts in the text shown. @param {Form} form @param {OutcomeData} data */
  showWarnings(form, data) {
    const warnings = warningsOf(form, data);
    this.#parts.warnings.show([form.caseId, warnings], () => warningLines(warnings));
  }

  /**
   * The next step with its patient's name on it, and over it all that the version states.
   *
   * @param {Offer|null} offer
   * @param {Around} around
   */
  showNext(offer, { brief, data, isBusy }) {
    const newest = offer && offer.next !== "record" ? data.versions.at(-1) : undefined;
    this.#parts.said.show([offer?.caseId, newest, data.codes], () =>
      newest ? [saidText(newest), saidList(newest, data.codes)] : [],
    );
    this.#parts.next.show([offer, brief?.name, isBusy], () => {
      if (!offer || !brief) return [];
      const act = () => this.#acts.act(offer);
      const attributes = {
        class: `button button--${offer.next}`,
        type: "button",
        "aria-disabled": isBusy && "true", // it keeps the focus; the panel takes no click
        "data-key": `act ${offer.caseId}`, // the focus never goes on to another patient's button
        onclick: act,
      };
      return [h("button", attributes, `${STEP_WORDS[offer.next]} ${callName(brief)}`)];
    });
  }

  /**
   * Two people wrote in the same place: both texts, and a choice.
   *
   * @param {Form} form
   * @param {Codes} codes
   * @param {string} name
   */
  showBoth({ theirs, fields }, codes, name) {
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
            h("b", {}, labelOf(field)),
            textBox("Theirs", linesOf(field, valueIn(theirs.fields, field), codes)),
            textBox("Yours", linesOf(field, valueIn(fields, field), codes)),
          ),
        ),
        h("button", { ...button, onclick: this.#acts.keepMine }, "Keep mine"),
        h("button", { ...button, onclick: this.#acts.takeTheirs }, "Take theirs"),
      ];
    });
  }

  /** Texts the server kept beside the draft. @param {SetAside[]} kept @param {Codes} codes */
  showKept(kept, codes) {
    this.#parts.kept.show(kept, () =>
      kept.length > 0
        ? [
            h(
              "details",
              {},
              h("summary", {}, `Kept beside it (${kept.length})`),
              ...kept.map((one) => keptBox(one, codes)),
            ),
          ]
        : [],
    );
  }
}

/** @param {Version} version */
function saidText({ number, recommendation }) {
  return h(
    "p",
    { class: "said__text" },
    h("b", {}, `Version ${number}: `),
    String(recommendation ?? ""),
  );
}

/** @param {SetAside} kept @param {Codes} codes */
function keptBox({ fields, at, by_name }, codes) {
  const texts = named(fields).map((field) =>
    textBox(labelOf(field), linesOf(field, valueIn(fields, field), codes)),
  );
  return h("div", { class: "both" }, h("b", {}, `${by_name}, ${asMinute(at)}`), ...texts);
}

/** @param {string} title @param {string[]} lines */
function textBox(title, lines) {
  const text = lines.join("\n") || "(nothing)";
  return h("p", { class: "both__text" }, h("i", {}, `${title}: `), text);
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
