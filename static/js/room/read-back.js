import { h, Part } from "./dom.js";
import { saidList, warningLines } from "./outcome-said.js";

/** @import { CaseBrief } from "./data.js" */
/** @import { OutcomeData, Version } from "./outcome-form.js" */
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
   * @param {OutcomeData|undefined} data - with the version read back as its newest; undefined:
   *   it is on its way, and nothing older may stand here
   * @param {{ version: number, isOpen: boolean }} now - the version read back, and whether the
   *   room's pictures are of the same person
   */
  show(brief, data, { version, isOpen }) {
    const newest = data?.versions.at(-1);
    const key = brief ? `${brief.id}/${version}` : "";
    const isShown = !!key && key !== this.#away;
    this.#element.hidden = !isShown;
    this.#part.show([isShown, key, newest, data?.codes, isOpen], () => {
      if (!isShown || !brief) return [];
      return [
        h("p", { class: "read-back__who" }, `Read back: ${brief.name} · ${brief.nhs_number}`),
        !isOpen &&
          h("p", { class: "warning" }, "⚠ The pictures on the screen are of another patient."),
        ...(data && newest
          ? [
              h("p", { class: "read-back__text" }, String(newest.recommendation ?? "")),
              ...warningLines(newest.warnings ?? []),
              saidList(newest, data.codes),
            ]
          : [h("p", { class: "read-back__text" }, "Loading what is read back…")]),
        h(
          "button",
          { class: "button button--small", type: "button", onclick: () => this.#putAway(key) },
          "Put away on this screen",
        ),
      ];
    });
  }

  /** @param {string} key */
  #putAway(key) {
    this.#away = key;
    this.#element.hidden = true;
  }
}
