// The page of the workers' demo: asks, and shows which worker computed and where the other answers came from.

import { count, milliseconds } from "./wording.js";

const AT_ONCE = 12;
const MOST_ROWS = 200;
const MOST_MARKS = 24;
const WORDS = { computed: "computed", store: "from the store", memory: "from memory" };
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
  made.title = WORDS[source];
  return made;
}

async function fetchJson(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) {
    throw new Error(`the server answered ${response.status}`);
  }
  return response.json();
}

function workerRow(pid) {
  let known = perWorker.get(pid);
  if (!known) {
    const row = make("tr");
    const cells = { computed: make("td", "number"), store: make("td", "number"), memory: make("td", "number") };
    const marks = make("td", "marks wide");
    row.append(make("th", "", `process ${pid}`), ...Object.values(cells), marks);
    row.firstElementChild.scope = "row";
    find("workers").tBodies[0].append(row);
    known = { cells, marks, counts: { computed: 0, store: 0, memory: 0 } };
    perWorker.set(pid, known);
  }
  return known;
}

function addAnswer(answer) {
  answered += 1;
  const known = workerRow(answer.worker);
  known.counts[answer.source] += 1;
  for (const [source, cell] of Object.entries(known.cells)) {
    cell.textContent = count(known.counts[source]);
  }
  known.marks.append(mark(answer.source));
  if (known.marks.children.length > MOST_MARKS) {
    known.marks.firstElementChild.remove();
  }

  const row = make("tr", MARKS[answer.source]);
  const report = make("td");
  report.append(mark(answer.source), ` ${WORDS[answer.source]}`);
  row.append(
    make("td", "number wide quiet", count(answered)),
    make("td", "", answer.item),
    make("td", "number", count(answer.price)),
    make("td", "", `process ${answer.worker}`),
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
  const workers = new Set(answers.map((answer) => answer.worker)).size;
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
  busy(async () => {
    const asked = Array.from({ length: AT_ONCE }, async () => {
      const answer = await fetchJson(path, { cache: "no-store" });
      addAnswer(answer);
      return answer;
    });
    say(await Promise.all(asked));
  });
});

find("change").addEventListener("click", () => {
  const item = find("item").value;
  busy(async () => {
    const changed = await fetchJson(`/api/prices/${item}`, { method: "POST" });
    verdict.textContent = `The price of ${item} is ${count(changed.price)} now.`;
    details.textContent = "The version of the data is another one. Ask again: one worker computes.";
  });
});
