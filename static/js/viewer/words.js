/** @import { Image, Measured, Metadata, StackView } from "./types.js" */

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** What the codes of frames and panes mean, in sentences for the person looking. */
const SENTENCES = Object.freeze({
  "frame.damaged": "This picture is damaged in the archive's copy and cannot be shown.",
  "frame.unsupported": "This kind of picture cannot be shown here. Look at it in your PACS.",
  "frame.too_large": "This picture is larger than can be shown here. Look at it in your PACS.",
  "frame.lost": "This picture was lost here and is fetched again. Open the series again later.",
  "frame.missing": "There is no such picture in this series.",
  "frame.crc": "This picture arrived damaged and is not shown. Open the series again.",
  "frame.undecodable": "This picture arrived damaged and is not shown. Open the series again.",
  "frame.mismatch": "This picture is not of the size its description says and is not shown.",
  "frame.not_served":
    "This picture could not be fetched; others of the series can. Come back to it to try again.",
  "frame.preview": "Wait for the full picture before you measure or mark it.",
  "decoder.missing": "The picture decoder did not load. Reload the page.",
  "series.not_here": "This series is on its way here. It appears as soon as it arrives.",
  "series.not_made":
    "The pictures of this series could not be made here. Ask the coordinator to make them again.",
  "viewer.no_webgl2": "This browser cannot draw pictures: it has no WebGL 2. Try another one.",
  "viewer.context_lost": "The graphics card was taken away. The picture is being drawn again.",
  "viewer.needs_shift": "Hold Shift with this key: it moves everybody's picture.",
  "viewer.no_slide":
    "This is a slide from the microscope. Slides are not shown here yet: look at it in your PACS.",
  "viewer.no_video": "This is a video. Videos are not shown here yet: look at it in your PACS.",
  "viewer.no_window": "A colour picture has no window.",
  "viewer.no_preset": "This picture has no window of this number: the menu has those it has.",
  "viewer.other_view":
    "The presenter shows something this page cannot draw. Reload it; if that does not help, look at it in your PACS.",
});

const GEOMETRY_NOTES = Object.freeze({
  gap: "slices are missing",
  duplicate: "several slices at one position",
  tilt: "tilted gantry",
  uneven: "uneven slice distances",
  mixed: "mixed orientations",
  time: "several times at one position",
});

/**
 * @param {string} code
 * @param {string} [message] - what the server said, for codes not known here
 */
export function sentence(code, message = "This picture cannot be shown.") {
  const known = /** @type {Record<string, string>} */ (SENTENCES)[code];
  return known ?? message;
}

/** @param {string} date - YYYY-MM-DD */
export function readableDate(date) {
  const [year, month, day] = date.split("-").map(Number);
  return day ? `${day} ${MONTHS[month - 1]} ${year}` : date || "date not stated";
}

/** @param {string} number - an NHS number, shown 3 3 4 */
export function readableNhsNumber(number) {
  const digits = number.replaceAll(" ", "");
  return digits.length === 10 ? digits.replace(/^(...)(...)(....)$/, "$1 $2 $3") : number;
}

/** @param {Measured} measured */
export function readableLength({ value, unit, note }) {
  const size = `${value.toFixed(1)} ${unit}`;
  return note ? `${size} (${note})` : size;
}

/** @param {StackView} view */
export function readableWindow({ voi, invert }) {
  const name = voi.function === "LINEAR" ? "" : ` ${voi.function.toLowerCase().replace("_", " ")}`;
  return `W ${short(voi.width)} C ${short(voi.centre)}${name}${invert ? " inverted" : ""}`;
}

/**
 * What a picture wears while it is on the screen, the largest first.
 *
 * @param {Image} image
 * @param {StackView} view
 * @returns {{ text: string, kind: "large"|"plain" }[]}
 */
export function badges(image, view) {
  /** @type {[boolean, string, "large"|"plain"][]} */
  const all = [
    [view.flip, "FLIPPED", "large"],
    [!image.row_cosines, "SIDE NOT STATED", "plain"],
    [Boolean(image.lossy), lossyText(image), "plain"],
    [image.burned_in, "TEXT IN THE PICTURE", "plain"],
  ];
  return all.filter(([isOn]) => isOn).map(([, text, kind]) => ({ text, kind }));
}

/** @param {Image} image */
function lossyText({ lossy }) {
  if (!lossy) return "";
  const ratio = lossy.ratio ? ` ${short(lossy.ratio)}:1` : "";
  return `LOSSY${ratio} ${lossy.method}`.trim();
}

/** @param {Metadata} metadata */
export function geometryNotes({ geometry, is_complete: isComplete }) {
  const known = /** @type {Record<string, string>} */ (GEOMETRY_NOTES);
  const notes = geometry.notes.map((note) => known[note] ?? note);
  if (!isComplete) notes.push("series not complete");
  return notes.join(", ");
}

/** @param {number} value */
export function short(value) {
  return Number(value.toPrecision(4)).toString();
}

/**
 * A scale bar of a round length, at most so long.
 *
 * @param {number} longest - mm
 */
export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  const digit = [5, 2, 1].find((step) => step * power <= longest) ?? 1;
  return digit * power;
}
