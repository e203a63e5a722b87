/* An exported ledger, derived again in JavaScript from its entry bundles to its signed root.
 *
 * Guarantee: returns only if the checkpoint's signature holds, every bundle has exactly its
 * entries, each a leaf of this ledger's member, every tile is exactly the hashes of what is below
 * it, every document is what its leaf names, and there is no other file. A bundle may be absent
 * only where a redaction in a bundle that is there names one of its leaves. Anything else throws.
 * Source: https://c2sp.org/tlog-tiles; RFC 6962, 2.1.
 */

import { hash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import {
  checkOpening,
  fromBase64,
  isSame,
  memberOf,
  readCheckpoint,
  readVkey,
  utf8,
} from "../../../src/comity/audit/page/evidence.mjs";
import { readLeaf } from "../../../src/comity/audit/page/leaf.mjs";

const WIDTH = 256;
const HASH_BYTES = 32;

const sha256 = (data) => hash("sha256", data, "buffer");
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The signed size and root of an export that holds exactly the documents of that size. */
export async function checkExport(folder, vkey) {
  const key = await readVkey(vkey);
  const head = await readCheckpoint(readFileSync(join(folder, "checkpoint")), key);
  const member = memberOf(head.origin);
  const documents = new Set(["checkpoint", "vkey"]);
  const leaves = [];
  const said = new Sayings(folder, member, head.size);
  for (let first = 0; first < head.size; first += WIDTH) {
    leaves.push(...readBundle(folder, first, head.size, said, documents));
  }
  if (!isSame(rootOf(leaves), head.root)) throw new Error("the entries make another root");
  compareTiles(folder, leaves, documents);
  await said.check(documents);
  refuseStrangers(folder, documents);
  return head;
}

/** The hashes of a bundle's entries; of a bundle that is not there, those of its tile. */
function readBundle(folder, first, size, said, documents) {
  const width = Math.min(WIDTH, size - first);
  const name = tilePath("entries", first / WIDTH, width);
  if (!existsSync(join(folder, name))) {
    said.absent.set(first / WIDTH, name);
    const tile = readFileSync(join(folder, tilePath(0, first / WIDTH, width)));
    if (tile.length !== width * HASH_BYTES) throw new Error(`${name}: nor a tile of its length`);
    const cut = (_, at) => tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
    return Array.from({ length: width }, cut);
  }
  documents.add(name);
  return entriesOf(readFileSync(join(folder, name)), width, name).map((entry, at) => {
    said.read(first + at, readLeaf(entry));
    return sha256(Buffer.concat([LEAF, entry]));
  });
}

/** What the leaves of a ledger say of its bundles and documents. */
class Sayings {
  constructor(folder, member, size) {
    Object.assign(this, { folder, member, size });
    this.absent = new Map();
    this.withdrawn = new Set();
    this.named = new Map();
  }

  read(index, leaf) {
    if (leaf.st !== this.member) throw new Error(`leaf ${index}: of another member`);
    if (leaf.k === "redaction") {
      const cited = this.cited(leaf);
      if (cited === null || cited >= index) throw new Error(`leaf ${index}: redacts no earlier leaf`);
      this.withdrawn.add(Math.floor(cited / WIDTH));
    }
    if (["policy", "key", "counts", "reveal"].includes(leaf.k)) this.named.set(index, leaf);
  }

  /** Which leaf of its own ledger a leaf follows, or null. */
  cited(leaf) {
    const [member, index] = leaf.re.split("/");
    return member === this.member ? Number(index) : null;
  }

  async check(documents) {
    for (const [bundle, name] of this.absent) {
      if (!this.withdrawn.has(bundle)) throw new Error(`${name}: absent, and no leaf redacts it`);
      // What leaves nobody can read have named may stand there.
      for (let at = 0; at < WIDTH; at += 1) documents.add(documentPath(bundle * WIDTH + at));
    }
    for (const [index, leaf] of this.named) {
      const name = documentPath(index);
      documents.add(name);
      if (leaf.k === "counts" && !existsSync(join(this.folder, name))) continue;
      const data = readFileSync(join(this.folder, name));
      if (leaf.k === "reveal") await this.checkReveal(index, leaf, data);
      else if (!isSame(sha256(data), fromBase64(leaf.dg))) {
        throw new Error(`${name}: not what its leaf holds the digest of`);
      }
    }
  }

  /** A reveal says what its opening shows of an earlier leaf that stands sealed in it. */
  async checkReveal(index, leaf, data) {
    const cited = this.cited(leaf);
    if (cited === null || cited >= index) throw new Error(`leaf ${index}: reveals no earlier leaf`);
    const bundle = Math.floor(cited / WIDTH);
    if (this.absent.has(bundle)) return; // Nobody can read what it opens any more.
    const width = Math.min(WIDTH, this.size - bundle * WIDTH);
    const name = tilePath("entries", bundle, width);
    const sealed = readLeaf(entriesOf(readFileSync(join(this.folder, name)), width, name)[cited % WIDTH]);
    const shown = await checkOpening(data, fromBase64(sealed.c));
    const said = Object.entries({ agency: "ag", purpose: "pu", offence: "of" }).filter(
      ([, field]) => field in leaf,
    );
    const holds = ([name, field]) =>
      sealed[field] === "sealed" && shown.has(name) && isSame(shown.get(name), utf8(leaf[field]));
    if (said.length === 0 || said.length !== shown.size || !said.every(holds)) {
      throw new Error(`leaf ${index}: its opening shows something else than it reveals`);
    }
  }
}

/** The entries of a bundle: exactly `width`, and not a byte more. */
function entriesOf(data, width, name) {
  const entries = [];
  let at = 0;
  while (at < data.length) {
    if (at + 2 > data.length) throw new Error(`${name}: ends within a length`);
    const start = at + 2;
    at = start + data.readUInt16BE(at);
    if (at > data.length) throw new Error(`${name}: ends within an entry`);
    entries.push(data.subarray(start, at));
  }
  if (entries.length !== width) throw new Error(`${name}: ${entries.length} entries, not ${width}`);
  return entries;
}

/** The root over a row of hashes, split at the largest power of two below its length. */
function rootOf(row) {
  if (row.length === 0) return sha256(LEAF.subarray(1));
  if (row.length === 1) return row[0];
  let left = 1;
  while (left * 2 < row.length) left *= 2;
  return sha256(Buffer.concat([NODE, rootOf(row.slice(0, left)), rootOf(row.slice(left))]));
}

function compareTiles(folder, leaves, documents) {
  let row = leaves;
  for (let level = 0; row.length > 0; level += 1) {
    const above = [];
    for (let first = 0; first < row.length; first += WIDTH) {
      const hashes = row.slice(first, first + WIDTH);
      const name = tilePath(level, first / WIDTH, hashes.length);
      documents.add(name);
      const data = readFileSync(join(folder, name));
      if (data.length !== hashes.length * HASH_BYTES || !isSame(data, Buffer.concat(hashes))) {
        throw new Error(`${name}: not the hashes of what is below it`);
      }
      if (hashes.length === WIDTH) above.push(rootOf(hashes));
    }
    row = above;
  }
}

function refuseStrangers(folder, documents) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const name = join(entry.parentPath, entry.name).slice(folder.length + 1);
    if (!documents.has(name)) throw new Error(`${name}: does not belong to a ledger of this size`);
  }
}

/** An index as tlog-tiles writes it. */
function indexPath(index) {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g);
  return [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join("/");
}

const documentPath = (index) => `document/${indexPath(index)}`;

/** Where a tile lies, or a bundle where the level is `entries`. */
export function tilePath(level, index, width) {
  return `tile/${level}/${indexPath(index)}${width === WIDTH ? "" : `.p/${width}`}`;
}
