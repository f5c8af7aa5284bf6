// A chart of the latest calls: one step to the right for each, its time upwards. The scale is logarithmic, because a
// computed report takes about a thousand times as long as a served one.

import { count, milliseconds } from "./wording.js";

const STEP = 14;
const HEIGHT = 236;
const MARGIN = { top: 8, right: 8, bottom: 10, left: 48 };
const LEAST_DECADE = -3; // a microsecond
const MOST_DECADE = 3; // a second, if nothing took longer
const MOST_ENTRIES = 500;

function shape(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const isCall = (entry) => entry.kind === "computed" || entry.kind === "served";

export class HistoryChart {
  #svg;
  #entries = [];

  constructor(svg) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  // A call has the kind "computed" or "served" and milliseconds; what happened in between is "inserted" or "began".
  add(entry) {
    this.#entries.push(entry);
    this.#entries.splice(0, this.#entries.length - MOST_ENTRIES);
    this.#draw();
  }

  #draw() {
    const width = this.#svg.clientWidth;
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const shown = this.#entries.slice(-Math.max(1, Math.floor((right - MARGIN.left) / STEP)));
    const calls = shown.filter(isCall);

    const longest = Math.max(1, ...calls.map((call) => call.milliseconds));
    const most = Math.max(MOST_DECADE, Math.ceil(Math.log10(longest)));
    const height = (ms) => {
      const share = (Math.max(Math.log10(ms), LEAST_DECADE) - LEAST_DECADE) / (most - LEAST_DECADE);
      return bottom - share * (bottom - MARGIN.top);
    };

    const drawn = [];
    for (let decade = LEAST_DECADE; decade <= most; decade += 1) {
      const y = height(10 ** decade);
      const label = decade < 0 ? (10 ** decade).toFixed(-decade) : count(10 ** decade);
      drawn.push(shape("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y, y2: y }));
      drawn.push(shape("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, label));
    }
    shown.forEach((entry, index) => {
      const x = MARGIN.left + (index + 0.5) * STEP;
      drawn.push(isCall(entry) ? this.#point(entry, x, height(entry.milliseconds)) : this.#line(entry, x, bottom));
    });

    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("aria-label", this.#summary(calls));
    this.#svg.replaceChildren(...drawn);
  }

  #point({ kind, milliseconds: ms }, x, y) {
    const title = shape("title", {}, `${kind} in ${milliseconds(ms)} ms`);
    return kind === "computed"
      ? shape("rect", { class: kind, x: x - 4.5, y: y - 4.5, width: 9, height: 9 }, title)
      : shape("circle", { class: kind, cx: x, cy: y, r: 4 }, title);
  }

  #line({ kind }, x, bottom) {
    const title = shape("title", {}, kind === "inserted" ? "rows inserted" : "new session");
    return shape("line", { class: kind, x1: x, x2: x, y1: MARGIN.top, y2: bottom }, title);
  }

  // For who can't see the chart; the table below it has every number.
  #summary(calls) {
    const parts = ["computed", "served"].map((kind) => {
      const taken = calls.filter((call) => call.kind === kind).map((call) => call.milliseconds);
      const range = `, from ${milliseconds(Math.min(...taken))} to ${milliseconds(Math.max(...taken))} ms`;
      return `${taken.length} ${kind}${taken.length > 0 ? range : ""}`;
    });
    return calls.length === 0 ? "No request yet." : `The latest calls: ${parts.join("; ")}.`;
  }
}
