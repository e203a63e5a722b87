/* The values of an opening as a person reads them: words for codes, times for seconds, lists.
 *
 * Guarantee: a value that has not the form of its field is shown as it stands, never left out; what
 * is shown is text alone. The fields are those of docs/adr/0002-ids-vocabularies-leaves.md.
 */

import { hex, readUtf8 } from "./evidence.mjs";

const TABLES = { purpose: "purpose", offence: "offence", assurance: "assurance" };
// The bytes of ids and of a hash; where a name stands for a text, the text is of another length.
const BYTES = { exchange: 16, query: 16, payload: 32 };
const SECONDS = /^(0|[1-9][0-9]{0,11})$/;

/** A field's value as lines: one for a text, one for each item of a list. */
export function linesOf(name, value, words) {
  if (value.length === BYTES[name]) return [hex(value)];
  let text;
  try {
    text = readUtf8(value);
  } catch {
    return [`${words.notText} ${hex(value)}`];
  }
  if (text === "") return [words.nothing];
  return [read(name, text, words)].flat();
}

function read(name, text, words) {
  if (Object.hasOwn(TABLES, name)) return words.label(TABLES[name], text);
  if (name === "instrument") return paper(text, words);
  if (name === "accepted_at" && SECONDS.test(text)) return words.moment(text);
  if (["search", "elements", "rules"].includes(name)) return items(text, words) ?? text;
  return text;
}

/** A legal paper's kind in words, and its own number where one was stated. */
function paper(text, words) {
  const [kind, ...rest] = text.split(":");
  const reference = rest.join(":");
  return [words.label("instrument", kind), ...(reference ? [reference] : [])];
}

/** The items of a JSON list: of pairs, the name and what was said of it. */
function items(text, words) {
  let list;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(list)) return null;
  if (!list.length) return [words.nothing];
  const lines = list.map((item) => (isPair(item) ? `${item[0]}: ${item[1]}` : item));
  return lines.every((line) => typeof line === "string") ? lines : null;
}

const isPair = (item) =>
  Array.isArray(item) && item.length === 2 && item.every((part) => typeof part === "string");
