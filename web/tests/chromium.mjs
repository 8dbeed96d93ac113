// Chromium as the browser tests use it. CHROMIUM names another binary than Debian's.
import { chromium } from 'playwright-core';

const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const QUIET = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];

/** Starts a headless Chromium, with a software WebGPU adapter or without WebGPU, and with more flags. */
export function launch({ webgpu = true, flags = [] } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...QUIET, ...flags, ...(webgpu ? WEBGPU : ['--disable-features=WebGPU,WebGPUService'])],
  });
}
