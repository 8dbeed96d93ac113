import { host } from './host.js';

/** What this browser offers of WebGPU. */
export interface WebGpuSupport {
  /** Whether there is an adapter. */
  available: boolean;
  /** Why not, in a sentence; null if there is one. */
  reason: string | null;
  /** The adapter's name as far as the browser tells it. */
  adapter: string | null;
  /** Whether it is a GPU made of software, which is slow. */
  software: boolean;
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|\bwarp\b/i;

/** Asks the browser for a WebGPU adapter and says what came of it. Never rejects. */
export async function webgpuSupport(): Promise<WebGpuSupport> {
  const no = (reason: string): WebGpuSupport => ({ available: false, reason, adapter: null, software: false });
  if (globalThis.isSecureContext === false) {
    return no('This page came over http, and browsers offer WebGPU to https pages alone.');
  }
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (gpu === undefined) return no(`${host.name} has no WebGPU.`);
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) {
      return no('This browser has WebGPU but no adapter for it: the GPU or its driver is blocked, or switched off.');
    }
    const info = adapter.info as GPUAdapterInfo | undefined;
    const named = info?.description || [info?.vendor, info?.architecture].filter(Boolean).join(' ');
    const marked = (info as { isFallbackAdapter?: boolean } | undefined)?.isFallbackAdapter === true;
    return { available: true, reason: null, adapter: named || null, software: marked || SOFTWARE.test(named) };
  } catch (error) {
    return no(`WebGPU refused an adapter: ${error instanceof Error ? error.message : String(error)}`);
  }
}
