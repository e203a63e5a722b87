/* The page's words in English: what was found in one sentence, and every reason in plain terms.
 *
 * Labels are those of the vocabularies; `spanish.mjs` has the same members.
 */

import { VOCABULARY } from "./vocabulary.mjs";

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];
const label = (table, value) => VOCABULARY[table][value] ?? value;
const member = (code) => label("member", code);

/** Items as one speaks them: a, b and c. */
export const listed = (items, and) =>
  items.length < 2
    ? items.join("")
    : `${items.slice(0, -1).join(", ")} ${and} ${items[items.length - 1]}`;

const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
const classes = (values) => listed(values.map((value) => label("data_class", value)), "and");

function ledger(code) {
  if (code === "us") return `the ledger of ${member(code)}`;
  return `${member(code)}${member(code).endsWith("s") ? "’" : "’s"} ledger`;
}

function agency(value) {
  if (value === "sealed") return "an agency whose name is sealed";
  return value.startsWith("small:") ? `a small agency of ${member(value.slice(6))}` : value;
}

function purpose(value) {
  if (value === "sealed") return " for a sealed purpose";
  if (value === "not_stated") return ", with no purpose stated";
  return value ? ` for ${label("purpose", value)}` : "";
}

function stated(value) {
  if (value === "sealed") return ", for a sealed purpose";
  if (value === "not_stated") return ", which stated no purpose";
  return `, which gave ${label("purpose", value)} as its purpose`;
}

function hour(value) {
  const start = new Date(Number(value) * 3_600_000);
  const at = start.getUTCHours();
  const two = (count) => String(count).padStart(2, "0");
  const day = `${start.getUTCDate()} ${MONTHS[start.getUTCMonth()]} ${start.getUTCFullYear()}`;
  return `${day}, ${two(at)}:00–${two(at + 1)}:00 UTC`;
}

/** A time to the second, from seconds since 1970. */
function moment(seconds) {
  const at = new Date(Number(seconds) * 1000);
  const day = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  return `${day}, ${at.toISOString().slice(11, 19)} UTC`;
}

/** What happened, as the second half of a sentence. A trial of rules did nothing. */
const EVENTS = {
  query: ({ ag, fo, mk, pu }) =>
    `${agency(ag)} asked ${fo === "1" ? "one state" : `${fo} states`} ` +
    `about “${label("message_key", mk)}”${purpose(pu)}`,
  disclosure: ({ ag, cl, wh, rs, pu, m }) => {
    const would = m === "shadow" ? "would have " : "";
    const kept = wh.length ? `, and ${would}withheld ${classes(wh)}` : "";
    if (rs === "none") {
      return `it ${would || ""}told ${agency(ag)} that it has no such record${purpose(pu)}`;
    }
    const what = cl.length ? classes(cl) : "no part of a record";
    return `it ${would}released ${what} to ${agency(ag)}${purpose(pu)}${kept}`;
  },
  denial: ({ ag, wh, pu, m }) =>
    `it ${m === "shadow" ? "would have " : ""}refused ${classes(wh) || "the request"} ` +
    `to ${agency(ag)}${stated(pu)}`,
  hold: ({ ag, wh, pu, m }) =>
    `it ${m === "shadow" ? "would have " : ""}held ${classes(wh) || "the request"} ` +
    `for a person to review, asked for by ${agency(ag)}${stated(pu)}`,
  verdict: ({ de, cl, wh, re }) =>
    ({
      approve:
        `a reviewer approved ${classes(cl) || "nothing"}` +
        `${wh.length ? ` and refused ${classes(wh)}` : ""} on the hold in entry ${re}`,
      refuse: `a reviewer refused ${classes(wh) || "all of it"} on the hold in entry ${re}`,
      ask: `a reviewer asked the agency for more on the hold in entry ${re}`,
      escalate: `a reviewer passed on the hold in entry ${re} to a superior`,
    })[de],
  closure: ({ de, re }) =>
    de === "expired"
      ? `time ran out for entry ${re}, and nothing was released`
      : `the answer to entry ${re} could not be delivered`,
  pass: ({ ag, cl, pu }) =>
    `a reviewer gave ${agency(ag)} a pass for one case, for ${classes(cl)}${purpose(pu)}`,
  policy: ({ m }) =>
    m === "shadow"
      ? "it announced rules, which are not in force"
      : "a new set of its rules came into force",
  directory: () => "it published a new version of its part of the directory",
  instrument: ({ in: paper }) => `a legal paper was recorded (${label("instrument", paper)})`,
  certification: ({ ag }) => `the certification of ${agency(ag)} was recorded`,
  notice: ({ re }) => `a notice about entry ${re} was sent`,
  access: ({ re }) => `an official was shown ${re ? `what entry ${re} is about` : "a record"}`,
  reveal: ({ re }) => `sealed details of entry ${re} were opened`,
  correction: ({ re }) => `entry ${re} was corrected`,
  redaction: ({ re }) => `the text of entry ${re} was withdrawn by order`,
  key: () => "a key was added, changed, lost or destroyed",
  counts: () => "a published count was recorded",
};

const REASONS = {
  "signature": "the signature does not fit this key, so something in it was changed",
  "other-key": "it was not signed with the key you gave",
  "other-leaf": "it is the receipt of a different entry",
  "other-entry": "it stands at a different place than it says",
  "other-member": "its entry belongs to a different state’s ledger",
  "other-root": "it does not lead to what the ledger signed",
  "index": "its place is not in a ledger of that size",
  "path-length": "its chain of hashes has the wrong length",
  "commitment": "the opened details do not belong to this entry",
  "twice": "the opened details show one name twice",
  "vkey": "the key is not written in full",
  "vkey-type": "the key is of a kind that signs no receipts",
  "vkey-id": "the key and its own number do not match, so a letter is wrong",
  "keys-many": "there are more than 256 keys",
  "leaf": "its entry is not written in the exact form of a ledger’s entries",
  "too-long": "it is longer than it may be",
  "not-evidence": "there is no receipt in what you put in",
  "form": "it is not written in the exact form of its kind, so a part was changed, added or lost",
};

const WAITING = {
  "no-evidence": "Is this receipt real and unchanged?",
  "no-key": "Not checked yet: put in the key of the signer.",
  "key-of-other": "Not checked yet: none of these keys is the signer’s.",
  "no-leaf": "Not checked yet: put in the text of the entry too.",
  "opening-waits": "Not checked yet: the opened details need a receipt that holds.",
  "no-crypto": "This browser cannot check receipts.",
  "error": "Not checked: this page met an error of its own.",
};

const STEPS = {
  form: () => "It is written in the one exact form that such a paper has.",
  leaf: () => "It is about exactly the entry that came with it, letter by letter.",
  path: ({ count, index, size }) =>
    `A chain of ${number(count)} hashes leads from entry ${number(index)} ` +
    `to a ledger of ${number(size)} entries.`,
  heads: ({ at, heads }) =>
    heads === 1
      ? "That state of the ledger was signed alone."
      : `That state of the ledger was signed together with others: ` +
        `number ${number(at + 1)} of ${number(heads)}.`,
  signature: ({ name, id }) => `The signature is by the key of ${name} (key number ${id}).`,
  witness: ({ name, time }) =>
    `The witness ${name} saw this state of the ledger: ` +
    `${new Date(Number(time) * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC.`,
  header: () => "The entry itself is in the exact form that the rules set.",
};

export const ENGLISH = {
  lang: "en",
  other: "Español",
  title: "Check a receipt",
  label,
  member,
  agency,
  number,
  hour,
  moment,
  ledger,
  classes,
  listed: (items) => listed(items, "and"),
  sentence: (header, { index }) =>
    `This is entry ${number(index)} of ${ledger(header.st)}: on ${hour(header.h)}, ` +
    `${EVENTS[header.k](header)}.`,
  sentenceOfMany: (names) =>
    `All ${number(names.length)} receipts hold: ${listed(names.map((n) => `entry ${n}`), "and")}.`,
  failure: (what, why) => `This ${what === "proof" ? "proof" : "receipt"} does not hold: ${why}.`,
  failureOfMany: (count, total, why) =>
    `${number(count)} of ${number(total)} receipts ` +
    `${count === 1 ? "does" : "do"} not hold: ${why}.`,
  openingFailure: (why) => `The opened details do not hold: ${why}.`,
  keyFailure: (line, why) => `Nothing was checked: in line ${line} of the keys, ${why}.`,
  inputFailure: (why) => `Nothing was checked: ${why}.`,
  reasons: REASONS,
  waiting: WAITING,
  steps: STEPS,
  modes: {
    probe: "This entry is a test of a block. It counts as no traffic.",
    planted: "This entry is a planted test case for reviewers. It counts as no traffic.",
    shadow: "This entry is a trial of draft rules. Nothing was released or refused by it.",
  },
  marks: { holds: "Holds", fails: "Does not hold", open: "Not checked" },
  practice: "Practice data",
  practiceNote: "This ledger is one of practice. People and agencies in it are invented.",
  lead:
    "Put in a receipt and the signer’s key. The check is made on your own device, " +
    "and nothing you put in leaves it.",
  noCrypto:
    "It lacks SHA-256 or Ed25519. Save the page and open it from your disk, or use a current " +
    "version of Firefox, Chrome, Edge or Safari. Or run: comity ledger verify FILE --vkey KEY",
  waitingFor: (signer) => `The signer calls itself: ${signer}`,
  fields: {
    files: "Choose files, or drop them anywhere on this page",
    filesHint: "Each file is sorted into the right box by what it holds.",
    evidence: "The receipt",
    evidenceHint: "An answer in JSON, a receipt, or a .tlog-proof file.",
    keys: "The signer’s key",
    keysHint: "One key on each line. Get it from the state, not from whoever gave you the receipt.",
    more: "More to put in",
    leaf: "The entry’s own text",
    leafHint: "Only for a bare receipt or a .tlog-proof: the file that ends in .leaf.",
    opening: "Opened details",
    openingHint: "Only if the state opened parts of the hidden record to you.",
  },
  check: "Check",
  clear: "Clear",
  unsorted: (names) => `This page cannot use: ${names.join(", ")}`,
  detailsTitle: "What the entry says",
  stepsTitle: "What was checked",
  openedTitle: "What the opened details say",
  limitsTitle: "What this shows, and what it does not",
  limits: [
    "It shows that this entry stood in the ledger, at this place, when the key signed. " +
      "It cannot be changed or taken out since without being seen.",
    "It does not show whose key it is. Compare the key with the one that the state publishes.",
    "It does not show that the entry tells the truth, or that nothing else was released.",
  ],
  adviceTitle: "What you can do now",
  advice: [
    "Get the receipt and the key again, each from where it comes from, and check them as they are.",
    "If it still does not hold, do not rely on it. Ask the state to show the entry itself.",
  ],
  checkedBy: ({ name }) => `Checked with the key of ${name} that you put in.`,
  facts: {
    entry: "Entry",
    ledger: "Ledger",
    size: "Size when signed",
    time: "Recorded",
    kind: "Kind",
    agency: "Agency that asked",
    key: "Message",
    purpose: "Stated purpose",
    offence: "Stated offence",
    instrument: "Stated legal paper",
    released: "Released",
    withheld: "Not released",
    result: "Look-up",
    policy: "Rules in force",
    peer: "Other side’s entry",
    fanOut: "States asked",
    cites: "Follows entry",
    digest: "Hash of the document",
    commitment: "Seal of the hidden record",
    signer: "Checked with the key",
  },
  results: { record: "a record was found", none: "no such record" },
  nothing: "nothing",
  sealed: "sealed",
  entries: (count) => `${number(count)} entries`,
  notText: "not text; its bytes are",
  offline: "This page works without a network. Save it and keep it with your papers.",
  command: "The same check on the command line:",
  opened: {
    schema: "Form of the record",
    exchange: "Exchange number",
    query: "Query number",
    agency: "Agency",
    purpose: "Purpose",
    offence: "Offence",
    operator: "Operator",
    assurance: "How sure the operator is known",
    case: "Case number",
    instrument: "Legal paper",
    search: "What was looked for",
    elements: "Parts released",
    payload: "Hash of the answer",
    rules: "Rules applied",
    accepted_at: "Taken in at",
  },
};
