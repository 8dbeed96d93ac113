// A WASM module of plain JavaScript: a model is `{"classes": n, ...}` as JSON, its logits are sums of pixels. What it
// allocates it counts, so that tests see what was not freed, and what goes wrong is scripted.

const thrown = (kind, message) => Object.assign(new Error(message), { kind });

/** The bytes of a model that the fake reads. */
export function modelBytes(more = {}) {
  return new TextEncoder().encode(JSON.stringify({
    digest: 'a'.repeat(64), input: 'image', output: 'classes', tokens: null, outputs: 3, imageSize: [1, 1], channels: 1, classes: 3, labels: ['x', 'y', 'z'], logitScale: 0.1, ...more,
  }));
}

/** `script.webgpu` and `script.run` are called with a count and may throw; see the tests. */
export function fakeRuntime(script = {}) {
  const log = { clock: 0, models: 0, sessions: 0, opened: [], prepared: [], runs: 0 };
  const live = { wasm: new Set(), webgpu: new Set() };
  class Session {
    constructor(name) {
      this.name = name;
      log.sessions += 1;
      log.opened.push(name);
      live[name].add(this);
    }
    async prepare(batch) {
      log.prepared.push(batch);
      await script.prepare?.(this.name, batch);
    }
    async run(pixels, batch) {
      if (this.busy) throw new Error('two runs at a time');
      this.busy = true;
      try {
        await (script.slow ?? Promise.resolve());
        if (this.name === 'wasm') await script.slowly;
        log.runs += 1;
        log.clock += script.cost?.[this.name] ?? 1;
        script.run?.(this.name, log.runs, batch);
        const size = pixels.length / batch;
        return Int32Array.from({ length: batch * 3 }, (_, at) => {
          const image = pixels.subarray(Math.floor(at / 3) * size, (Math.floor(at / 3) + 1) * size);
          return image.reduce((sum, value) => sum + value, 0) * ((at % 3) + 1);
        });
      } finally {
        this.busy = false;
      }
    }
    // Of each text the sum of its ids, and how many there are.
    async run_texts(ids, segments, starts) {
      log.runs += 1;
      const texts = [...starts.keys()].slice(0, -1).map((at) => ids.subarray(starts[at], starts[at + 1]));
      return Int32Array.from(texts.flatMap((text) => [text.reduce((sum, id) => sum + id, 0), text.length, 0]));
    }
    adapter = () => `fake ${this.name}`;
    memory = () => 1000;
    free = () => {
      if (!live[this.name].delete(this)) throw new Error('freed twice');
      log.sessions -= 1;
    };
  }
  const runtime = {
    Model: {
      read(bytes) {
        script.read?.();
        let info;
        try {
          info = JSON.parse(new TextDecoder().decode(bytes));
        } catch {
          throw thrown('model-file', 'Expected a model, found something else.');
        }
        if (info.formatVersion > 1) throw thrown('newer-format', 'Expected format 1, found a newer one: update the package.');
        log.models += 1;
        return {
          info: () => JSON.stringify(info),
          tokenizer: () => new TextEncoder().encode(info.tokenizer ?? ''),
          fit: (rgba) => rgba.slice(0, 4),
          likeliest: (logits, top) => {
            const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, top);
            return Float64Array.from(order.flatMap((index) => [index, logits[index], 0]));
          },
          look: () => JSON.stringify({ spread: 0, typicality: null, hint: null }),
          free: () => (log.models -= 1),
        };
      },
    },
    Session: {
      wasm: () => {
        script.wasm?.();
        return new Session('wasm');
      },
      webgpu: async (_model, probe) => {
        log.probe = probe;
        await script.webgpu?.(log.opened.filter((name) => name === 'webgpu').length + 1);
        return new Session('webgpu');
      },
    },
    digest: (logits) => `digest of ${[...logits]}`,
    decoder: { decode: async (file) => ({ rgba: file.slice(-4), width: 1, height: 1 }), memory: () => 500 },
    memory: () => 65536,
    dead: false,
    abandon: () => void (runtime.dead = true),
  };
  return { runtime, log, thrown };
}

/** What an engine takes from its surroundings. */
export function surroundings(fake, support = {}) {
  return {
    runtime: async (wish) => {
      wish.part.expect(10);
      await wish.begun;
      wish.part.done(10);
      return fake.runtime;
    },
    now: () => fake.log.clock,
    support: async () => ({ available: true, reason: null, adapter: 'fake', software: false, ...support }),
  };
}

/** The options of a load with defaults. */
export const options = (more = {}) => ({
  executor: 'webgpu', cache: false, refresh: false, digest: null, wasmUrl: 'http://127.0.0.1/x.wasm', decoderUrl: null, tokenizersUrl: null, probeMilliseconds: null, ...more,
});
