// The page of the workers' demo: asks, and shows which worker computed and where the other answers came from.

import { count, milliseconds } from "./wording.js";

const AT_ONCE = 12;
const MOST_ROWS = 200;
const MOST_MARKS = 24;
const BEFORE = { computed: "", store: "from the ", memory: "from " };
const MARKS = { computed: "computed", store: "store", memory: "served" };

const find = (id) => document.getElementById(id);
const verdict = find("verdict");
const details = find("details");
const perWorker = new Map();
let answered = 0;

function make(kind, className = "", text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

function mark(source) {
  const made = make("span", `mark ${MARKS[source]}`);
  made.title = BEFORE[source] + source;
  return made;
}

async function fetchJson(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) {
    throw new Error(`the server answered ${response.status}`);
  }
  return response.json();
}

// Processes of two machines may have the same number.
function workerName(answer) {
  return answer.machine ? `${answer.machine}, process ${answer.worker}` : `process ${answer.worker}`;
}

function workerCell(kind, answer) {
  const cell = make(kind, "whole");
  if (answer.machine) {
    cell.append(`${answer.machine}, `, make("span", "wide", "process "), answer.worker);
  } else {
    cell.textContent = workerName(answer);
  }
  return cell;
}

// Where to ask: the machines that are chosen, or this page's own server if there is no choice.
function addresses() {
  const chosen = find("machine")?.value;
  return chosen ? chosen.split(" ") : [""];
}

function workerRow(answer) {
  const name = workerName(answer);
  let known = perWorker.get(name);
  if (!known) {
    const row = make("tr");
    const cells = { computed: make("td", "number"), store: make("td", "number"), memory: make("td", "number") };
    const marks = make("td", "marks wide");
    row.append(workerCell("th", answer), ...Object.values(cells), marks);
    row.firstElementChild.scope = "row";
    // Those of one machine stand together.
    const body = find("workers").tBodies[0];
    body.insertBefore(row, [...body.rows].find((other) => other.dataset.name > name) ?? null);
    row.dataset.name = name;
    known = { cells, marks, counts: { computed: 0, store: 0, memory: 0 } };
    perWorker.set(name, known);
  }
  return known;
}

function addAnswer(answer) {
  answered += 1;
  const known = workerRow(answer);
  known.counts[answer.source] += 1;
  for (const [source, cell] of Object.entries(known.cells)) {
    cell.textContent = count(known.counts[source]);
  }
  known.marks.append(mark(answer.source));
  if (known.marks.children.length > MOST_MARKS) {
    known.marks.firstElementChild.remove();
  }

  const row = make("tr", MARKS[answer.source]);
  const report = make("td", "whole");
  report.append(mark(answer.source), " ", make("span", "wide", BEFORE[answer.source]), answer.source);
  row.append(
    make("td", "number wide quiet", count(answered)),
    make("td", "", answer.item),
    make("td", "number", count(answer.price)),
    workerCell("td", answer),
    report,
    make("td", "number", milliseconds(answer.milliseconds)),
  );
  const body = find("log").tBodies[0];
  body.prepend(row);
  if (body.rows.length > MOST_ROWS) {
    body.lastElementChild.remove();
  }
}

function say(answers) {
  const of = (source) => answers.filter((answer) => answer.source === source).length;
  const workers = new Set(answers.map(workerName)).size;
  const computed = of("computed");
  verdict.textContent = `${answers.length} answers of ${workers} workers, ${computed || "none"} computed.`;
  details.textContent = `${of("store")} loaded from the store, ${of("memory")} served from the worker's own memory.`;
}

function complain(error) {
  verdict.textContent = "That has failed.";
  details.textContent = error.message;
}

async function busy(act) {
  const controls = find("controls");
  controls.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    complain(error);
  } finally {
    controls.removeAttribute("aria-busy");
  }
}

find("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  const path = `/api/report/${find("item").value}`;
  const asked = addresses();
  busy(async () => {
    const answers = Array.from({ length: AT_ONCE }, async (_, number) => {
      const answer = await fetchJson(asked[number % asked.length] + path, { cache: "no-store" });
      addAnswer(answer);
      return answer;
    });
    say(await Promise.all(answers));
  });
});

find("change").addEventListener("click", () => {
  const item = find("item").value;
  busy(async () => {
    const changed = await fetchJson(`${addresses()[0]}/api/prices/${item}`, { method: "POST" });
    verdict.textContent = `The price of ${item} is ${count(changed.price)} now.`;
    details.textContent = "The version of the data is another one. Ask again: one worker computes.";
  });
});
