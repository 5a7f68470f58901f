import { AUTHORS } from "../viewer/authors.js";
import { h, Part, part } from "./dom.js";
import { asDay } from "./data.js";

/** @import { CaseData, ReportsData, SeriesData, StudyData } from "./data.js" */
/** @import { Marks, NamedMark } from "./marks.js" */
/** @typedef {{ hang: (series: SeriesData) => void, marks: Marks }} Acts */

/** @type {Record<string, string>} */
const STATES = {
  found: "found",
  wanted: "waiting",
  pulling: "being fetched",
  partial: "partly here",
  complete: "",
  failed: "could not be fetched",
};

/** Said beside the colour, never by it alone. @type {Record<string, string>} */
const SIGNS = { green: "●", amber: "◐", grey: "○" };

/** The case beside its pictures: what to beware of, the question, the studies, the marks. */
export class CasePanel {
  #parts;
  #acts;

  /** @param {HTMLElement} root @param {Acts} acts */
  constructor(root, acts) {
    this.#acts = acts;
    this.#parts = {
      warnings: new Part(part(root, "case-warnings")),
      question: new Part(part(root, "case-question")),
      reports: new Part(part(root, "case-reports")),
      studies: new Part(part(root, "case-studies")),
      marks: new Part(part(root, "case-marks")),
    };
  }

  /**
   * @param {CaseData|null} data
   * @param {{ marks: NamedMark[], shown: string[], mayHang: boolean }} now - `shown`: series on the screen
   */
  show(data, { marks, shown, mayHang }) {
    this.#parts.warnings.show(data?.warnings, () =>
      (data?.warnings ?? []).map(({ code, message }) => warning(message, code)),
    );
    this.#parts.question.show([data?.question, data?.laterality], () =>
      data
        ? [
            h("p", { class: "question" }, data.question),
            h(
              "p",
              { class: "muted" },
              `Side in the referral: ${data.laterality.replace("-", " ")}`,
            ),
          ]
        : [],
    );
    this.#parts.reports.show(data?.reports, () => (data ? reports(data.reports) : []));
    this.#parts.studies.show([data?.studies, data?.withheld, shown, mayHang], () =>
      data
        ? [
            ...data.studies.map((study) => this.#study(study, shown, mayHang)),
            data.studies.length === 0 &&
              h("p", { class: "muted" }, "No study has been chosen for this case."),
            ...data.withheld.map(({ trust, trust_name, why, message }) =>
              warning(`${trust_name} (${trust}): ${message}`, `withheld.${why}`),
            ),
          ]
        : [],
    );
    this.#parts.marks.show(marks, () => marks.map((mark) => this.#mark(mark)));
  }

  /** @param {StudyData} study @param {string[]} shown @param {boolean} mayHang */
  #study(
    {
      role,
      modalities,
      date,
      trust,
      trust_name,
      description,
      state,
      stored_count,
      expected_count,
      series,
    },
    shown,
    mayHang,
  ) {
    const counts = state === "complete" ? "" : ` ${stored_count} of ${expected_count ?? "?"}`;
    const lamp = `${STATES[state] ?? state}${counts}`.trim();
    const isSaid = !lamp && series.length === 1; // by the button of its one series
    return h(
      "div",
      { class: "study" },
      h(
        "p",
        { class: "study__title", title: `${trust_name}: ${description}` },
        role && h("b", { class: "study__role" }, `${role} `),
        `${modalities} ${asDay(date)} ${trust}`,
      ),
      !isSaid &&
        h(
          "p",
          { class: "muted study__words", title: description },
          [description, lamp].filter(Boolean).join(" · "),
        ),
      ...series.map((one) => this.#series(one, shown.includes(one.id), mayHang)),
    );
  }

  /** @param {SeriesData} series @param {boolean} isShown @param {boolean} mayHang */
  #series(series, isShown, mayHang) {
    const { id, number, description, frame_count, version } = series;
    const words = `${number ?? ""} ${description || series.modality} · ${frame_count}`.trim();
    const attributes = {
      class: "series",
      type: "button",
      "data-key": id,
      "aria-pressed": String(isShown),
    };
    const isOff = !mayHang || version === 0;
    const why = version === 0 ? "Not ready to be shown yet" : "Show it in the active picture";
    return h(
      "button",
      { ...attributes, disabled: isOff, title: why, onclick: () => this.#acts.hang(series) },
      words,
    );
  }

  /** @param {NamedMark} mark */
  #mark(mark) {
    const { author, shape, name, drawing, measured, isUnsaved, mark_id } = mark;
    const value = measured ? ` ${measured.value.toFixed(1)} ${measured.unit}` : "";
    const note = measured?.note ? ` (${measured.note})` : "";
    const { marks } = this.#acts;
    const small = { class: "button button--small", type: "button" };
    return h(
      "div",
      { class: "markrow" },
      h("span", { class: `author author--${(author % AUTHORS.length) + 1}` }, shape),
      h(
        "span",
        { class: "markrow__words" },
        `${drawing.text || drawing.kind}${value}${note}`,
        h("small", { class: "muted" }, isUnsaved ? " not saved yet" : ` ${name}`),
      ),
      marks.mayChange(mark) &&
        h(
          "button",
          { ...small, "data-key": `r${mark_id}`, onclick: () => marks.remove(mark) },
          "Remove",
        ),
    );
  }
}

/** Both lamps in words, and the way to read what was written. @param {ReportsData} data */
function reports({ page, lamps }) {
  const there = { class: "reports__link", href: page, target: "_blank", rel: "noopener" };
  return [
    ...lamps.map(({ colour, text, notes }) => {
      const more = notes.length ? ` (+${notes.length} more)` : "";
      return h("p", { class: `lamp lamp--${colour}` }, `${SIGNS[colour] ?? "○"} ${text}${more}`);
    }),
    h("a", there, "Read the reports ↗"),
  ];
}

/** @param {string} message @param {string} code */
function warning(message, code) {
  return h("p", { class: "warning" }, `⚠ ${message} `, h("small", { class: "code" }, code));
}
