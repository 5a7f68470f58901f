/** Copies what stands on the page, so that nothing of a patient goes into an address. */

/**
 * The text of a field or of any other element.
 *
 * @param {Element} element
 */
export function textOf(element) {
  const text = element instanceof HTMLTextAreaElement ? element.value : element.textContent;
  return (text ?? "").trim();
}

/** Owns the copy buttons of the page; those that come with a new fragment too. */
export class AskPage {
  #closed = new AbortController();
  #page;

  /** @param {Document} page */
  constructor(page) {
    this.#page = page;
    const { signal } = this.#closed;
    page.addEventListener("click", (event) => void this.#click(event), { signal });
  }

  close() {
    this.#closed.abort();
  }

  /** @param {MouseEvent} event */
  async #click(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-copy]");
    if (!(button instanceof HTMLElement)) return;
    const source = this.#page.getElementById(button.dataset.copy ?? "");
    const said = button.closest(".place")?.querySelector("[data-copied]");
    if (!source || !said) return;
    const isCopied = await this.#copy(source);
    said.textContent = isCopied ? "Copied" : "Marked: press Ctrl+C";
  }

  /**
   * Without a secure connection the browser has no clipboard for pages: the text is marked then.
   *
   * @param {Element} source
   */
  async #copy(source) {
    try {
      await navigator.clipboard.writeText(textOf(source));
      return true;
    } catch {
      this.#page.getSelection()?.selectAllChildren(source);
      if (source instanceof HTMLTextAreaElement) {
        source.focus();
        source.select();
      }
      return false;
    }
  }
}

if (typeof document !== "undefined" && document.getElementById("places")) new AskPage(document);
