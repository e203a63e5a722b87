/* Checks ledgers, receipts, proofs, openings and leaves in Node with the page's own modules.
 *
 * Usage:
 *   node check.mjs export DIR VKEY     a static export; prints `ok size=N root=BASE64`
 *   node check.mjs cases < LINES       a case of JSON on each line; prints a verdict for each
 *
 * A case names what is checked in `check`; bytes are in base64. A verdict is `ok` with what was
 * proved, or `refused` with the code, and `form` where the form is at fault. An error that is no
 * finding on the evidence ends the program with status 2: it must never pass for a refusal.
 */

import { text } from "node:stream/consumers";

import {
  Fault,
  checkOpening,
  checkReceipt,
  checkTlogProof,
  readCheckpoint,
  readVkey,
  toBase64,
} from "../../../src/comity/audit/page/evidence.mjs";
import { examine } from "../../../src/comity/audit/page/examine.mjs";
import { ENGLISH } from "../../../src/comity/audit/page/english.mjs";
import { readLeaf } from "../../../src/comity/audit/page/leaf.mjs";
import { LABELS, SPANISH } from "../../../src/comity/audit/page/spanish.mjs";
import { VOCABULARY } from "../../../src/comity/audit/page/vocabulary.mjs";
import { checkExport, tilePath } from "./tree.mjs";

const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

const placed = ({ origin, index, size, root, witnessed = {} }) => ({
  origin,
  index,
  size,
  root: toBase64(root),
  witnessed: Object.fromEntries(Object.entries(witnessed).map(([n, t]) => [n, String(t)])),
});

const CHECKS = {
  receipt: async (one) =>
    placed(await checkReceipt(bytes(one.data), bytes(one.entry), await readVkey(one.vkey))),
  proof: async (one) => {
    const witnesses = await Promise.all((one.witnesses ?? []).map(readVkey));
    const ledger = await readVkey(one.vkey);
    return placed(await checkTlogProof(bytes(one.data), bytes(one.entry), ledger, witnesses));
  },
  opening: async (one) => {
    const shown = await checkOpening(bytes(one.data), bytes(one.commitment));
    return Object.fromEntries([...shown].map(([name, value]) => [name, toBase64(value)]));
  },
  checkpoint: async (one) =>
    placed({ ...(await readCheckpoint(bytes(one.data), await readVkey(one.vkey))), index: 0 }),
  vkey: async (one) => (await readVkey(one.vkey)).name,
  leaf: async (one) => readLeaf(bytes(one.data)),
  languages: async () => missingWords(),
  path: async ({ level, index, width }) => tilePath(level, index, width),
  page: async (one) => {
    const found = await examine(one);
    const results = found.results.map(({ state, code, entry }) => ({ state, code, entry }));
    return { state: found.state, code: found.code, results };
  },
  words: async ({ language, leaf, index }) =>
    (language === "es" ? SPANISH : ENGLISH).sentence(readLeaf(bytes(leaf)), { index }),
};

/** Names below a value: of members, and of members of plain objects. */
const namesOf = (value, path = "") =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.keys(value).flatMap((name) => namesOf(value[name], `${path}.${name}`))
    : [path];

const without = (names, others) => names.filter((name) => !others.includes(name));

/** What either language lacks of the other, and values without a Spanish label. */
function missingWords() {
  const [english, spanish] = [namesOf(ENGLISH), namesOf(SPANISH)];
  const labels = Object.keys(LABELS).flatMap((table) => {
    const [values, labelled] = [VOCABULARY[table], LABELS[table]].map(Object.keys);
    return [...without(values, labelled), ...without(labelled, values)];
  });
  return { english: without(spanish, english), spanish: without(english, spanish), labels };
}

async function verdict(one) {
  try {
    return { ok: true, proved: await CHECKS[one.check](one) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, code: error.code, form: error.isForm };
  }
}

async function main([command, ...rest]) {
  if (command === "export") {
    const { size, root } = await checkExport(...rest);
    console.log(`ok size=${size} root=${toBase64(root)}`);
    return;
  }
  const lines = (await text(process.stdin)).split("\n").filter(Boolean);
  const asText = (_, value) => (typeof value === "bigint" ? String(value) : value);
  for (const line of lines) console.log(JSON.stringify(await verdict(JSON.parse(line)), asText));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isFinding = error instanceof Fault || process.argv[2] === "export";
  console.error(`check: ${error.message}`);
  process.exit(isFinding ? 1 : 2);
}
