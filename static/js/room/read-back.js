import { h, Part } from "./dom.js";

/** @import { CaseBrief } from "./data.js" */
/** @import { OutcomeData } from "./outcome-form.js" */
/** The outcome in large letters on everybody's screen, until it is confirmed or put away here. */
export class ReadBack {
  #part;
  #element;
  #away = "";

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#part = new Part(element);
  }

  /**
   * @param {CaseBrief|undefined} brief - whose outcome is read back; undefined: nobody's
   * @param {OutcomeData|undefined} data
   * @param {boolean} isOpen - whether the room's pictures are of the same person
   */
  show(brief, data, isOpen) {
    const newest = data?.versions.at(-1);
    const key = newest && brief ? `${brief.id}/${newest.number}` : "";
    const isShown = !!key && key !== this.#away;
    this.#element.hidden = !isShown;
    this.#part.show([isShown, key, newest, isOpen], () =>
      isShown && newest && brief
        ? [
            h("p", { class: "read-back__who" }, `Read back: ${brief.name} · ${brief.nhs_number}`),
            !isOpen &&
              h("p", { class: "warning" }, "⚠ The pictures on the screen are of another patient."),
            h("p", { class: "read-back__text" }, String(newest.recommendation ?? "")),
            h("p", { class: "read-back__side" }, `Side: ${sideWord(data, newest.laterality)}`),
            h(
              "button",
              { class: "button button--small", type: "button", onclick: () => this.#putAway(key) },
              "Put away on this screen",
            ),
          ]
        : [],
    );
  }

  /** @param {string} key */
  #putAway(key) {
    this.#away = key;
    this.#element.hidden = true;
  }
}

/** @param {OutcomeData|undefined} data @param {unknown} code */
function sideWord(data, code) {
  return (
    data?.codes.laterality?.find(([value]) => value === code)?.[1] ?? String(code ?? "not stated")
  );
}
