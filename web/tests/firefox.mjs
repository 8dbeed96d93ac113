// Firefox ESR as the long tests use it: the stock browser, headless, driven by Playwright over WebDriver BiDi.
// FIREFOX names another binary than Debian's.
import { firefox } from 'playwright-core';

// What the browser asks for by itself goes to a proxy that is not there; this machine is reached without one.
const NOWHERE = {
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
};
const QUIET = {
  'app.normandy.enabled': false,
  'browser.region.network.url': '',
  'dom.push.connection.enabled': false,
  'network.captive-portal-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.enabled': false,
};

/** What Firefox offers where WebGPU is not on by default, as on Linux. */
export const WEBGPU = { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true };

/** Every window is a private one. */
export const PRIVATE = { 'browser.privatebrowsing.autostart': true };

/** Starts a headless Firefox, with more preferences. */
export async function launch({ preferences = {} } = {}) {
  const browser = await firefox.launch({
    channel: 'moz-firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    // Without this variable the address of the settings' server is not heeded.
    env: { ...process.env, MOZ_REMOTE_SETTINGS_DEVTOOLS: '1' },
    firefoxUserPrefs: { ...NOWHERE, ...QUIET, ...preferences },
  });
  withoutMedia(browser);
  return browser;
}

/** Playwright sets the media features of every context; Firefox 153 does not know that command, and nobody needs it. */
function withoutMedia(browser) {
  const session = inside(browser)._browserSession;
  const send = session.send.bind(session);
  session.send = async (method, params) => (method === 'emulation.setMediaFeaturesOverride' ? {} : send(method, params));
}

/** Does something that saves a file; where it lies and under what name. Playwright tells of no file from a `blob:`. */
export async function saved(page, action) {
  const session = inside(page).delegate._session;
  const end = new Promise((done) => session.once('browsingContext.downloadEnd', done));
  await action();
  const { status, filepath } = await end;
  if (status !== 'complete') throw new Error(`The download ended as ${status}.`);
  return filepath;
}

/** What is behind an object of Playwright. */
function inside(object) {
  return object._connection.toImpl(object);
}
