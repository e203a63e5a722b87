/* What the console's pages gain from a script; each of them works without it.
 *
 * Shortcuts: a link or button with `data-key="r"` is pressed by that key (`data-key="g q"` by two in
 * a row); `j` and `k` go over rows with `data-row`; `?` shows them all. Single keys count outside
 * inputs only, and a setting turns them off. Clocks: `<time data-until>` counts on what the server
 * wrote, in the words of `comity.console.words`, and a page that is old says so. Focus: after a swap that a person asked for, it goes
 * to the part's heading. Documents: `data-hash` takes a chosen file's SHA-256, and leaves the file
 * where it is. Following: what `data-follow` names is renewed by the server's stream, until a
 * person stops it or the session is over. Passkeys: `data-passkey` has the browser ask for one, or
 * make one, and sends what it says by the form; nothing else can, so there it says what to do.
 */

const SETTING = "comity.shortcuts";
const PAIR_MS_MAX = 1000;
const TICK_MS = 15_000;
const SOON_SECONDS = 1800; // as in `comity.console.words`
const STALE_SECONDS = 300;
const BUILT_IN = [
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row"],
  ["?", "Show these shortcuts"],
];

/** A span of time in words, to the minute; the same as `span_said` of `comity.domain.said`. */
export function spanText(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const two = (number) => String(number).padStart(2, "0");
  if (days >= 2) return `${days} days ${hours % 24} h`;
  if (hours >= 1) return `${hours} h ${two(minutes % 60)} min`;
  return minutes >= 1 ? `${minutes} min` : "less than a minute";
}

/** What is left until a time, or how long it is over; the same as `left_said`. */
export function leftText(seconds) {
  return seconds > 0 ? `${spanText(seconds)} left` : `overdue by ${spanText(-seconds)}`;
}

function areOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

function turn(on) {
  try {
    localStorage.setItem(SETTING, on ? "on" : "off");
  } catch {
    // A browser that keeps nothing keeps the shortcuts as they are.
  }
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable], dialog") !== null;
}

function isShown(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

/** Each key of the page as it stands, with what it does. */
function shortcuts() {
  const own = [...document.querySelectorAll("[data-key]")].filter(isShown);
  const said = own.map((element) => [element.dataset.key, element.dataset.keySays ?? nameOf(element)]);
  return [...said, ...BUILT_IN];
}

function nameOf(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, [aria-hidden]").forEach((part) => part.remove());
  return copy.textContent.trim().replace(/\s+/g, " ");
}

function make(name, text = "", attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function showShortcuts() {
  document.querySelector("dialog.shortcuts")?.remove();
  const dialog = make("dialog", "", { class: "shortcuts", "aria-labelledby": "shortcuts-title" });
  dialog.append(make("h2", "Keyboard shortcuts", { id: "shortcuts-title" }));
  const list = make("dl");
  for (const [keys, says] of shortcuts()) {
    const term = make("dt");
    keys.split(" ").forEach((key) => term.append(make("kbd", key), " "));
    list.append(term, make("dd", says));
  }
  const label = make("label", "", { class: "option" });
  const box = make("input", "", { type: "checkbox" });
  box.checked = areOn();
  box.addEventListener("change", () => turn(box.checked));
  label.append(box, make("span", "Single keys work on this computer"));
  const close = make("button", "Close", { type: "button", class: "usa-button button-secondary" });
  close.addEventListener("click", () => dialog.close());
  const line = make("p", "", { class: "shortcuts-end" });
  line.append(close);
  dialog.append(list, label, line);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function moveRow(step) {
  const rows = [...document.querySelectorAll("[data-row]")].filter(isShown);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  next?.querySelector("a, button")?.focus();
}

let first = { key: "", at: 0 };
let offset = 0;

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (isTyping(event.target)) return;
  if (event.key === "?") {
    event.preventDefault();
    showShortcuts();
    return;
  }
  if (!areOn() || event.key.length !== 1) return;
  const isPair = event.timeStamp - first.at <= PAIR_MS_MAX;
  const pair = isPair ? `${first.key} ${event.key}` : "";
  first = { key: event.key, at: event.timeStamp };
  const pressed = pair ? findKey(pair) : null;
  const found = pressed ?? findKey(event.key);
  if (found) {
    event.preventDefault();
    found.focus();
    found.click();
  } else if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    moveRow(event.key === "j" ? 1 : -1);
  }
}

function findKey(keys) {
  const named = document.querySelectorAll(`[data-key="${CSS.escape(keys)}"]`);
  return [...named].find(isShown) ?? null;
}

/** The server's clock: it decides what is overdue, and a desk's own may be wrong. */
function serverNow() {
  return Date.now() + offset;
}

function tick() {
  for (const clock of document.querySelectorAll("time[data-until]")) {
    const until = Date.parse(clock.dataset.until);
    if (!Number.isFinite(until)) continue;
    const seconds = Math.floor((until - serverNow()) / 1000);
    clock.textContent = leftText(seconds);
    if (seconds <= 0) clock.className = "clock clock-overdue";
    else if (seconds <= SOON_SECONDS) clock.classList.replace("clock-later", "clock-soon");
  }
  tellAge();
}

/** A page that stands open shows what was; after a while it says so, until a part is newer. */
function tellAge() {
  const bar = document.querySelector("[data-stale]");
  const read = [...document.querySelectorAll("[data-now]")].map((part) => Date.parse(part.dataset.now));
  const age = Math.floor((serverNow() - Math.max(...read)) / 1000);
  if (!bar || !Number.isFinite(age)) return;
  bar.hidden = age < STALE_SECONDS;
  bar.querySelector("[data-age]").textContent = spanText(age);
}

function focusHeading(event) {
  const context = event.detail?.ctx;
  const asked = context?.sourceEvent?.type;
  // What a timer or typing fetched must not take the focus from where a person is.
  if (asked !== "click" && asked !== "submit") return;
  const given = context.target;
  const part = given?.isConnected ? given : document.getElementById(given?.id ?? "");
  const heading = part?.matches("[data-focus]") ? part : part?.querySelector("[data-focus], h1, h2");
  if (!heading) return;
  if (!heading.hasAttribute("tabindex")) heading.setAttribute("tabindex", "-1");
  heading.focus();
}

const DOCUMENT_BYTES_MAX = 100_000_000; // as in `comity.domain.instruments`

/** Fills in what a chosen document is, its SHA-256 and its length; the document goes nowhere. */
async function takeDocument(part, input) {
  const file = input.files[0];
  const said = part.querySelector("[data-hash-said]");
  if (!file) return;
  if (file.size > DOCUMENT_BYTES_MAX) {
    said.textContent = "This is too long: at most 100 MB.";
    return;
  }
  said.textContent = "Reading the document...";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const digits = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  document.getElementById(part.dataset.hash).value = digits;
  const size = document.getElementById(part.dataset.hashSize ?? "");
  if (size) size.value = String(file.size);
  said.textContent = `Taken: the SHA-256 of ${file.size.toLocaleString("en-US")} bytes.`;
}

function offerDocuments() {
  // Without a secure address a browser hashes nothing: then the digits are pasted.
  if (!globalThis.crypto?.subtle) return;
  for (const part of document.querySelectorAll("[data-hash]")) {
    const offer = part.querySelector("[data-hash-file]");
    offer.hidden = false;
    const input = offer.querySelector("input");
    input.addEventListener("change", () => takeDocument(part, input));
  }
}

/** Renew a part of the page by a stream of the server's, which may be stopped and begun again. */
function follow(part) {
  const bar = document.querySelector("[data-follow-bar]");
  const says = bar.querySelector("[data-follow-says]");
  const turn = bar.querySelector("[data-follow-turn]");
  let source = null;
  const stop = (why) => {
    source?.close();
    source = null;
    says.textContent = says.dataset[why];
    turn.textContent = turn.dataset.off;
    turn.hidden = why === "over";
  };
  const begin = () => {
    source = new EventSource(part.dataset.follow);
    says.textContent = says.dataset.on;
    turn.textContent = turn.dataset.on;
    source.addEventListener("renew", (event) => {
      part.innerHTML = event.data;
      const finding = part.querySelector("[data-finding]")?.dataset.finding;
      if (finding) document.getElementById("finding").textContent = finding;
      tick();
    });
    source.addEventListener("here", (event) => {
      part.querySelector("[data-now]").dataset.now = event.data;
      tick();
    });
    source.addEventListener("over", () => stop("over"));
    source.addEventListener("error", () => {
      // It comes back by itself, unless the server refused it.
      if (source?.readyState === EventSource.CLOSED) stop("over");
    });
  };
  turn.addEventListener("click", () => (source ? stop("off") : begin()));
  window.addEventListener("pagehide", () => source?.close());
  bar.hidden = false;
  begin();
}

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function textOf(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0)));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What the server wrote, with bytes where the browser wants bytes. */
function passkeyOptions(text) {
  const options = JSON.parse(text);
  const named = (list) => (list ?? []).map((each) => ({ ...each, id: bytesOf(each.id) }));
  options.challenge = bytesOf(options.challenge);
  if (options.user) options.user.id = bytesOf(options.user.id);
  if (options.allowCredentials) options.allowCredentials = named(options.allowCredentials);
  if (options.excludeCredentials) options.excludeCredentials = named(options.excludeCredentials);
  return options;
}

/** What the browser says of a passkey, as `comity.console.passkey_checks` reads it. */
function passkeyAnswer({ rawId, response }) {
  const said = { id: textOf(rawId), client_data: textOf(response.clientDataJSON) };
  if (response.attestationObject) return { ...said, attestation: textOf(response.attestationObject) };
  return {
    ...said,
    authenticator_data: textOf(response.authenticatorData),
    signature: textOf(response.signature),
    handle: textOf(response.userHandle),
  };
}

/** Has the browser ask for a passkey, or make one, when a person presses; then the form is sent. */
function offerPasskey(form) {
  const said = form.querySelector("[data-passkey-said]");
  const go = form.querySelector("[data-passkey-go]");
  if (!globalThis.PublicKeyCredential) {
    said.textContent = said.dataset.unable;
    return;
  }
  go.hidden = false;
  go.addEventListener("click", async () => {
    go.disabled = true;
    said.textContent = said.dataset.asks;
    try {
      const asked = { publicKey: passkeyOptions(form.dataset.passkeyOptions) };
      const found = await navigator.credentials[form.dataset.passkey](asked);
      form.elements.answer.value = JSON.stringify(passkeyAnswer(found));
      form.submit();
    } catch {
      // Whatever it was, a browser tells the page no more: nothing was done, and one can try again.
      go.disabled = false;
      said.textContent = said.dataset.refused;
    }
  });
}

function start() {
  const now = Date.parse(document.body.dataset.now ?? "");
  if (Number.isFinite(now)) offset = now - Date.now();
  document.addEventListener("keydown", press);
  document.addEventListener("htmx:after:swap", (event) => {
    tick();
    focusHeading(event);
  });
  for (const button of document.querySelectorAll("[data-shortcuts]")) {
    button.hidden = false;
    button.addEventListener("click", showShortcuts);
  }
  offerDocuments();
  // What is said to whoever runs no script stands there until one runs.
  for (const part of document.querySelectorAll("[data-passkey-unscripted]")) part.hidden = true;
  document.querySelectorAll("[data-passkey]").forEach(offerPasskey);
  document.querySelectorAll("[data-follow]").forEach(follow);
  tick();
  setInterval(tick, TICK_MS);
}

if (typeof document !== "undefined") start();
