/**
 * What every light page does: the CSRF header, ETags of polled fragments, trouble in words, and
 * the focus kept where somebody works.
 *
 * Answers about people are kept by no cache, so the browser cannot ask "has it changed?" by
 * itself: the tag of what a fragment shows is kept on its element and sent with the next poll.
 */

const trouble = document.getElementById("trouble");
const since = document.getElementById("trouble-since");
const refusal = document.getElementById("refusal");
const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
let lastAnswer = new Date();

document.addEventListener("htmx:configRequest", (event) => {
  const { headers, target, verb } = detailOf(event);
  headers["X-CSRFToken"] = token;
  if (verb === "get" && target.dataset.etag && target.hasChildNodes()) {
    headers["If-None-Match"] = target.dataset.etag;
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, target, xhr } = detailOf(event);
  const etag = xhr.getResponseHeader("ETag");
  if (etag && xhr.status === 200) target.dataset.etag = etag;
  if (requestConfig.verb !== "get" && xhr.status < 400) refusal?.replaceChildren();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr } = detailOf(event);
  if (xhr.status > 0 && xhr.status < 500) {
    lastAnswer = new Date();
    trouble?.setAttribute("hidden", "");
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const { requestConfig } = detailOf(event);
  if (requestConfig.verb !== "get") keepFocus(requestConfig.elt);
});
keepFocus();

for (const kind of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(kind, (event) => {
    const { status } = detailOf(event).xhr;
    if (status === 404)
      location.reload(); // no longer ours to see: the page says so itself
    else if (status === 0 || status >= 500) showTrouble();
  });
}

function showTrouble() {
  if (since) since.textContent = lastAnswer.toLocaleTimeString("en-GB");
  trouble?.removeAttribute("hidden");
}

/**
 * Where the focus was lost it goes to the first wrong field, else to what was refused, else to the
 * heading of the section that somebody acted in.
 *
 * @param {Element} [acted]
 */
function keepFocus(acted) {
  if (document.activeElement !== document.body) return;
  const wrong = ".nhsuk-form-group--error :is(input:not([type=hidden]), select, textarea)";
  const heading = acted?.closest("[aria-labelledby]")?.getAttribute("aria-labelledby");
  const place =
    document.querySelector(wrong) ??
    document.querySelector("main .lb-refusal") ??
    (heading ? document.getElementById(heading) : null);
  if (!(place instanceof HTMLElement)) return;
  if (place.tabIndex < 0) place.tabIndex = -1;
  place.focus();
}

/**
 * @param {Event} event
 * @returns {{
 *   headers: Record<string, string>,
 *   requestConfig: {elt: Element, verb: string},
 *   target: HTMLElement,
 *   verb: string,
 *   xhr: XMLHttpRequest,
 * }}
 */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
