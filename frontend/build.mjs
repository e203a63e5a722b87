/* Build the console's assets into the folder that is named: `node build.mjs FOLDER`.
 *
 * Guarantee: the same sources and packages give the same bytes. Names carry the content's hash;
 * `manifest.json` says what each plain name became, and from which sources all of it was made.
 * Source: docs/adr/0038-console-assets.md.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sass from "sass";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, "node_modules");
const HASH_CHARS = 10;
const USWDS = "@uswds/uswds";
const SOURCES = [".npmrc", "build.mjs", "console.js", "console.scss", "package.json", "package-lock.json"];
const FONTS = {
  "merriweather-400.woff2": "merriweather/Latin-Merriweather-Regular.woff2",
  "public-sans-400.woff2": "public-sans/PublicSans-Regular.woff2",
  "public-sans-600.woff2": "public-sans/PublicSans-SemiBold.woff2",
  "public-sans-700.woff2": "public-sans/PublicSans-Bold.woff2",
};
const TYPES = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  woff2: "font/woff2",
};

const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs FOLDER");
  process.exit(2);
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const read = (...parts) => readFileSync(join(...parts));
const version = (name) => JSON.parse(read(PACKAGES, name, "package.json")).version;
const files = {};

/** Write one file under its hashed name and note it. */
function emit(name, bytes) {
  const hash = sha256(bytes);
  const dot = name.lastIndexOf(".");
  const path = `${name.slice(0, dot)}.${hash.slice(0, HASH_CHARS)}${name.slice(dot)}`;
  writeFileSync(join(out, path), bytes);
  files[name] = { path, sha256: hash, bytes: bytes.length, type: TYPES[name.slice(dot + 1)] };
  return path;
}

/** The style sheet, its fonts by their hashed names; any other address in it is a fault. */
function style() {
  const { css } = sass.compile(join(HERE, "console.scss"), {
    loadPaths: [join(PACKAGES, USWDS, "packages")],
    style: "compressed",
    quietDeps: true,
  });
  const named = css.replace(/url\("?([^")]+)"?\)/g, (_, name) => {
    if (!(name in files)) throw new Error(`the style sheet asks for ${name}`);
    return `url(${files[name].path})`;
  });
  return Buffer.from(`${named.replace(/^\uFEFF/, "").trimEnd()}\n`);
}

/** What is not ours, for whoever must know what a machine runs. */
function vendor() {
  const uswds = version(USWDS);
  const row = (name, number, licence, file) =>
    `| ${name} | ${number} | ${licence} | \`${files[file].path}\` | \`${files[file].sha256}\` |`;
  const font = (name) => (name.startsWith("public") ? "Public Sans" : "Merriweather");
  return [
    "# What stands here that others made",
    "",
    "Written by `frontend/build.mjs`. Licences in full: [LICENSE-uswds.md](LICENSE-uswds.md), [LICENSE-htmx.txt](LICENSE-htmx.txt),",
    "[LICENSE-fonts.txt](LICENSE-fonts.txt). The style sheet is compiled from USWDS's packages and our own; the other files are as their makers published them.",
    "",
    "| name | version | licence | file | SHA-256 |",
    "|---|---|---|---|---|",
    row("htmx", version("htmx.org"), "0BSD", "htmx.js"),
    row("USWDS, compiled with our own", uswds, "public domain (CC0-1.0); normalize.css MIT", "console.css"),
    ...Object.keys(FONTS).map((name) => row(`${font(name)}, of USWDS`, uswds, "OFL-1.1", name)),
    "",
  ].join("\n");
}

mkdirSync(out, { recursive: true });
for (const [name, path] of Object.entries(FONTS)) emit(name, read(PACKAGES, USWDS, "dist/fonts", path));
emit("console.css", style());
emit("console.js", read(HERE, "console.js"));
emit("htmx.js", read(PACKAGES, "htmx.org/dist/htmx.min.js"));

const styles = readdirSync(join(HERE, "styles")).map((name) => `styles/${name}`);
const sources = [...SOURCES, "LICENSE-fonts.txt", ...styles].sort();
const manifest = {
  files: Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))),
  made_from: Object.fromEntries(sources.map((name) => [name, sha256(read(HERE, name))])),
};
writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
writeFileSync(join(out, "VENDOR.md"), vendor());
writeFileSync(join(out, "LICENSE-uswds.md"), read(PACKAGES, USWDS, "LICENSE.md"));
writeFileSync(join(out, "LICENSE-htmx.txt"), read(PACKAGES, "htmx.org/LICENSE"));
writeFileSync(join(out, "LICENSE-fonts.txt"), read(HERE, "LICENSE-fonts.txt"));
