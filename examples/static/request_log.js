// The table of requests, newest first, with what happened in between.

import { count, milliseconds } from "./wording.js";

const MOST_ROWS = 500;

function cell(text, className = "") {
  const made = document.createElement("td");
  made.className = className;
  made.textContent = text;
  return made;
}

function span(className, text = "") {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}

export class RequestLog {
  #body;
  #requests = 0;

  constructor(body) {
    this.#body = body;
  }

  addCall({ request, session, computed, versionAsked, callMs, requestMs, sales }) {
    this.#requests += 1;
    const kind = computed ? "computed" : "served";

    const what = cell(request);
    what.append(" ", span("aside quiet", session));

    // On a phone there is no room for a column of sales, so there they stand below the word.
    const result = cell("");
    result.append(span(`mark ${kind}`), ` ${kind} `, span("aside quiet narrow", `${count(sales)} sales`));

    this.#add(
      kind,
      cell(count(this.#requests), "number wide quiet"),
      what,
      result,
      cell(count(versionAsked), "number"),
      cell(milliseconds(callMs), "number"),
      cell(milliseconds(requestMs), "number wide"),
      cell(count(sales), "number wide"),
    );
  }

  addEvent(text) {
    const whole = cell(text);
    whole.colSpan = 7;
    this.#add("event", whole);
  }

  #add(kind, ...cells) {
    const row = document.createElement("tr");
    row.className = kind;
    row.append(...cells);
    this.#body.prepend(row);
    if (this.#body.rows.length > MOST_ROWS) {
      this.#body.lastElementChild.remove();
    }
  }
}
