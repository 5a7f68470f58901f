import { fill, h } from "./dom.js";
import { valueIn } from "./outcome-form.js";

/** @import { Action, Codes, Field, Fields, Value } from "./outcome-form.js" */
/** @typedef {{ input: (field: Field, value: Value) => void, pause: () => void }} Acts */
/** @typedef {{ element: HTMLElement, get: () => Value, set: (value: Value) => void }} Control */

/** @type {Record<Field, string>} */
export const LABELS = {
  recommendation: "Recommendation",
  laterality: "Side",
  discussion_type: "Discussion",
  planning_date: "Treatment planned on",
  cns_indication: "Clinical nurse specialist",
  mdt_type_comment: "Comment on the type of meeting",
  intent: "Intent",
  treatments: "Planned treatment (up to four)",
  no_treatment_reason: "Why no treatment",
  performance_status: "Performance status",
  t_category: "T",
  n_category: "N",
  m_category: "M",
  stage_group: "Stage group",
  tnm_edition: "TNM edition",
  tnm_version: "TNM version",
  stage_date: "Staged on",
  actions: "Actions",
};
const SHORT = ["t_category", "n_category", "m_category", "stage_group"];

/** The form's controls: what is typed in them, and what is shown in them. No rule lives here. */
export class OutcomeFields {
  /** @type {Map<Field, Control>} */
  #controls = new Map();
  #acts;

  /** @param {HTMLElement} element @param {Codes} codes @param {Acts} acts */
  constructor(element, codes, acts) {
    this.#acts = acts;
    fill(
      element,
      this.#labelled("recommendation", this.#text("recommendation")),
      this.#labelled("laterality", this.#select("laterality", codes)),
      this.#labelled("discussion_type", this.#select("discussion_type", codes)),
      h(
        "details",
        { class: "outcome__more" },
        h("summary", {}, "Plan and stage"),
        this.#labelled("intent", this.#select("intent", codes)),
        this.#treatments(codes),
        this.#labelled("no_treatment_reason", this.#select("no_treatment_reason", codes)),
        this.#day("planning_date"),
        this.#labelled("performance_status", this.#select("performance_status", codes)),
        this.#labelled("cns_indication", this.#select("cns_indication", codes)),
        h(
          "div",
          { class: "outcome__tnm" },
          ...SHORT.map((name) => this.#short(/** @type {Field} */ (name), 15)),
          this.#labelled("tnm_edition", this.#select("tnm_edition", codes)),
          this.#short("tnm_version", 2),
        ),
        this.#day("stage_date"),
        this.#short("mdt_type_comment", 60),
      ),
      h("details", { class: "outcome__more" }, h("summary", {}, "Actions"), this.#actions()),
    );
    element.addEventListener("focusout", () => acts.pause());
  }

  /** @param {Fields} fields @param {boolean} mayWrite */
  show(fields, mayWrite) {
    for (const [field, control] of this.#controls) {
      const value = valueIn(fields, field);
      if (JSON.stringify(control.get()) !== JSON.stringify(value)) control.set(value);
      for (const one of writable(control.element)) one.disabled = !mayWrite;
    }
  }

  focus() {
    writable(this.#controls.get("recommendation")?.element)[0]?.focus();
  }

  /** @param {Field} field @param {Control} control */
  #keep(field, control) {
    this.#controls.set(field, control);
    control.element.addEventListener("input", () => this.#acts.input(field, control.get()));
    return control.element;
  }

  /** @param {Field} field @param {HTMLElement} control */
  #labelled(field, control) {
    return h(
      "label",
      { class: `field field--${field}` },
      h("span", { class: "field__label" }, LABELS[field]),
      control,
    );
  }

  /** @param {Field} field */
  #text(field) {
    const element = h("textarea", {
      class: "input input--large",
      rows: 5,
      maxlength: 4000,
      spellcheck: "true",
      "data-key": field,
    });
    return this.#keep(field, simple(element));
  }

  /** @param {Field} field @param {number} length */
  #short(field, length) {
    const element = h("input", {
      class: "input",
      maxlength: length,
      autocomplete: "off",
      "data-key": field,
    });
    return this.#labelled(field, this.#keep(field, simple(element)));
  }

  /** @param {Field} field */
  #day(field) {
    const element = h("input", { class: "input", type: "date", "data-key": field });
    return this.#labelled(field, this.#keep(field, simple(element)));
  }

  /** @param {string} name @param {Codes} codes */
  #select(name, codes) {
    const field = /** @type {Field} */ (name);
    const choices = (codes[field] ?? []).map(([code, label]) =>
      h("option", { value: code }, label),
    );
    const none = h("option", { value: "" }, "Choose");
    return this.#keep(
      field,
      simple(h("select", { class: "input", "data-key": field }, none, ...choices)),
    );
  }

  /** @param {Codes} codes */
  #treatments(codes) {
    const boxes = (codes.treatments ?? []).map(([code, label]) => ({
      box: h("input", { type: "checkbox", value: code }),
      label,
    }));
    const element = h(
      "fieldset",
      { class: "field treatments" },
      h("legend", { class: "field__label" }, LABELS.treatments),
      ...boxes.map(({ box, label }) => h("label", { class: "check" }, box, label)),
    );
    return this.#keep("treatments", {
      element,
      get: () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value),
      set: (value) => {
        for (const { box } of boxes)
          box.checked = /** @type {string[]} */ (value).includes(box.value);
      },
    });
  }

  #actions() {
    const list = h("ul", { class: "actions" });
    const element = h(
      "div",
      { class: "field" },
      list,
      h(
        "button",
        { class: "button button--small", type: "button", onclick: () => this.#addAction(list) },
        "Add an action",
      ),
    );
    return this.#keep("actions", {
      element,
      get: () => readActions(list),
      set: (value) =>
        fill(list, .../** @type {Action[]} */ (value).map((action) => this.#action(action))),
    });
  }

  /** @param {HTMLElement} list */
  #addAction(list) {
    const row = this.#action({ what: "", who: "", due: "" });
    list.append(row);
    row.querySelector("input")?.focus();
  }

  /** @param {Action} action */
  #action({ what, who, due }) {
    const remove = (/** @type {Event} */ { currentTarget }) => {
      if (!(currentTarget instanceof HTMLElement)) return;
      const list = currentTarget.closest("ul");
      currentTarget.closest("li")?.remove();
      list?.dispatchEvent(new Event("input", { bubbles: true }));
      this.#acts.pause();
    };
    return h(
      "li",
      { class: "action" },
      actionInput("what", "What", what, { maxlength: 500 }),
      actionInput("who", "Who", who, { maxlength: 100 }),
      actionInput("due", "By", due, { type: "date" }),
      h(
        "button",
        {
          class: "button button--small",
          type: "button",
          "aria-label": "Remove this action",
          onclick: remove,
        },
        "✕",
      ),
    );
  }
}

/** @param {string} name @param {string} label @param {string} value @param {object} more */
function actionInput(name, label, value, more) {
  const input = h("input", {
    class: "input",
    name,
    placeholder: label,
    "aria-label": label,
    autocomplete: "off",
    ...more,
  });
  input.value = value;
  return input;
}

/** Rows in which nothing is to be done are not actions yet. @param {HTMLElement} list @returns {Action[]} */
function readActions(list) {
  return Array.from(list.children, (row) => {
    const read = (/** @type {string} */ name) => {
      const input = row.querySelector(`[name=${name}]`);
      return input instanceof HTMLInputElement ? input.value : "";
    };
    return { what: read("what"), who: read("who"), due: read("due") };
  }).filter(({ what }) => what.trim());
}

/** @param {HTMLInputElement|HTMLTextAreaElement|HTMLSelectElement} element @returns {Control} */
function simple(element) {
  return {
    element,
    get: () => element.value,
    set: (value) => {
      element.value = String(value);
    },
  };
}

/**
 * The controls that take something, of an element or inside it.
 *
 * @param {HTMLElement|undefined} element
 * @returns {(HTMLInputElement|HTMLTextAreaElement|HTMLSelectElement|HTMLButtonElement)[]}
 */
function writable(element) {
  const all = element ? [element, ...Array.from(element.querySelectorAll("*"))] : [];
  return /** @type {any[]} */ (all.filter((one) => one.matches("input, textarea, select, button")));
}
