/* The page's words in Spanish, with the same members as `english.mjs`.
 *
 * States keep their names; message keys have no Spanish labels yet and are shown in English.
 */

import { listed } from "./english.mjs";
import { VOCABULARY } from "./vocabulary.mjs";

const MONTHS = [
  ...["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio"],
  ...["agosto", "septiembre", "octubre", "noviembre", "diciembre"],
];

/** Spanish labels of the closed vocabularies; a test holds them complete. */
export const LABELS = {
  purpose: {
    criminal_investigation: "investigación penal",
    traffic_safety: "seguridad vial",
    officer_safety: "seguridad del agente",
    missing_or_endangered: "persona desaparecida o en peligro",
    identify_deceased: "identificar a una persona fallecida",
    court: "juicio o notificación judicial",
    licensing: "licencias o registro",
    firearm: "compra o permiso de armas",
    civil_immigration: "control civil de inmigración",
    other_civil: "otro fin civil",
    other: "otro fin",
    not_stated: "no declarado",
  },
  offence: {
    homicide: "homicidio",
    sexual: "delito sexual",
    child_exploitation: "explotación de menores",
    trafficking: "trata de personas",
    kidnapping: "secuestro",
    terrorism: "terrorismo",
    robbery_assault: "robo o agresión",
    weapons: "armas",
    drugs: "drogas",
    fraud_identity: "fraude o robo de identidad",
    vehicle_theft: "robo de vehículo",
    property: "delito contra la propiedad",
    impaired_driving: "conducir bajo los efectos del alcohol o drogas",
    traffic: "tránsito",
    immigration_criminal: "delito de inmigración",
    immigration_civil: "asunto civil de inmigración",
    none: "ningún delito",
    other: "otro delito",
    not_stated: "no declarado",
  },
  instrument: {
    article_iii_warrant: "orden firmada por un juez federal del Artículo III",
    state_warrant: "orden firmada por un juez estatal",
    court_order: "orden de un tribunal",
    court_subpoena: "citación de un tribunal",
    administrative_subpoena: "citación administrativa",
    administrative_immigration_warrant: "orden administrativa de inmigración",
    emergency_declaration: "declaración de emergencia",
    consent: "consentimiento de la persona",
    none: "ninguno",
    other: "otro documento",
    not_stated: "no declarado",
  },
  assurance: {
    signed: "firmada por el operador",
    agency_asserted: "lo afirma la agencia",
    not_stated: "no declarado",
  },
  data_class: {
    status: "estado de la licencia",
    identity: "identidad",
    address: "domicilio",
    photo: "foto",
    ssn: "número de seguro social",
    history: "historial de manejo",
    medical: "datos médicos",
    immigration_documents: "documentos de inmigración",
    vehicle: "vehículo",
    owner: "dueño",
    opaque: "texto libre",
  },
  leaf_kind: {
    query: "consulta",
    disclosure: "entrega",
    denial: "negativa",
    hold: "retención",
    verdict: "decisión",
    closure: "cierre",
    pass: "pase para un caso",
    policy: "reglas",
    directory: "directorio",
    instrument: "documento legal",
    certification: "certificación",
    notice: "aviso",
    access: "acceso",
    reveal: "revelación",
    correction: "corrección",
    redaction: "retiro de texto",
    key: "clave",
    counts: "cifras",
  },
};

const label = (table, value) => LABELS[table]?.[value] ?? VOCABULARY[table][value] ?? value;
const OPERATOR = "el operador para agencias federales";
const member = (code) => (code === "us" ? OPERATOR : VOCABULARY.member[code] ?? code);
const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
// "y" becomes "e" before the sound of i: "foto e identidad".
const and = (items) => listed(items, /^h?i/.test(items[items.length - 1] ?? "") ? "e" : "y");
const classes = (values) => and(values.map((value) => label("data_class", value)));
const ledger = (code) => (code === "us" ? `registro d${OPERATOR}` : `registro de ${member(code)}`);

function agency(value) {
  if (value === "sealed") return "una agencia de nombre reservado";
  return value.startsWith("small:") ? `una agencia pequeña de ${member(value.slice(6))}` : value;
}

function purpose(value) {
  if (value === "sealed") return ", con un fin reservado";
  if (value === "not_stated") return ", sin declarar un fin";
  return value ? ` (fin declarado: ${label("purpose", value)})` : "";
}

function hour(value) {
  const start = new Date(Number(value) * 3_600_000);
  const at = start.getUTCHours();
  const two = (count) => String(count).padStart(2, "0");
  const month = MONTHS[start.getUTCMonth()];
  const day = `${start.getUTCDate()} de ${month} de ${start.getUTCFullYear()}`;
  return `${day}, ${two(at)}:00–${two(at + 1)}:00 UTC`;
}

function moment(seconds) {
  const at = new Date(Number(seconds) * 1000);
  const month = MONTHS[at.getUTCMonth()];
  const day = `${at.getUTCDate()} de ${month} de ${at.getUTCFullYear()}`;
  return `${day}, ${at.toISOString().slice(11, 19)} UTC`;
}

const EVENTS = {
  query: ({ ag, fo, mk, pu }) =>
    `${agency(ag)} preguntó a ${fo === "1" ? "un estado" : `${fo} estados`} ` +
    `por «${label("message_key", mk)}»${purpose(pu)}`,
  disclosure: ({ ag, cl, wh, rs, pu, m }) => {
    const did = ["entregó", "dijo", "negó"];
    const would = ["habría entregado", "habría dicho", "habría negado"];
    const [gave, told, kept] = m === "shadow" ? would : did;
    if (rs === "none") return `${told} a ${agency(ag)} que no tiene tal expediente${purpose(pu)}`;
    const what = cl.length ? classes(cl) : "ninguna parte del expediente";
    const rest = wh.length ? `, y ${kept} ${classes(wh)}` : "";
    return `${gave} ${what} a ${agency(ag)}${purpose(pu)}${rest}`;
  },
  denial: ({ ag, wh, pu, m }) =>
    `${m === "shadow" ? "habría negado" : "negó"} ${classes(wh) || "la consulta"} ` +
    `a ${agency(ag)}${purpose(pu)}`,
  hold: ({ ag, wh, pu, m }) =>
    `${m === "shadow" ? "habría retenido" : "retuvo"} ${classes(wh) || "la consulta"} ` +
    `para que decida una persona; preguntó ${agency(ag)}${purpose(pu)}`,
  verdict: ({ de, cl, wh, re }) =>
    ({
      approve:
        `una persona revisora aprobó ${classes(cl) || "nada"}` +
        `${wh.length ? ` y negó ${classes(wh)}` : ""} en la retención ${re}`,
      refuse: `una persona revisora negó ${classes(wh) || "todo"} en la retención ${re}`,
      ask: `una persona revisora pidió más datos a la agencia en la retención ${re}`,
      escalate: `una persona revisora pasó la retención ${re} a su superior`,
    })[de],
  closure: ({ de, re }) =>
    de === "expired"
      ? `venció el plazo de la entrada ${re} y no se entregó nada`
      : `la respuesta a la entrada ${re} no se pudo entregar`,
  pass: ({ ag, cl, pu }) =>
    `una persona revisora dio a ${agency(ag)} un pase para un caso: ${classes(cl)}${purpose(pu)}`,
  policy: ({ m }) =>
    m === "shadow" ? "anunció reglas que no están en vigor" : "entraron en vigor nuevas reglas",
  directory: () => "publicó una nueva versión de su parte del directorio",
  instrument: ({ in: paper }) => `se anotó un documento legal (${label("instrument", paper)})`,
  certification: ({ ag }) => `se anotó la certificación de ${agency(ag)}`,
  notice: ({ re }) => `se envió un aviso sobre la entrada ${re}`,
  access: ({ re }) =>
    `un funcionario vio ${re ? `de qué trata la entrada ${re}` : "un expediente"}`,
  reveal: ({ re }) => `se abrieron datos reservados de la entrada ${re}`,
  correction: ({ re }) => `se corrigió la entrada ${re}`,
  redaction: ({ re }) => `se retiró por orden el texto de la entrada ${re}`,
  key: () => "se agregó, cambió, perdió o destruyó una clave",
  counts: () => "se anotaron cifras publicadas",
};

const REASONS = {
  "signature": "la firma no corresponde a esta clave, así que algo fue cambiado",
  "other-key": "no fue firmado con la clave que usted puso",
  "other-leaf": "es el recibo de otra entrada",
  "other-entry": "está en un lugar distinto del que dice",
  "other-member": "su entrada es del registro de otro estado",
  "other-root": "no lleva a lo que firmó el registro",
  "index": "su lugar no existe en un registro de ese tamaño",
  "path-length": "su cadena de huellas no tiene el largo debido",
  "commitment": "los datos abiertos no son de esta entrada",
  "twice": "los datos abiertos muestran un nombre dos veces",
  "vkey": "la clave no está completa",
  "vkey-type": "la clave es de un tipo que no firma recibos",
  "vkey-id": "la clave y su número no coinciden, así que una letra está mal",
  "keys-many": "hay más de 256 claves",
  "leaf": "su entrada no tiene la forma exacta de las entradas de un registro",
  "too-long": "es más largo de lo permitido",
  "not-evidence": "no hay ningún recibo en lo que usted puso",
  "form": "no tiene la forma exacta debida, así que algo se cambió, agregó o perdió",
};

const WAITING = {
  "no-evidence": "¿Este recibo es auténtico y está intacto?",
  "no-key": "Falta comprobar: ponga la clave de quien firma.",
  "key-of-other": "Falta comprobar: ninguna de estas claves es de quien firma.",
  "no-leaf": "Falta comprobar: ponga también el texto de la entrada.",
  "opening-waits": "Falta comprobar: los datos abiertos necesitan un recibo válido.",
  "no-crypto": "Este navegador no puede comprobar recibos.",
  "error": "Falta comprobar: esta página tuvo un error propio.",
};

const STEPS = {
  form: () => "Está escrito en la única forma exacta que tiene este documento.",
  leaf: () => "Trata exactamente de la entrada que lo acompaña, letra por letra.",
  path: ({ count, index, size }) =>
    `Una cadena de ${number(count)} huellas lleva de la entrada ${number(index)} ` +
    `a un registro de ${number(size)} entradas.`,
  heads: ({ at, heads }) =>
    heads === 1
      ? "Ese estado del registro fue firmado solo."
      : `Ese estado del registro fue firmado junto con otros: ` +
        `número ${number(at + 1)} de ${number(heads)}.`,
  signature: ({ name, id }) => `La firma es de la clave de ${name} (número de clave ${id}).`,
  witness: ({ name, time }) =>
    `El testigo ${name} vio ese estado del registro: ` +
    `${new Date(Number(time) * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC.`,
  header: () => "La entrada misma tiene la forma exacta que fijan las reglas.",
};

export const SPANISH = {
  lang: "es",
  other: "English",
  title: "Comprobar un recibo",
  label,
  member,
  agency,
  number,
  hour,
  moment,
  ledger,
  classes,
  listed: and,
  sentence: (header, { index }) =>
    `Esta es la entrada ${number(index)} del ${ledger(header.st)}: el ${hour(header.h)}, ` +
    `${EVENTS[header.k](header)}.`,
  sentenceOfMany: (names) =>
    `Los ${number(names.length)} recibos son válidos: ${and(names.map((n) => `entrada ${n}`))}.`,
  failure: (what, why) =>
    `${what === "proof" ? "Esta prueba no es válida" : "Este recibo no es válido"}: ${why}.`,
  failureOfMany: (count, total, why) =>
    `${number(count)} de ${number(total)} recibos ` +
    `${count === 1 ? "no es válido" : "no son válidos"}: ${why}.`,
  openingFailure: (why) => `Los datos abiertos no son válidos: ${why}.`,
  keyFailure: (line, why) => `No se comprobó nada: en la línea ${line} de las claves, ${why}.`,
  inputFailure: (why) => `No se comprobó nada: ${why}.`,
  reasons: REASONS,
  waiting: WAITING,
  steps: STEPS,
  modes: {
    probe: "Esta entrada es la prueba de un bloqueo. No cuenta como tráfico.",
    planted: "Esta entrada es un caso de prueba para revisores. No cuenta como tráfico.",
    shadow: "Esta entrada es un ensayo de reglas. Nada se entregó ni se negó por ella.",
  },
  marks: { holds: "Válido", fails: "No es válido", open: "Sin comprobar" },
  practice: "Datos de práctica",
  practiceNote: "Este registro es de práctica. Sus personas y agencias son inventadas.",
  lead:
    "Ponga un recibo y la clave de quien lo firmó. Todo se comprueba en su propio equipo, " +
    "y nada de lo que ponga sale de él.",
  noCrypto:
    "Le falta SHA-256 o Ed25519. Guarde la página y ábrala desde su disco, o use una versión " +
    "actual de Firefox, Chrome, Edge o Safari. O ejecute: comity ledger verify FILE --vkey KEY",
  waitingFor: (signer) => `Quien firma dice llamarse: ${signer}`,
  fields: {
    files: "Elija archivos, o suéltelos en esta página",
    filesHint: "Cada archivo va a la casilla que le toca por su contenido.",
    evidence: "El recibo",
    evidenceHint: "Una respuesta en JSON, un recibo o un archivo .tlog-proof.",
    keys: "La clave de quien firma",
    keysHint: "Una clave por línea. Pídala al estado, no a quien le dio el recibo.",
    more: "Poner algo más",
    leaf: "El texto de la entrada",
    leafHint: "Solo para un recibo suelto o un .tlog-proof: el archivo que termina en .leaf.",
    opening: "Datos abiertos",
    openingHint: "Solo si el estado le abrió partes del expediente oculto.",
  },
  check: "Comprobar",
  clear: "Borrar",
  unsorted: (names) => `Esta página no puede usar: ${names.join(", ")}`,
  detailsTitle: "Lo que dice la entrada",
  stepsTitle: "Lo que se comprobó",
  openedTitle: "Lo que dicen los datos abiertos",
  limitsTitle: "Lo que esto muestra, y lo que no",
  limits: [
    "Muestra que esta entrada estaba en el registro, en este lugar, cuando firmó la clave. " +
      "Desde entonces no se puede cambiar ni quitar sin que se note.",
    "No muestra de quién es la clave. Compárela con la que publica el estado.",
    "No muestra que la entrada diga la verdad, ni que no se entregó nada más.",
  ],
  adviceTitle: "Lo que puede hacer ahora",
  advice: [
    "Consiga otra vez el recibo y la clave, cada uno de su origen, y compruébelos sin cambios.",
    "Si sigue sin ser válido, no confíe en él. Pida al estado que muestre la entrada misma.",
  ],
  checkedBy: ({ name }) => `Comprobado con la clave de ${name} que usted puso.`,
  facts: {
    entry: "Entrada",
    ledger: "Registro",
    size: "Tamaño al firmar",
    time: "Anotada",
    kind: "Clase",
    agency: "Agencia que preguntó",
    key: "Mensaje",
    purpose: "Fin declarado",
    offence: "Delito declarado",
    instrument: "Documento legal declarado",
    released: "Entregado",
    withheld: "No entregado",
    result: "Búsqueda",
    policy: "Reglas en vigor",
    peer: "Entrada de la otra parte",
    fanOut: "Estados preguntados",
    cites: "Sigue a la entrada",
    digest: "Huella del documento",
    commitment: "Sello del expediente oculto",
    signer: "Comprobado con la clave",
  },
  results: { record: "se halló un expediente", none: "no hay tal expediente" },
  nothing: "nada",
  sealed: "reservado",
  entries: (count) => `${number(count)} entradas`,
  notText: "no es texto; sus bytes son",
  offline: "Esta página funciona sin red. Guárdela con sus papeles.",
  command: "La misma comprobación en la línea de comandos:",
  opened: {
    schema: "Forma del expediente",
    exchange: "Número de intercambio",
    query: "Número de consulta",
    agency: "Agencia",
    purpose: "Fin",
    offence: "Delito",
    operator: "Operador",
    assurance: "Certeza sobre el operador",
    case: "Número de caso",
    instrument: "Documento legal",
    search: "Lo que se buscó",
    elements: "Partes entregadas",
    payload: "Huella de la respuesta",
    rules: "Reglas aplicadas",
    accepted_at: "Recibida",
  },
};
