// Stands in for the generated module in tests of the package's own work: worker, cache, download, image kinds, faults
// that a real adapter does not have at hand. A model is JSON (padded with spaces); `script` in it says what goes wrong.
const thrown = (kind, message) => Object.assign(new Error(message), { kind });

export default async function init({ module_or_path: bytes }) {
  await WebAssembly.compile(bytes);
  return { memory: { buffer: new ArrayBuffer(65536) } };
}

/** Runs on WebGPU so far: from the one of the script on, the device is lost in each. */
let gpuRuns = 0;

// What is of an instance that was replaced does not work any more.
let instance = 0;
let dead = -1;
export function __wbg_reset_state() {
  instance += 1;
}

export class Model {
  static read(bytes) {
    if (instance === dead) throw new WebAssembly.RuntimeError('unreachable');
    const model = new Model();
    try {
      model.facts = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      throw thrown('model-file', 'Expected a model file, found something else.');
    }
    if (model.facts.formatVersion > 1) throw thrown('newer-format', 'Expected format 1, found a newer one.');
    return model;
  }
  info() {
    return JSON.stringify(this.facts);
  }
  // The middle pixel counts.
  fit(rgba, width, height) {
    if (rgba.length !== 4 * width * height) throw thrown('image', 'The size does not fit the pixels.');
    const middle = 4 * (Math.floor(height / 2) * width + Math.floor(width / 2));
    return rgba.slice(middle, middle + 3);
  }
  likeliest(logits, top) {
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b).slice(0, top);
    return Float64Array.from(order.flatMap((index) => [index, logits[index], 0]));
  }
  look(pixels) {
    const hint = pixels.every((value) => value === pixels[0]) ? { kind: 'uniform', message: 'One colour.' } : null;
    return JSON.stringify({ spread: Math.max(...pixels) - Math.min(...pixels), typicality: null, hint });
  }
  free() {}
}

class Session {
  instance = instance;
  constructor(model) {
    this.script = model.facts.script ?? {};
  }
  async prepare(batch) {
    if (this.script.slow) await new Promise((done) => setTimeout(done, this.script.slow));
    if (batch > (this.script.room ?? 64)) throw thrown('out-of-memory', 'Expected room for the batch, found none.');
  }
  async run(pixels, batch) {
    if (this.instance !== instance) throw new Error('A session of an instance that is gone.');
    // On WASM a run takes as long as it is told, on WebGPU none.
    if (this.name === 'wasm' && this.script.wasmTime) await new Promise((done) => setTimeout(done, this.script.wasmTime));
    // Code 66 in a pixel is where the instance ends; a trap ends all that is of it.
    if (instance === dead || pixels.includes(66)) {
      dead = instance;
      throw new WebAssembly.RuntimeError('unreachable');
    }
    if (this.name === 'webgpu' && ++gpuRuns >= this.script.lostAt) throw thrown('device-lost', 'The device went away.');
    return Int32Array.from(pixels.subarray(0, 3 * batch));
  }
  adapter() {
    return `stand-in ${this.name}`;
  }
  memory() {
    return 1000;
  }
  free() {}
}

export class CpuSession extends Session {
  name = 'wasm';
  static open(model) {
    return new CpuSession(model);
  }
}

export class GpuSession extends Session {
  name = 'webgpu';
  static async open(model) {
    await new Promise((done) => setTimeout(done, model.facts.script?.compiling ?? 0));
    if (model.facts.script?.refuse) throw thrown('no-webgpu', model.facts.script.refuse);
    return new GpuSession(model);
  }
}

export function digest(logits) {
  return Array.from(logits, (logit) => logit.toString(16).padStart(8, '0')).join('').padEnd(64, '0').slice(0, 64);
}
