// Keeps the page for working offline, and tells when there is a newer one.
import { el, press } from './dom.js';

/** Reloads the page when a newer version of it took over, in this tab or another: files of two versions do not mix. */
export function watchVersion(): void {
  if (!('serviceWorker' in navigator)) return;
  // At the first visit a worker takes over that has the version this page is of.
  let controlled = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (controlled) location.reload();
    controlled = true;
  });
}

/** Registers the service worker of the version that the server has; does nothing where that is not possible. */
export function startOffline(): void {
  if (!('serviceWorker' in navigator) || !isSecureContext) return;
  press('reload', () => {
    void navigator.serviceWorker.getRegistration().then((found) => found?.waiting?.postMessage('activate'));
  });
  // Refused by the browser, or the server is gone: the page goes on as it is.
  void register().catch(() => {});
}

async function register(): Promise<void> {
  const answer = await fetch('files.json', { cache: 'no-cache' });
  if (!answer.ok) return;
  const { version } = (await answer.json()) as { version: string };
  // The version in the address makes the browser see that another version is another worker.
  const registration = await navigator.serviceWorker.register(`sw.js?version=${encodeURIComponent(version)}`);
  const look = (): void => {
    el('update').hidden = registration.waiting === null || navigator.serviceWorker.controller === null;
  };
  look();
  watch(registration.installing, look);
  registration.addEventListener('updatefound', () => watch(registration.installing, look));
}

function watch(worker: ServiceWorker | null, look: () => void): void {
  worker?.addEventListener('statechange', look);
}
