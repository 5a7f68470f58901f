/** Finding a person by name: Enter goes on to those found, and never sends the form half filled. */

/** @param {KeyboardEvent} event */
function goOn(event) {
  const { target } = event;
  if (event.key !== "Enter" || !(target instanceof HTMLInputElement)) return;
  const found = target.dataset.find && document.getElementById(target.dataset.find);
  if (!found) return;
  event.preventDefault();
  found.focus();
}

document.addEventListener("keydown", goOn);
