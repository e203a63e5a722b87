/* What one person holds, checked in a browser or in Node: a receipt, a proof of one leaf, an
 * opening of some fields.
 *
 * Guarantee: each form is closed and bounded, and a check that returns has led from the leaf's own
 * bytes to a signature by a key that the caller brought. Everything else throws a Fault.
 * SHA-256 and Ed25519 are the platform's (WebCrypto); nothing here reaches for a network.
 * Source: docs/adr/0004-receipt-format.md; https://c2sp.org/signed-note, tlog-checkpoint,
 * tlog-cosignature, tlog-proof; RFC 9162, 2.1.
 */

const RECEIPT_BYTES_MAX = 4096;
const OPENING_BYTES_MAX = 262144;
const PROOF_BYTES_MAX = 131072;
const NOTE_BYTES_MAX = 65536;
const LINES_MAX = 64;
const FIELDS_MAX = 64;
const SIZE_MAX = 2 ** 48;
const HEADS_MAX = 1024;
const HASH_BYTES = 32;
const PLAIN = 1;
const TIMED = 4;

const RECEIPT_KEYS = [
  ...["v", "origin", "index", "leaf", "size", "path"],
  ...["at", "heads_count", "heads", "host", "key", "sig"],
];
const OPENED_KEYS = ["name", "salt", "value"];
const ORIGIN = /^[a-z0-9][a-z0-9.:/_-]{0,254}$/;
const FIELD_NAME = /^[a-z][a-z0-9_.]{0,63}$/;
// A key's name has no white space of any script; written out, because \s differs by language.
const SPACES =
  "\\u0000-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const NAME = `[^+${SPACES}]{1,255}`;
const VKEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)$`, "u");
const TEXT = new RegExp(`^(${NAME})\\n(0|[1-9][0-9]{0,14})\\n([A-Za-z0-9+/]{43}=)\\n$`, "u");
const LINE = new RegExp(`^\\u2014 (${NAME}) ([A-Za-z0-9+/=]+)$`, "u");
const PROOF = new RegExp(
  "^c2sp\\.org/tlog-proof@v1\\n(?:extra ([A-Za-z0-9+/=]+)\\n)?" +
    "index (0|[1-9][0-9]{0,14})\\n((?:[A-Za-z0-9+/]{43}=\\n){0,63})\\n",
);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Why evidence is refused: a stable code, and whether its form or what it proves is at fault. */
export class Fault extends Error {
  constructor(code, { isForm = false } = {}) {
    super(code);
    this.name = "Fault";
    this.code = code;
    this.isForm = isForm;
  }
}

const form = (code) => new Fault(code, { isForm: true });
const ignore = () => {};

export const utf8 = (text) => new TextEncoder().encode(text);

/** The text that these bytes are; a byte order mark stays and is refused by every form. */
export function readUtf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw form("not-utf8");
  }
}

export const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function isSame(left, right) {
  return left.length === right.length && left.every((byte, place) => byte === right[place]);
}

export function toBase64(data) {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
}

/** What a base64 text stands for; refused unless it is the one canonical spelling. */
export function fromBase64(text) {
  if (!BASE64.test(text)) throw form("base64");
  const data = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (toBase64(data) !== text) throw form("base64");
  return data;
}

/** Whose ledger an origin names: a member, or behind a point the number of the member's ledger. */
export function memberOf(origin) {
  const label = origin.slice(origin.lastIndexOf("/") + 1);
  return label.match(/^([a-z]{2})\.(?:[2-9]|[1-9][0-9]{1,3})$/)?.[1] ?? label;
}

export async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

export const leafHash = (entry) => sha256(concat([0], entry));
const join = (left, right) => sha256(concat([1], left, right));

/** The root that an inclusion path leads to: its length follows from index and size alone. */
export async function pathRoot(leaf, index, size, path) {
  if (!(index >= 0 && index < size)) throw new Fault("index");
  const at = BigInt(index);
  const inner = bitLength(at ^ (BigInt(size) - 1n));
  if (path.length !== inner + bitCount(at >> BigInt(inner))) throw new Fault("path-length");
  let node = leaf;
  for (const [height, sibling] of path.entries()) {
    const isRight = height >= inner || ((at >> BigInt(height)) & 1n) === 1n;
    node = isRight ? await join(sibling, node) : await join(node, sibling);
  }
  return node;
}

const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);
const bitCount = (value) => value.toString(2).replaceAll("0", "").length;

/** Whether this platform checks what ledgers are signed with: the first vector of RFC 8032, 7.1. */
export async function canVerify() {
  const [publicKey, signature] = [
    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==",
  ].map(fromBase64);
  try {
    await checkSignature(publicKey, signature, new Uint8Array());
    return true;
  } catch {
    return false;
  }
}

const importKey = (publicKey) =>
  crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);

export async function checkSignature(publicKey, signature, message) {
  let holds = false;
  try {
    const key = await importKey(publicKey);
    holds = await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw error;
  }
  if (!holds) throw new Fault("signature");
}

/** A verifier key from its text: name, key id and typed key, joined by pluses. */
export async function readVkey(text) {
  const found = VKEY.exec(text);
  if (!found) throw form("vkey");
  const typed = fromBase64(found[3]);
  const isKnown = typed.length === 1 + HASH_BYTES && [PLAIN, TIMED].includes(typed[0]);
  if (!isKnown) throw form("vkey-type");
  const digest = await sha256(concat(utf8(`${found[1]}\n`), typed));
  const id = hex(digest.slice(0, 4));
  if (id !== found[2]) throw form("vkey-id");
  return { name: found[1], kind: typed[0], publicKey: typed.slice(1), id };
}

/** Where a receipt proves an entry's bytes to stand. `held(step, facts)` is told each step. */
export async function checkReceipt(data, entry, host, held = ignore) {
  const said = jsonObject(data, RECEIPT_BYTES_MAX, RECEIPT_KEYS);
  const [index, size] = [integer(said.index, SIZE_MAX), integer(said.size, SIZE_MAX)];
  const [at, heads] = [integer(said.at, HEADS_MAX), integer(said.heads_count, HEADS_MAX)];
  const origin = string(said.origin);
  if (!ORIGIN.test(origin)) throw form("origin");
  const [claimed, path] = [bytes(said.leaf, HASH_BYTES), hashes(said.path)];
  const [headsPath, signature] = [hashes(said.heads), bytes(said.sig, 64)];
  held("form", { origin, index, size });
  if (said.host !== host.name || said.key !== host.id) throw new Fault("other-key");
  const leaf = await leafHash(entry);
  if (!isSame(claimed, leaf)) throw new Fault("other-leaf");
  held("leaf", {});
  const root = await pathRoot(leaf, index, size, path);
  held("path", { count: path.length, index, size });
  const head = await leafHash(utf8(`${origin}\n${size}\n${toBase64(root)}\n`));
  const top = await pathRoot(head, at, heads, headsPath);
  held("heads", { at, heads });
  const message = `comity/batch/v1\n${host.name}\n${heads}\n${toBase64(top)}\n`;
  await checkSignature(host.publicKey, signature, utf8(message));
  held("signature", { name: host.name, id: host.id });
  return { origin, index, size, root };
}

/** Where a `.tlog-proof` proves an entry's bytes to stand, and which trusted witnesses signed. */
export async function checkTlogProof(data, entry, ledger, witnesses = [], held = ignore) {
  if (data.length > PROOF_BYTES_MAX) throw form("too-long");
  const text = readUtf8(data);
  const found = PROOF.exec(text);
  if (!found) throw form("proof");
  if (found[1] !== undefined) fromBase64(found[1]);
  const path = found[3].split("\n").slice(0, -1).map(fromBase64);
  const index = Number(found[2]);
  held("form", { index });
  const head = await readCheckpoint(utf8(text.slice(found[0].length)), ledger, witnesses);
  held("signature", { name: ledger.name, id: ledger.id });
  for (const [name, time] of Object.entries(head.witnessed)) held("witness", { name, time });
  const root = await pathRoot(await leafHash(entry), index, head.size, path);
  if (!isSame(root, head.root)) throw new Fault("other-root");
  held("path", { count: path.length, index, size: head.size });
  return { origin: head.origin, index, size: head.size, root, witnessed: head.witnessed };
}

/** The fields that an opening shows, in order, once it leads to a leaf's commitment. */
export async function checkOpening(data, commitment) {
  const { fields } = jsonObject(data, OPENING_BYTES_MAX, ["v", "fields"]);
  if (!Array.isArray(fields) || fields.length > FIELDS_MAX) throw form("fields");
  const [shown, digests] = [new Map(), []];
  for (const part of fields) {
    if (typeof part === "string") {
      digests.push(bytes(part, HASH_BYTES));
      continue;
    }
    const [name, salt, value] = opened(part);
    if (shown.has(name)) throw new Fault("twice");
    shown.set(name, value);
    digests.push(await sha256(concat(salt, utf8(name), [0], value)));
  }
  const whole = await sha256(concat(utf8("comity1\n"), ...digests));
  if (!isSame(whole, commitment)) throw new Fault("commitment");
  return shown;
}

/** The head that a checkpoint commits to, once the ledger's own signature holds. */
export async function readCheckpoint(note, ledger, witnesses = []) {
  const { text, lines } = takeApart(note);
  const found = TEXT.exec(text);
  if (!found) throw form("checkpoint");
  const trusted = new Map([ledger, ...witnesses].map((key) => [`${key.name} ${key.id}`, key]));
  const times = new Map();
  for (const { name, data } of lines) {
    const key = trusted.get(`${name} ${hex(data.slice(0, 4))}`);
    if (key) times.set(key, await checkLine(key, data.slice(4), utf8(text)));
  }
  if (!times.has(ledger) || ledger.kind !== PLAIN || found[1] !== ledger.name) {
    throw new Fault("other-key");
  }
  const size = Number(found[2]);
  if (size > SIZE_MAX) throw form("size");
  const witnessed = Object.fromEntries(
    [...times].filter(([key]) => key.kind === TIMED).map(([key, time]) => [key.name, time]),
  );
  return { origin: found[1], size, root: fromBase64(found[3]), witnessed };
}

function takeApart(note) {
  if (note.length > NOTE_BYTES_MAX) throw form("too-long");
  const whole = readUtf8(note);
  const at = whole.lastIndexOf("\n\n");
  if (at < 0 || at + 2 === whole.length || !whole.endsWith("\n")) throw form("checkpoint");
  const lines = whole.slice(at + 2, -1).split("\n");
  if (lines.length > LINES_MAX) throw form("checkpoint");
  return { text: whole.slice(0, at + 1), lines: lines.map(takeLine) };
}

function takeLine(line) {
  const found = LINE.exec(line);
  const data = found ? fromBase64(found[2]) : [];
  if (data.length <= 4) throw form("checkpoint");
  return { name: found[1], data };
}

async function checkLine(key, signature, text) {
  if (key.kind === PLAIN) {
    await checkSignature(key.publicKey, signature, text);
    return 0n;
  }
  const time = BigInt(`0x${hex(signature.slice(0, 8))}`);
  const signed = concat(utf8(`cosignature/v1\ntime ${time}\n`), text);
  await checkSignature(key.publicKey, signature.slice(8), signed);
  return time;
}

/** A JSON object of version 1 with exactly these keys, in canonical form and order. */
function jsonObject(data, bytesMax, keys) {
  if (data.length > bytesMax) throw form("too-long");
  const text = readUtf8(data);
  let value;
  let again;
  try {
    value = JSON.parse(text);
    // Written again it must be the same text: no spaces, no escapes, no key twice.
    again = JSON.stringify(value);
  } catch {
    throw form("json");
  }
  if (!hasKeys(value, keys)) throw form("members");
  if (again !== text) throw form("canonical");
  if (value.v !== 1) throw form("version");
  return value;
}

function hasKeys(value, keys) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const found = Object.keys(value);
  return found.length === keys.length && keys.every((key, place) => found[place] === key);
}

function integer(value, valueMax) {
  if (!Number.isInteger(value) || value < 0 || value > valueMax) throw form("number");
  return value;
}

function string(value) {
  if (typeof value !== "string") throw form("text");
  return value;
}

function bytes(value, count) {
  const data = fromBase64(string(value));
  if (data.length !== count) throw form("length");
  return data;
}

function hashes(value) {
  if (!Array.isArray(value)) throw form("path");
  return value.map((item) => bytes(item, HASH_BYTES));
}

function opened(part) {
  if (!hasKeys(part, OPENED_KEYS)) throw form("fields");
  const name = string(part.name);
  if (!FIELD_NAME.test(name)) throw form("field-name");
  return [name, bytes(part.salt, 16), fromBase64(string(part.value))];
}
