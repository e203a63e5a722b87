/* The public header of a ledger leaf, read from its exact bytes.
 *
 * Guarantee: takes what the ledger's writer writes and nothing else: one order, one spelling,
 * closed values, and the fields that the kind must and may have. It reads from left to right,
 * since a JSON parser would take more than one spelling and round large numbers.
 * Source: docs/adr/0002-ids-vocabularies-leaves.md, section The leaf.
 */

import { Fault, readUtf8 } from "./evidence.mjs";
import { VOCABULARY } from "./vocabulary.mjs";

const LEAF_BYTES_MAX = 1024;
const HOUR_MAX = 2 ** 24;
const INDEX_MAX = 2n ** 63n;
const FAN_OUT_MAX = 64;

const KINDS = {
  query: { must: "ag mk pu of in fo", may: "po" },
  disclosure: { must: "ag mk pu of in cl wh de rs po pe", may: "re", decisions: "release" },
  denial: { must: "ag mk pu of in wh de po pe", may: "re", decisions: "deny" },
  hold: { must: "ag mk pu of in wh de po pe", may: "re", decisions: "hold" },
  verdict: { must: "cl wh de re", may: "po", decisions: "approve refuse ask escalate" },
  closure: { must: "de re", may: "wh", decisions: "expired undeliverable" },
  pass: { must: "ag cl", may: "pu of re" },
  policy: { must: "dg", may: "re" },
  directory: { must: "dg", may: "re" },
  instrument: { must: "in", may: "ag re" },
  certification: { must: "ag", may: "re" },
  notice: { must: "re" },
  access: { must: "", may: "re cl" },
  reveal: { must: "re", may: "ag pu of" },
  correction: { must: "re", may: "ag pu of in" },
  redaction: { must: "re" },
  key: { must: "dg", may: "re" },
  counts: { must: "dg", may: "re" },
};

const is = (table) => (value) => Object.hasOwn(VOCABULARY[table], value);
const isOrSealed = (table) => (value) => value === "sealed" || is(table)(value);
const DIGITS = "(0|[1-9][0-9]{0,18})";
const TEXT = '"([A-Za-z0-9_:/]+)"';
// 32 bytes in their one spelling: the last character before the sign has two bits to spare.
const HASH = '"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"';
const LIST = '\\[((?:"[a-z_]+"(?:,"[a-z_]+")*)?)\\]';

// In the order in which they stand: how each is written, and which values it may have.
const FIELDS = [
  ["v", DIGITS, (value) => value === "1"],
  ["k", TEXT, (value) => Object.hasOwn(KINDS, value)],
  ["m", TEXT, is("leaf_mode")],
  ["h", DIGITS, (value) => BigInt(value) < HOUR_MAX],
  ["st", TEXT, is("member")],
  ["ag", TEXT, isAgency],
  ["mk", TEXT, is("message_key")],
  ["pu", TEXT, isOrSealed("purpose")],
  ["of", TEXT, isOrSealed("offence")],
  ["in", TEXT, is("instrument")],
  ["cl", LIST, isClassList],
  ["wh", LIST, isClassList],
  ["de", TEXT, is("leaf_decision")],
  ["rs", TEXT, (value) => value === "record" || value === "none"],
  ["po", DIGITS, (value) => BigInt(value) < INDEX_MAX],
  ["pe", TEXT, isCitation],
  ["fo", DIGITS, (value) => value !== "0" && BigInt(value) <= FAN_OUT_MAX],
  ["re", TEXT, isCitation],
  ["dg", HASH, () => true],
  ["c", HASH, () => true],
].map(([name, written, isValue]) => ({
  name,
  written: new RegExp(`"${name}":${written}`, "y"),
  isValue,
}));

const ALWAYS = ["v", "k", "m", "h", "st", "c"];
const malformed = () => new Fault("leaf", { isForm: true });

/** The header that these bytes are: texts by their names in the leaf, lists for classes. */
export function readLeaf(data) {
  if (data.length > LEAF_BYTES_MAX) throw malformed();
  const text = readUtf8(data);
  const header = {};
  let at = 0;
  for (const { name, written, isValue } of FIELDS) {
    written.lastIndex = at + 1;
    const found = written.exec(text);
    if (!found) continue;
    if (text[at] !== (at ? "," : "{") || !isValue(found[1])) throw malformed();
    header[name] = found[1];
    at = written.lastIndex;
  }
  if (text.slice(at) !== "}") throw malformed();
  checkKind(header);
  for (const name of ["cl", "wh"]) if (name in header) header[name] = classes(header[name]);
  if (header.cl?.some((value) => header.wh?.includes(value))) throw malformed();
  if (header.rs === "none" && header.cl?.length) throw malformed();
  return header;
}

function checkKind(header) {
  if (!ALWAYS.every((name) => name in header)) throw malformed();
  const { must, may = "", decisions = "" } = KINDS[header.k];
  const [needed, allowed] = [must.split(" ").filter(Boolean), may.split(" ")];
  const hasStranger = Object.keys(header).some(
    (name) => ![...ALWAYS, ...needed, ...allowed].includes(name),
  );
  if (hasStranger || !needed.every((name) => name in header)) throw malformed();
  if ("de" in header && !decisions.split(" ").includes(header.de)) throw malformed();
}

const classes = (list) => (list ? list.slice(1, -1).split('","') : []);

function isClassList(list) {
  const order = Object.keys(VOCABULARY.data_class);
  const places = classes(list).map((value) => order.indexOf(value));
  return places.every((place, at) => place > (at ? places[at - 1] : -1));
}

function isAgency(value) {
  if (/^[A-Z0-9]{9}$/.test(value) || value === "sealed") return true;
  return value.startsWith("small:") && is("member")(value.slice(6));
}

export function isCitation(value) {
  const found = /^([a-z]{2})\/(0|[1-9][0-9]{0,18})$/.exec(value);
  return found !== null && is("member")(found[1]) && BigInt(found[2]) < INDEX_MAX;
}
