/* What a person put in, and what it comes to: which piece is which, by which key, and how far each
 * check led. Pure: text in, findings out; the page and its words stand elsewhere.
 *
 * Guarantee: nothing in the evidence says by which key it is checked; what was not checked to its
 * end is never said to hold; input that holds no evidence is not verified.
 * Source: docs/adr/0023-receipt-page.md.
 */

import {
  Fault,
  checkOpening,
  checkReceipt,
  checkTlogProof,
  fromBase64,
  memberOf,
  readUtf8,
  readVkey,
  utf8,
} from "./evidence.mjs";
import { readLeaf } from "./leaf.mjs";

const PROOF_START = "c2sp.org/tlog-proof@v1\n";
const DEPTH_MAX = 8;
const PROOFS_MAX = 64;
const KEYS_MAX = 256;
const TIMED = 4;
const NAME_CHARS_MAX = 255;
const LEAF_CHARS_MAX = 65_536;

/** Characters of one box at most: an answer with a photo, indented. */
export const INPUT_CHARS_MAX = 8_388_608;

/** What can follow: the check held, failed, or could not be made with what was given. */
export const HOLDS = "holds";
export const FAILS = "fails";
export const OPEN = "open";

/** The findings on all that was put in; `results` is empty only if `state` says why. */
export async function examine({ evidence, leaf = "", keys = "", opening = "" }) {
  try {
    if ([evidence, leaf, keys, opening].some((text) => text.length > INPUT_CHARS_MAX)) {
      throw new Fault("too-long", { isForm: true });
    }
    if (!evidence.trim()) return { state: OPEN, code: "no-evidence", results: [] };
    const known = await readKeys(keys);
    const pieces = takeEvidence(evidence.trim(), leaf.trim());
    const results = [];
    for (const piece of pieces) results.push(await examinePiece(piece, known));
    return summed(results, await examineOpening(opening.trim(), results));
  } catch (error) {
    return { state: FAILS, ...reason(error), results: [] };
  }
}

/** Which box a file belongs to, by its content: `evidence`, `leaf`, `keys`, `opening`. */
export function boxOf(text) {
  const start = text.trimStart();
  if (start.startsWith('{"v":1,"k":')) return "leaf";
  if (start.startsWith('{"v":1,"fields":')) return "opening";
  if (start.startsWith("{") || start.startsWith("[") || start.startsWith(PROOF_START)) {
    return "evidence";
  }
  const lines = keyLines(text);
  const areKeys = lines.every(({ line }) => /^[^\s+]+\+[0-9a-f]{8}\+\S+$/.test(line));
  return lines.length && areKeys ? "keys" : null;
}

const keyLines = (text) =>
  text
    .split("\n")
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line && !line.startsWith("#"));

/** The keys of a list, one a line; lines that start with # are remarks. */
async function readKeys(text) {
  const lines = keyLines(text);
  if (lines.length > KEYS_MAX) throw new Fault("keys-many", { isForm: true });
  const keys = [];
  for (const { line, number } of lines) {
    try {
      keys.push({ ...(await readVkey(line)), text: line });
    } catch (error) {
      throw Object.assign(error, { facts: { line: number } });
    }
  }
  return keys;
}

/** The pieces of evidence in a text; a bare receipt or proof needs the leaf beside it. */
function takeEvidence(text, leaf) {
  if (text.startsWith(PROOF_START)) {
    // What was pasted may have lost the last line's end; the note is nothing without it.
    const signer = nameOf(text.split("\n\n")[1]?.split("\n")[0]);
    return [{ what: "proof", data: utf8(`${text}\n`), leaf: leaf && utf8(leaf), signer }];
  }
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Fault("not-evidence", { isForm: true });
  }
  if (document !== null && typeof document === "object" && "sig" in document) {
    const signer = nameOf(document.host);
    return [{ what: "receipt", data: utf8(text), leaf: leaf && utf8(leaf), signer }];
  }
  const found = [...proofsIn(document, DEPTH_MAX)];
  if (!found.length) throw new Fault("not-evidence", { isForm: true });
  if (found.length > PROOFS_MAX) throw new Fault("too-long", { isForm: true });
  return found.map(takeProof);
}

/** A text of plain characters, or nothing: what a paper says of itself may be anything. */
function nameOf(value, charsMax = NAME_CHARS_MAX) {
  const isPlain = typeof value === "string" && value.length <= charsMax;
  return isPlain && /^[\x21-\x7e]*$/.test(value) ? value : "";
}

/** Every object below a document that has an entry, a leaf and a receipt. */
function* proofsIn(value, depth) {
  if (value === null || typeof value !== "object") return;
  if (["entry", "leaf", "receipt"].every((name) => Object.hasOwn(value, name))) yield value;
  else if (depth) for (const part of Object.values(value)) yield* proofsIn(part, depth - 1);
}

function takeProof(said) {
  const piece = { what: "receipt", entry: nameOf(said.entry), signer: "" };
  try {
    piece.leaf = fromBase64(nameOf(said.leaf, LEAF_CHARS_MAX));
    piece.data = fromBase64(nameOf(said.receipt, INPUT_CHARS_MAX));
    piece.signer = nameOf(JSON.parse(readUtf8(piece.data))?.host);
  } catch (error) {
    piece.error = error instanceof Fault ? error : new Fault("json", { isForm: true });
  }
  return piece;
}

/** One piece checked by each key of its signer's name; what the last one says stands. */
async function examinePiece(piece, known) {
  const { what, entry, signer } = piece;
  const result = { what, entry, signer, state: OPEN, steps: [] };
  if (piece.error) return { ...result, state: FAILS, ...reason(piece.error) };
  if (!piece.leaf) return { ...result, code: "no-leaf" };
  const keys = known.filter((key) => key.name === signer && key.kind !== TIMED);
  if (!keys.length) return { ...result, code: known.length ? "key-of-other" : "no-key" };
  let last = result;
  for (const key of keys) {
    last = await examineByKey(piece, key, known, result);
    if (last.state === HOLDS) break;
  }
  return last;
}

async function examineByKey(piece, key, known, result) {
  const steps = [];
  const held = (step, facts) => steps.push({ step, facts });
  try {
    const proved = await prove(piece, key, known, held);
    const header = readLeaf(piece.leaf);
    held("header", {});
    const member = memberOf(proved.origin);
    const entry = `${member}/${proved.index}`;
    if (header.st !== member) throw new Fault("other-member");
    if (piece.entry !== undefined && piece.entry !== entry) throw new Fault("other-entry");
    return { ...result, state: HOLDS, entry, steps, proved, header, key };
  } catch (error) {
    return { ...result, state: FAILS, steps, ...reason(error) };
  }
}

function prove({ what, data, leaf }, key, known, held) {
  if (what === "receipt") return checkReceipt(data, leaf, key, held);
  const witnesses = known.filter((other) => other.kind === TIMED);
  return checkTlogProof(data, leaf, key, witnesses, held);
}

/** An opening belongs to the one entry whose commitment it leads to. */
async function examineOpening(text, results) {
  if (!text) return null;
  const proved = results.filter((result) => result.state === HOLDS);
  let last = { state: OPEN, code: "opening-waits" };
  for (const { entry, header } of proved) {
    try {
      const shown = await checkOpening(utf8(text), fromBase64(header.c));
      const fields = [...shown].map(([name, value]) => ({ name, value }));
      return { state: HOLDS, entry, fields };
    } catch (error) {
      last = { state: FAILS, ...reason(error) };
    }
  }
  return last;
}

/** All of it holds only if every piece does. */
function summed(results, opening) {
  const failed = results.find((result) => result.state === FAILS);
  const open = results.find((result) => result.state === OPEN);
  const first = failed ?? open;
  if (first) return { state: first.state, code: first.code, results, opening };
  if (opening && opening.state !== HOLDS) {
    return { state: opening.state, code: opening.code, results, opening };
  }
  return { state: HOLDS, results, opening };
}

function reason(error) {
  if (!(error instanceof Fault)) throw error;
  return { code: error.code, isForm: error.isForm, ...(error.facts && { facts: error.facts }) };
}
