// The page of the demo: its buttons, what they send to the server, and what they show of its answers.

import { HistoryChart } from "./history_chart.js";
import { RequestLog } from "./request_log.js";
import { count, milliseconds, times } from "./wording.js";

const element = (id) => document.getElementById(id);

const controls = element("controls");
const region = element("region");
const rows = element("rows");
const answer = element("answer");
const log = new RequestLog(element("log").tBodies[0]);
const chart = new HistoryChart(element("history"));

// Null: each request is a session of its own.
let session = null;
let sessionsBegun = 0;
let busy = false;
// The most sales that any report of a region has shown, and what was inserted since: a report with fewer is an old one.
const newest = new Map();

async function send(path, options = {}) {
  const start = performance.now();
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Error("The server does not answer.");
  }
  if (response.status === 410) {
    throw new Error("The server does not keep this session any more. Start a new one.");
  }
  if (!response.ok) {
    throw new Error(`The server refused: ${response.status} ${response.statusText}.`);
  }
  const body = await response.json();
  return { body, requestMs: performance.now() - start };
}

const inSession = (path) => (session === null ? path : `${path}?session=${encodeURIComponent(session.token)}`);
const sessionName = () => (session === null ? "own session" : `session ${session.number}`);

function show(verdict, details, kind) {
  element("verdict").textContent = verdict;
  element("details").textContent = details;
  answer.dataset.kind = kind;
}

function salesIn(name, sales) {
  const missing = newest.get(name) - sales;
  const old = missing > 0 ? ` ${count(missing)} newer ${missing === 1 ? "row is" : "rows are"} not in it.` : "";
  return `In this report ${name} has ${count(sales)} sales.${old}`;
}

function record(request, body, requestMs) {
  newest.set(body.region, Math.max(newest.get(body.region) ?? 0, body.sales));
  for (const read of body.reads) {
    const call = {
      computed: read.computed > 0,
      versionAsked: read.version_asked,
      callMs: read.milliseconds,
      requestMs,
      sales: body.sales,
    };
    log.addCall({ ...call, request: `${request} ${body.region}`, session: sessionName() });
    chart.add({ kind: call.computed ? "computed" : "served", milliseconds: call.callMs });
  }
}

async function reload() {
  const { body, requestMs } = await send(inSession(`/api/report/${region.value}`));
  record("reload", body, requestMs);
  const [read] = body.reads;
  const how = read.computed ? "Computed" : "Served from the cache";
  const asked =
    read.version_asked === 0
      ? "The version was not asked: the session knows it already."
      : `The version was asked ${times(read.version_asked)}.`;
  show(
    `${how} in ${milliseconds(read.milliseconds)} ms`,
    `${asked} ${salesIn(body.region, body.sales)}`,
    read.computed ? "computed" : "served",
  );
}

async function sendInParallel() {
  const { body } = await send(inSession(`/api/parallel/${region.value}`));
  const { requests } = body;
  requests.forEach((each, index) => record(`${index + 1} of ${requests.length},`, each, each.request_ms));
  const reads = requests.flatMap((each) => each.reads);
  const computed = reads.filter((read) => read.computed > 0).length;
  const asked = reads.reduce((sum, read) => sum + read.version_asked, 0);
  const slowest = Math.max(...reads.map((read) => read.milliseconds));
  const oldest = Math.min(...requests.map((each) => each.sales));
  show(
    `${reads.length - computed} served, ${computed} computed, at once`,
    `The version was asked ${times(asked)}. The slowest call took ${milliseconds(slowest)} ms. ` +
      salesIn(requests[0].region, oldest),
    computed > 0 ? "computed" : "served",
  );
}

async function insertRows() {
  if (!rows.reportValidity()) {
    return;
  }
  const name = region.value;
  const form = new URLSearchParams({ rows: rows.value });
  const { inserted } = (await send(`/api/sales/${name}`, { method: "POST", body: form })).body;
  if (newest.has(name)) {
    newest.set(name, newest.get(name) + inserted);
  }
  const what = `${count(inserted)} ${inserted === 1 ? "row" : "rows"} inserted into ${name}`;
  const whoSees =
    session === null
      ? "The next request sees the change."
      : `What session ${session.number} has read stays as it is. A new session sees the change.`;
  log.addEvent(what);
  chart.add({ kind: "inserted" });
  show(what, whoSees, "event");
}

async function beginSession() {
  const { body } = await send("/api/sessions", { method: "POST" });
  sessionsBegun += 1;
  session = { token: body.session, number: sessionsBegun };
  controls.elements.session.value = "held";
  log.addEvent(`session ${session.number} began`);
  chart.add({ kind: "began" });
  show(`Session ${session.number} began`, "This page holds it over all requests that follow.", "event");
}

async function endSession() {
  if (session !== null) {
    log.addEvent(`session ${session.number} ended`);
    session = null;
    show("Each request is a session again", "Every request asks for the version.", "event");
  }
}

async function showCounts() {
  const { body } = await send("/api/counts");
  for (const cell of document.querySelectorAll("[data-count]")) {
    cell.textContent = count(body[cell.dataset.count]);
  }
}

// One thing at a time. The buttons are not disabled meanwhile, because one that is loses the focus.
async function run(action) {
  if (busy) {
    return;
  }
  busy = true;
  controls.setAttribute("aria-busy", "true");
  try {
    await action();
    await showCounts();
  } catch (problem) {
    show("That did not work", problem.message, "problem");
  } finally {
    controls.elements.session.value = session === null ? "own" : "held";
    controls.removeAttribute("aria-busy");
    busy = false;
  }
}

controls.addEventListener("submit", (event) => {
  event.preventDefault();
  run(reload);
});
element("insert").addEventListener("click", () => run(insertRows));
element("parallel").addEventListener("click", () => run(sendInParallel));
element("new-session").addEventListener("click", () => run(beginSession));
for (const choice of controls.elements.session) {
  choice.addEventListener("change", () => run(choice.value === "held" ? beginSession : endSession));
}
rows.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault(); // the field belongs to another button than the one that Enter would press
    run(insertRows);
  }
});
