// Draws the manifest's PNG icons from public/icon.svg: `node demo/icons.mjs` in web/ after the icon changed.
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const folder = new URL("public/", import.meta.url);
const svg = await readFile(new URL("icon.svg", folder), "utf8");
const ground = /fill="(#[0-9a-f]{6})"/.exec(svg)?.[1];
if (ground === undefined) throw new Error("icon.svg: expected a first shape filled by a six-digit colour; found none");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();

/** Writes one square PNG. A maskable icon is smaller on a full ground, so that any mask leaves its sign whole. */
async function draw(name, side, maskable) {
  const inner = maskable ? Math.round(side * 0.8) : side;
  await page.setViewportSize({ width: side, height: side });
  await page.setContent(`<style>
    body { margin: 0; height: 100vh; display: grid; place-items: center; background: ${maskable ? ground : "none"} }
    svg { width: ${inner}px; height: ${inner}px }
  </style>${svg}`);
  await page.screenshot({ path: new URL(name, folder).pathname, omitBackground: !maskable });
}

for (const side of [192, 512]) {
  await draw(`icon-${side}.png`, side, false);
  await draw(`icon-maskable-${side}.png`, side, true);
}
await browser.close();
