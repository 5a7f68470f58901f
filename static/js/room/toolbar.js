import { fill, h, icon, Part } from "./dom.js";
import { KEYS, PICTURE_KEYS } from "./keys.js";

/** @import { Mode } from "./follow.js" */
/** @typedef {{ tool: string, mode: Mode, isPointing: boolean, mayMark: boolean, presets: readonly string[] }} Standing */

const TOOLS = [
  ["tool-window", "window", "window"],
  ["tool-pan", "pan", "move"],
  ["tool-zoom", "zoom", "zoom"],
  ["tool-length", "length", "length"],
  ["tool-arrow", "arrow", "arrow"],
];
const ACTS = [
  ["invert", "invert", "invert"],
  ["rotate-right", "rotate", "turn"],
  ["flip-horizontal", "flip", "mirror"],
  ["reset", "reset", "reset"],
];
const PICTURE_KEY = new Map([
  ["tool-zoom", "Z"],
  ["invert", "I"],
  ["rotate-right", "R"],
  ["flip-horizontal", "H"],
  ["reset", "space"],
]);
const MARKING = new Set(["tool-length", "tool-arrow"]);

/** The buttons under the pictures. Each has a key too; a click is a deliberate act (D17). */
export class Toolbar {
  #part;
  #sprite;
  #act;

  /** @param {HTMLElement} element @param {string} sprite @param {(act: string) => void} act */
  constructor(element, sprite, act) {
    this.#part = new Part(element);
    this.#sprite = sprite;
    this.#act = act;
  }

  /** @param {Standing} now */
  show({ tool, mode, isPointing, mayMark, presets }) {
    const isRoaming = mode === "roaming";
    const tools = TOOLS.filter(([act]) => mayMark || !MARKING.has(act));
    this.#part.show([tool, mode, isPointing, mayMark, presets], () => [
      h(
        "div",
        { class: "tools", role: "group", "aria-label": "Tools" },
        ...tools.map(([act, name, word]) => this.#button(act, name, word, act === `tool-${tool}`)),
      ),
      h(
        "div",
        { class: "tools", role: "group", "aria-label": "Picture" },
        ...this.#presets(presets),
        ...ACTS.map(([act, name, word]) => this.#button(act, name, word)),
      ),
      h(
        "div",
        { class: "tools", role: "group", "aria-label": "Together" },
        this.#button("point", "point", "point", isPointing),
        (mode === "following" || isRoaming) &&
          this.#button(
            "follow",
            isRoaming ? "follow" : "look-around",
            isRoaming ? "follow" : "look around",
            isRoaming,
          ),
      ),
      h("span", { class: "tools__end" }, this.#button("keys", "keys", "keys")),
    ]);
  }

  /** @param {string} act @param {string} name @param {string} word @param {boolean} [isOn] */
  #button(act, name, word, isOn) {
    const key =
      KEYS.find((one) => one.act === act)?.key.toUpperCase() ?? PICTURE_KEY.get(act) ?? "";
    return h(
      "button",
      {
        class: "tool",
        type: "button",
        "data-key": act,
        "data-act": act,
        title: `${word} (${key})`,
        "aria-pressed": isOn === undefined ? null : String(isOn),
        onclick: () => this.#act(act),
      },
      icon(this.#sprite, name),
      h("span", { class: "tool__word" }, word),
    );
  }

  /**
   * The menu only chooses: by keyboard its first window is chosen with one key (D17).
   *
   * @param {readonly string[]} names - of the picture's own windows, in the order of their keys
   */
  #presets(names) {
    const disabled = names.length === 0;
    const menu = h(
      "select",
      { class: "select", "aria-label": "Window presets", "data-key": "presets", disabled },
      h("option", { value: "" }, disabled ? "no presets" : "presets"),
      ...names.map((name, i) => h("option", { value: `preset-${i + 1}` }, `${i + 1} ${name}`)),
    );
    const apply = () => {
      if (!menu.value) return menu.focus();
      this.#act(menu.value);
      menu.value = "";
    };
    const attributes = { class: "tool", type: "button", "data-key": "apply", disabled };
    return [menu, h("button", { ...attributes, onclick: apply }, "apply")];
  }
}

/** The list of keys, in the page: it covers a part of the pictures and nothing else. @param {HTMLElement} element */
export function showKeys(element) {
  element.hidden = !element.hidden;
  const rows = [
    ...PICTURE_KEYS,
    ...KEYS.map(({ key, words, reach }) => [
      `${reach === "room" ? "Shift+" : ""}${key.toUpperCase()}`,
      words,
    ]),
  ];
  fill(
    element,
    h("h2", {}, "Keys"),
    h(
      "p",
      { class: "muted" },
      "While you present, keys that move the picture need Shift: they move everybody's.",
    ),
    h(
      "dl",
      { class: "keys" },
      ...rows.flatMap(([key, words]) => [h("dt", {}, key), h("dd", {}, words)]),
    ),
  );
}
