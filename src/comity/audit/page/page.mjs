/* The page itself: takes what is put in, and shows the finding, in one sentence first.
 *
 * Guarantee: all that is shown is set as text, never as markup; nothing is stored or sent.
 */

import { canVerify, readUtf8 } from "./evidence.mjs";
import { ENGLISH } from "./english.mjs";
import { FAILS, HOLDS, OPEN, boxOf, examine } from "./examine.mjs";
import { linesOf } from "./opened.mjs";
import { SPANISH } from "./spanish.mjs";

const SHAPES = { [HOLDS]: "●", [FAILS]: "✕", [OPEN]: "○" };
const BOXES = ["evidence", "keys", "leaf", "opening"];
const MORE = ["leaf", "opening"];
const PAUSE_MS = 400;
const FILE_BYTES_MAX = 8_388_608;

const at = (id) => document.getElementById(id);
const wantsSpanish = navigator.languages?.[0]?.startsWith("es");
let words = wantsSpanish ? SPANISH : ENGLISH;
let last = { state: OPEN, code: "no-evidence", results: [] };
let isAble = true;
let run = 0;
let pause = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const mark = (state) =>
  element(
    "span",
    { className: `mark ${state}` },
    element("span", { className: "shape", ariaHidden: "true" }, SHAPES[state]),
    ` ${words.marks[state]}`,
  );

const why = ({ code }) => words.reasons[code] ?? words.reasons.form;

/** The one sentence at the top. */
function sentence({ state, code, facts, results, opening }) {
  if (!isAble) return words.waiting["no-crypto"];
  if (state === OPEN) return words.waiting[code];
  if (facts?.line) return words.keyFailure(facts.line, why({ code }));
  if (!results.length) return words.inputFailure(why({ code }));
  const failed = results.filter((result) => result.state === FAILS);
  if (failed.length && results.length > 1) {
    return words.failureOfMany(failed.length, results.length, why(failed[0]));
  }
  if (failed.length) return words.failure(failed[0].what, why(failed[0]));
  if (opening?.state === FAILS) return words.openingFailure(why(opening));
  if (results.length > 1) return words.sentenceOfMany(results.map(({ entry }) => entry));
  return words.sentence(results[0].header, results[0].proved);
}

const isPractice = ({ proved }) => proved?.origin.split("/")[0].endsWith(".invalid");

function showFinding() {
  const isAsked = isAble && last.code === "no-evidence";
  const state = isAble ? last.state : OPEN;
  at("finding").className = isAsked ? "asked" : state;
  at("mark").replaceChildren(...(isAsked ? [] : [mark(state)]));
  at("sentence").textContent = sentence(last);
  const notes = [];
  if (!isAble) notes.push(words.noCrypto);
  else if (isAsked) notes.push(words.lead);
  if (last.error) notes.push(last.error);
  const waiting = last.results.find((result) => result.state === OPEN && result.signer);
  if (waiting) notes.push(words.waitingFor(waiting.signer));
  const lone = last.results.length === 1 ? last.results[0] : null;
  if (lone?.header) notes.push(words.checkedBy(lone.key));
  if (lone?.header && words.modes[lone.header.m]) notes.push(words.modes[lone.header.m]);
  at("notes").replaceChildren(...notes.map((note) => element("p", {}, note)));
  const hasPractice = last.results.some(isPractice);
  at("practice").hidden = !hasPractice;
  at("practice").replaceChildren(
    element("strong", {}, words.practice),
    ` ${words.practiceNote}`,
  );
}

/** What the entry's header says, line by line. */
function factsOf({ header, proved, key }) {
  const { facts, label } = words;
  const classes = (values) => (values.length ? words.classes(values) : words.nothing);
  const either = (table, value) => (value === "sealed" ? words.sealed : label(table, value));
  return [
    [facts.entry, `${header.st}/${proved.index}`],
    [facts.ledger, proved.origin],
    [facts.size, words.entries(proved.size)],
    [facts.time, words.hour(header.h)],
    [facts.kind, label("leaf_kind", header.k)],
    [facts.agency, header.ag && words.agency(header.ag)],
    [facts.key, header.mk && `${header.mk}: ${label("message_key", header.mk)}`],
    [facts.purpose, header.pu && either("purpose", header.pu)],
    [facts.offence, header.of && either("offence", header.of)],
    [facts.instrument, header.in && label("instrument", header.in)],
    [facts.released, header.cl && classes(header.cl)],
    [facts.withheld, header.wh && classes(header.wh)],
    [facts.result, header.rs && words.results[header.rs]],
    [facts.policy, header.po && `${header.st}/${header.po}`],
    [facts.peer, header.pe],
    [facts.fanOut, header.fo],
    [facts.cites, header.re],
    [facts.digest, header.dg],
    [facts.commitment, header.c],
    [facts.signer, key.text],
  ].filter(([, value]) => value !== undefined);
}

function pairs(rows) {
  const list = element("dl");
  for (const [name, value] of rows) {
    list.append(element("dt", {}, name), element("dd", {}, value));
  }
  return list;
}

function stepsOf(result) {
  const list = element("ul", { className: "steps" });
  const line = (state, text) =>
    element("li", {}, mark(state), element("span", { className: "said" }, text));
  for (const { step, facts } of result.steps) {
    list.append(line(HOLDS, words.steps[step](facts)));
  }
  if (result.state === FAILS) {
    const said = why(result);
    const sentence = `${said[0].toUpperCase()}${said.slice(1)}. `;
    list.append(line(FAILS, element("span", {}, sentence, element("code", {}, result.code))));
  }
  if (result.state === OPEN) list.append(line(OPEN, words.waiting[result.code]));
  return list;
}

function showResult(result) {
  const isLone = last.results.length === 1;
  const section = element("section", { className: "result" });
  if (!isLone) {
    const reason = result.state === FAILS ? why(result) : words.waiting[result.code];
    const text = result.header
      ? words.sentence(result.header, result.proved)
      : `${result.entry ?? ""} ${reason}`;
    section.append(element("h2", { className: "each" }, mark(result.state), ` ${text.trim()}`));
    const mode = result.header && words.modes[result.header.m];
    if (mode) section.append(element("p", {}, mode));
  }
  const level = isLone ? "h2" : "h3";
  if (result.header) {
    section.append(element(level, {}, words.detailsTitle), pairs(factsOf(result)));
  }
  section.append(element(level, {}, words.stepsTitle), stepsOf(result));
  return section;
}

function showOpening({ state, entry, fields = [] }) {
  if (state !== HOLDS) return null;
  const said = ({ name, value }) => {
    const lines = linesOf(name, value, words);
    if (lines.length === 1) return lines[0];
    return element("ul", {}, ...lines.map((line) => element("li", {}, line)));
  };
  const { opened } = words;
  const labelOf = (name) => (Object.hasOwn(opened, name) ? opened[name] : name);
  const rows = fields.map((field) => [labelOf(field.name), said(field)]);
  return element(
    "section",
    { className: "result" },
    element("h2", {}, `${words.openedTitle} (${entry})`),
    pairs(rows),
  );
}

function remarks(title, texts) {
  const list = element("ul", {}, ...texts.map((text) => element("li", {}, text)));
  return element("section", { className: "result" }, element("h2", {}, title), list);
}

function showResults() {
  const shown = last.results.map(showResult);
  if (last.opening) shown.push(showOpening(last.opening));
  if (last.results.some(({ state }) => state === HOLDS)) {
    shown.push(remarks(words.limitsTitle, words.limits));
  }
  if (last.state === FAILS) shown.push(remarks(words.adviceTitle, words.advice));
  at("results").replaceChildren(...shown.filter((part) => part !== null));
}

function showWords() {
  document.documentElement.lang = words.lang;
  document.title = words.title;
  for (const named of document.querySelectorAll("[data-words]")) {
    const path = named.dataset.words.split(".");
    named.textContent = path.reduce((value, name) => value[name], words);
  }
  at("language").textContent = words.other;
  at("language").lang = words.lang === "en" ? "es" : "en";
}

function show() {
  showWords();
  showFinding();
  showResults();
}

/** An error of the page itself is no finding, and must not leave an older one standing. */
async function examined(given) {
  try {
    return await examine(given);
  } catch (error) {
    return { state: OPEN, code: "error", error: String(error), results: [] };
  }
}

async function check({ isMoved = false } = {}) {
  clearTimeout(pause);
  run += 1;
  const mine = run;
  at("finding").ariaBusy = "true";
  const given = Object.fromEntries(BOXES.map((box) => [box, at(box).value]));
  const found = isAble ? await examined(given) : last;
  // A newer check has begun: its finding is the one to show.
  if (mine !== run) return;
  last = found;
  at("finding").ariaBusy = "false";
  show();
  if (isMoved) at("sentence").focus();
}

async function takeFiles(files) {
  const unused = [];
  for (const file of files) {
    let text = null;
    try {
      if (file.size <= FILE_BYTES_MAX) text = readUtf8(new Uint8Array(await file.arrayBuffer()));
    } catch {
      text = null;
    }
    const box = text === null ? null : boxOf(text);
    if (box === null) unused.push(file.name);
    else put(box, text);
  }
  at("unsorted").textContent = unused.length ? words.unsorted(unused) : "";
  await check({ isMoved: true });
}

/** Keys add up, since a signer may have several; all else takes the place of what was there. */
function put(box, text) {
  const before = at(box).value.trim();
  at(box).value = box === "keys" && before ? `${before}\n${text.trim()}\n` : text;
  if (MORE.includes(box)) at("more").open = true;
}

function clear() {
  for (const box of BOXES) at(box).value = "";
  at("files").value = "";
  at("unsorted").textContent = "";
  at("more").open = false;
  check();
  at("evidence").focus();
}

function listen() {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    check({ isMoved: true });
  });
  at("clear").addEventListener("click", clear);
  at("files").addEventListener("change", () => takeFiles([...at("files").files]));
  at("language").addEventListener("click", () => {
    words = words === ENGLISH ? SPANISH : ENGLISH;
    show();
  });
  for (const box of BOXES) {
    at(box).addEventListener("input", () => {
      clearTimeout(pause);
      // What stands there is of other input now.
      at("finding").ariaBusy = "true";
      pause = setTimeout(check, PAUSE_MS);
    });
  }
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (name === "drop") takeFiles([...event.dataTransfer.files]);
    });
  }
}

listen();
isAble = await canVerify();
await check();
