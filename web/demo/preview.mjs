// Draws public/preview.png, which links to the page show: `node demo/preview.mjs` in web/ after the page's look changed.
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [width, height] = [1200, 630];
const sample = await readFile(new URL("../../models/samples/A.png", import.meta.url), "base64");
const css = await readFile(new URL("public/base.css", import.meta.url), "utf8");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width, height }, colorScheme: "light" });
await page.setContent(`<style>${css}
  body { display: grid; grid-template-columns: auto 1fr; align-content: center; align-items: center; gap: 3rem 4rem;
    max-width: none; height: 100vh; padding: 0 6rem }
  h1 { grid-column: 1 / -1; font-size: 6rem; letter-spacing: -0.025em }
  h1 small { display: block; margin-top: 1rem; color: var(--muted); font: 2rem/1.3 var(--sans); letter-spacing: 0 }
  img { width: 15rem; border: 1px solid var(--line); border-radius: 1rem; image-rendering: pixelated }
  p { font: 500 8rem/1 var(--serif) }
  p small { display: block; margin-top: 1.5rem; color: var(--good); font: 600 2rem/1.2 var(--sans) }
</style>
<h1>intformer<small>A vision transformer in integers, in your browser</small></h1>
<img src="data:image/png;base64,${sample}"><p>A<small>= Equal to the native command</small></p>`);
await page.screenshot({ path: new URL("public/preview.png", import.meta.url).pathname });
await browser.close();
