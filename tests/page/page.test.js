// START-HERE.html in Chromium, as a person opens it: from an extracted folder and as a single file, in light and dark, on
// a desk and on a phone, with and without JavaScript, with a keyboard, on paper. Neighbours: `run`, which writes the samples.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const samples = process.env.SAMPLES ?? assert.fail("SAMPLES names the folder with the sample pages");
const pictures = process.env.PICTURES;
const names = readdirSync(samples).sort();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = { desk: 1280, phone: 360 };
let browser;

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"];
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
});
after(() => browser?.close());

const address = (name) => pathToFileURL(join(samples, name, "START-HERE.html")).href;

/** A tab that remembers every complaint and every request. */
async function open(url, { width = WIDTHS.desk, scheme = "light", script = true } = {}) {
  const tab = await browser.newPage();
  const seen = { complaints: [], requests: [] };
  tab.on("console", (message) => seen.complaints.push(message.text()));
  tab.on("pageerror", (error) => seen.complaints.push(error.message));
  tab.on("dialog", (dialog) => { seen.complaints.push("a dialog"); dialog.dismiss(); });
  tab.on("request", (request) => seen.requests.push(request.url()));
  await tab.setViewport({ width, height: 800 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.setJavaScriptEnabled(script);
  await tab.goto(url, { waitUntil: "load" });
  return { tab, seen };
}

/** Lays everything out, as scrolling through the page would. */
const layOut = (tab) => tab.evaluate(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".card, .category, .collection { content-visibility: visible !important }");
  document.adoptedStyleSheets = [sheet];
});

const violations = async (tab) => {
  await tab.evaluate(axe);
  const result = await tab.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`);
};

test("the samples are there", () => {
  for (const name of ["case-fr", "normal-en", "empty", "addendum", "hostile", "entities-1000", "megabytes"]) assert.ok(names.includes(name), name);
});

for (const name of names) {
  test(`${name}: nothing is loaded but the page and its mark, and nothing complains`, async () => {
    const { tab, seen } = await open(address(name));
    const mark = pathToFileURL(join(samples, name, "mark.svg")).href;
    assert.deepEqual(seen.requests, [address(name), mark]);
    assert.deepEqual(seen.complaints, []);
    assert.equal(await tab.evaluate(() => document.compatMode), "CSS1Compat");
    assert.equal(await tab.evaluate(() => document.documentElement.className), "here");
    assert.equal(await tab.$eval("#notice", (notice) => notice.checkVisibility()), false);
    await tab.close();
  });

  test(`${name}: nothing from outside became markup, and no script but the page's own ran`, async () => {
    const { tab, seen } = await open(address(name));
    assert.equal(await tab.evaluate(() => window.hacked), undefined);
    const found = await tab.evaluate(() => {
      const all = [...document.querySelectorAll("*")];
      const attributes = all.flatMap((element) => [...element.attributes]);
      const known = ["A", "ARTICLE", "ASIDE", "BDI", "BODY", "CAPTION", "CODE", "DD", "DETAILS", "DIV", "DL", "DT", "EM", "FOOTER", "H1", "H2", "H3", "H4", "H5",
        "HEAD", "HEADER", "HTML", "IMG", "LI", "LINK", "MAIN", "META", "NAV", "OL", "P", "SCRIPT", "SECTION", "SMALL", "SPAN", "STRONG", "STYLE", "SUMMARY",
        "TABLE", "TBODY", "TD", "TH", "THEAD", "TIME", "TITLE", "TR", "UL"];
      return {
        elements: [...new Set(all.map((element) => element.tagName))].filter((tag) => !known.includes(tag)),
        handlers: attributes.map(({ name }) => name).filter((name) => name.startsWith("on") || name === "style"),
        scripts: document.scripts.length,
        images: document.images.length,
        ids: all.map(({ id }) => id).filter((id) => id && document.querySelectorAll(`[id="${id}"]`).length > 1),
        bidi: /[\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.outerHTML),
        controls: /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(document.documentElement.outerHTML),
        links: [...document.links].map((link) => link.getAttribute("href")),
      };
    });
    assert.deepEqual({ ...found, links: [] }, { elements: [], handlers: [], scripts: 1, images: 1, ids: [], bidi: false, controls: false, links: [] });
    for (const link of found.links) assert.match(link, /^(#[a-z0-9-]+|[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~%-]+)*)$/, link);
    for (const link of found.links) assert.doesNotMatch(link, /(^|\/)\.\.?(\/|$)/);
    assert.deepEqual(seen.complaints, []);
    await tab.close();
  });

  test(`${name}: every link leads somewhere`, async () => {
    const { tab } = await open(address(name));
    const links = await tab.$$eval("a", (all) => all.map((link) => ({ raw: link.getAttribute("href"), full: link.href })));
    for (const { raw, full } of links) {
      if (raw.startsWith("#")) assert.ok(await tab.$(`[id="${raw.slice(1)}"]`), raw);
      else if (raw.length < 250) assert.ok(existsSync(fileURLToPath(full)), raw);
    }
    await tab.close();
  });

  test(`${name}: nothing scrolls the page sideways`, async () => {
    const { tab } = await open(address(name));
    await layOut(tab);
    for (const width of [320, WIDTHS.phone, 768, WIDTHS.desk]) {
      await tab.setViewport({ width, height: 800 });
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px at ${width}`);
    }
    await tab.close();
  });

  test(`${name}: headings follow each other, and what is missing comes before any data`, async () => {
    const { tab } = await open(address(name));
    const levels = await tab.$$eval("h1, h2, h3, h4, h5", (all) => all.map((heading) => Number(heading.tagName[1])));
    levels.forEach((level, at) => assert.ok(level <= (levels[at - 1] ?? 0) + 1, `h${level} after h${levels[at - 1]}`));
    assert.equal(levels.filter((level) => level === 1).length, 1);
    const order = await tab.$$eval("main section", (all) => all.map((section) => section.id));
    assert.deepEqual(order.slice(0, 3), ["letter", "missing", "answers"]);
    await tab.close();
  });

  test(`${name}: it reads the same without JavaScript`, async () => {
    const { tab, seen } = await open(address(name), { script: false });
    assert.deepEqual(seen.complaints, []);
    assert.equal(await tab.$eval("#notice .calm", (notice) => notice.checkVisibility()), true);
    assert.equal(await tab.$eval("#notice .sure", (notice) => notice.checkVisibility()), false);
    assert.equal(await tab.$eval("#verdict", (verdict) => verdict.checkVisibility()), true);
    await tab.close();
  });
}

// The two large samples repeat the same markup a thousand times, which axe takes minutes to look at.
for (const name of names.filter((name) => !["entities-1000", "megabytes"].includes(name))) {
  // The translations differ from the English page in their words only.
  const translated = /^normal-(?!en)/.test(name);
  for (const scheme of translated ? ["light"] : ["light", "dark"]) {
    for (const [place, width] of Object.entries(WIDTHS).filter(([place]) => !translated || place === "phone")) {
      test(`${name}: the accessibility checker finds nothing, ${scheme}, ${place}`, async () => {
        const { tab } = await open(address(name), { scheme, width });
        await layOut(tab);
        await tab.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));
        assert.deepEqual(await violations(tab), []);
        if (pictures) {
          mkdirSync(pictures, { recursive: true });
          await tab.screenshot({ path: join(pictures, `${name}-${place}-${scheme}.png`), fullPage: true });
        }
        await tab.close();
      });
    }
  }
}

test("alone, as from inside a ZIP window, the page says aloud that the folder is to be extracted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  copyFileSync(join(samples, "normal-fr", "START-HERE.html"), join(folder, "START-HERE.html"));
  const url = pathToFileURL(join(folder, "START-HERE.html")).href;
  const { tab, seen } = await open(url);
  await tab.waitForFunction(() => document.documentElement.className === "alone");
  assert.equal(await tab.$eval("#notice .sure", (notice) => notice.checkVisibility()), true);
  assert.equal(await tab.$eval("#notice .calm", (notice) => notice.checkVisibility()), false);
  assert.equal(await tab.$eval("#verdict", (verdict) => verdict.checkVisibility()), true);
  assert.ok(seen.requests.every((request) => request.startsWith("file:")));
  assert.deepEqual(seen.complaints.filter((text) => !text.includes("ERR_FILE_NOT_FOUND")), []);
  await layOut(tab);
  assert.deepEqual(await violations(tab), []);
  await tab.close();
  rmSync(folder, { recursive: true });
});

test("each page says its language, and only that language's words", async () => {
  const verdicts = new Set();
  for (const [name, language] of [["normal-en", "en"], ["normal-fr", "fr-BE"], ["normal-nl", "nl"], ["normal-de", "de"], ["normal-es", "es"]]) {
    const { tab } = await open(address(name));
    assert.equal(await tab.evaluate(() => document.documentElement.lang), language);
    verdicts.add(await tab.$eval("#verdict", (verdict) => verdict.textContent));
    await tab.close();
  }
  assert.equal(verdicts.size, 5);
});

test("a keyboard reaches the skip link first, then every table and link, and sees where it is", async () => {
  const { tab } = await open(address("normal-en"));
  await tab.keyboard.press("Tab");
  assert.equal(await tab.evaluate(() => document.activeElement.className), "skip");
  const box = await (await tab.$(".skip")).boundingBox();
  assert.ok(box.y >= 0, "the skip link is on screen when it has the focus");
  await tab.keyboard.press("Enter");
  assert.equal(await tab.evaluate(() => document.activeElement.id), "letter");
  const reached = new Set();
  for (let presses = 0; presses < 300; presses += 1) {
    await tab.keyboard.press("Tab");
    const at = await tab.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return undefined;
      const outline = getComputedStyle(element);
      const what = element.getAttribute("aria-labelledby") ?? element.getAttribute("href") ?? element.tagName + element.textContent;
      return { what, outlined: outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) > 0 };
    });
    if (!at) break;
    assert.ok(at.outlined, `no outline on ${at.what}`);
    reached.add(at.what);
  }
  const regions = await tab.$$eval(".scroll", (all) => all.map((region) => region.getAttribute("aria-labelledby")));
  for (const region of regions) assert.ok(reached.has(region), `${region} is out of the keyboard's reach`);
  const summaries = await tab.$$eval("summary", (all) => all.filter((summary) => summary.checkVisibility()).map((summary) => summary.tagName + summary.textContent));
  for (const summary of summaries) assert.ok(reached.has(summary), summary);
  await tab.close();
});

test("a table says what it is and how much of it is shown", async () => {
  const { tab } = await open(address("normal-en"));
  const captions = await tab.$$eval("table.rows caption", (all) => all.map((caption) => caption.textContent));
  assert.ok(captions.includes("Orders. 60 of 12,345 rows shown."), captions.join());
  const bare = await tab.$$eval("th", (all) => all.filter((heading) => !["col", "row"].includes(heading.scope)).length);
  assert.equal(bare, 0);
  await tab.close();
});

test("the one that did not answer is named in the first screens of a phone", async () => {
  const { tab } = await open(address("normal-en"), { width: WIDTHS.phone });
  const place = (selector) => tab.$eval(selector, (element) => element.getBoundingClientRect().top);
  assert.ok((await place("#verdict")) < 800);
  assert.ok((await place("#missing h3")) < 2 * 800 + 400);
  assert.match(await tab.$eval("#missing h3", (heading) => heading.textContent), /Nederland/);
  assert.match(await tab.$eval("#missing", (section) => section.textContent), /Halden \(UK\) Limited/);
  await tab.close();
});

test("a page that is told it is complete and is not says that it is not", async () => {
  const { tab } = await open(address("hostile"));
  assert.equal(await tab.$eval("#verdict", (verdict) => verdict.textContent), "This is not everything.");
  assert.match(await tab.$eval("#chain", (section) => section.textContent), /No\.\u00a01 is missing/);
  await tab.close();
});

test("on paper everything is unfolded, with and without JavaScript", async () => {
  for (const script of [true, false]) {
    const { tab } = await open(address("normal-en"), { script });
    await tab.emulateMediaType("print");
    const shown = await tab.$$eval("details.columns dl", (all) => all.length > 0 && all.every((list) => list.checkVisibility()));
    assert.ok(shown, `what the columns mean, script ${script}`);
    assert.equal(await tab.$eval("nav", (nav) => nav.checkVisibility()), false);
    const pdf = await tab.pdf({ format: "A4", preferCSSPageSize: true });
    assert.equal(Buffer.from(pdf.subarray(0, 5)).toString(), "%PDF-");
    assert.ok(pdf.length > 20_000);
    await tab.close();
  }
});

for (const name of ["megabytes", "entities-1000"]) {
  test(`${name}: opens without laying out what is not on screen`, async () => {
    const { tab } = await open(address(name));
    const cost = async () => (await tab.metrics()).LayoutDuration;
    const opened = await cost();
    await layOut(tab);
    await tab.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));
    await tab.evaluate(() => document.body.offsetHeight);
    const everything = (await cost()) - opened;
    assert.ok(opened < everything, `${opened} s to open, ${everything} s for everything`);
    await tab.close();
  });
}

test("the page of a real case says in the reader's language what the manifests say", async () => {
  const { tab } = await open(address("case-fr"));
  assert.equal(await tab.evaluate(() => document.documentElement.lang), "fr");
  const systems = await tab.$$eval("#data h4.dataset", (all) => all.map((heading) => heading.textContent));
  assert.ok(systems.includes("Boutique en ligne") && systems.includes("Programme de fidélité"), systems.join());
  assert.match(await tab.$eval("#missing", (section) => section.textContent), /Halden Polska/);
  const orders = await tab.$$eval("#data table.rows", (all) => all.map((table) => table.textContent).find((text) => text.includes("Passée le")));
  assert.match(orders, /\d (janv\.|févr\.|mars|avr\.|mai|juin|juil\.|août|sept\.|oct\.|nov\.|déc\.) \d{4}, \d\d:\d\d/);
  await tab.close();
});
