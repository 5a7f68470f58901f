/** As much of a page as its parts need where there is no browser: elements, listeners, selectors. */
export class FakeElement extends EventTarget {
  children = [];
  dataset = {};
  hidden = false;
  value = "";
  textContent = "";
  style = { setProperty: () => {} };
  classList = { toggle: () => {}, add: () => {}, remove: () => {} };
  #attributes = new Map();

  constructor(tag = "div") {
    super();
    this.tag = tag;
  }
  setAttribute(name, value) {
    this.#attributes.set(name, value);
    if (name === "value") this.value = value;
  }
  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }
  removeAttribute(name) {
    this.#attributes.delete(name);
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  insertBefore(child) {
    this.children.push(child);
  }
  remove() {}
  focus() {}
  contains() {
    return false;
  }
  /** Everything below it, in the order of the page. */
  get all() {
    const elements = this.children.filter((child) => child instanceof FakeElement);
    return elements.flatMap((child) => [child, ...child.all]);
  }
  /** By tags, or by one attribute. */
  matches(selector) {
    const [, name, value] = /^\[([a-z-]+)="(.*)"\]$/.exec(selector) ?? [];
    if (name) return this.getAttribute(name) === value;
    return selector === "*" || selector.split(", ").includes(this.tag);
  }
  querySelectorAll(selector) {
    return this.all.filter((one) => one.matches(selector));
  }
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }
  /** What a person reads here. */
  get words() {
    const words = this.children.map((child) =>
      child instanceof FakeElement ? child.words : child,
    );
    return words.join("");
  }
  click() {
    this.dispatchEvent(new Event("click"));
  }
}
class FakeSelect extends FakeElement {}

/** Put the page in place of a browser's, for one file of tests. */
export function putPage() {
  const createElement = (tag) => new (tag === "select" ? FakeSelect : FakeElement)(tag);
  Object.assign(globalThis, {
    document: {
      activeElement: null,
      createElement,
      createElementNS: (_, tag) => createElement(tag),
    },
    CSS: { escape: (text) => text },
    Element: FakeElement,
    HTMLElement: FakeElement,
    HTMLSelectElement: FakeSelect,
    location: { hash: "" },
  });
}

/** A page's template: one element for each `data-part`. */
export function pageOf(...parts) {
  const root = new FakeElement();
  for (const name of parts) {
    const element = new FakeElement();
    element.setAttribute("data-part", name);
    root.append(element);
  }
  return { root, part: (name) => root.querySelector(`[data-part="${name}"]`) };
}
