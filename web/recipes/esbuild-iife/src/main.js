import { load } from 'intformer';

const input = document.querySelector('input');
const output = document.querySelector('output');

async function start() {
  const classifier = await load('models/glyphs.safetensors', {
    // A classic script has no import.meta.url: say where the files are, seen from the page.
    workerUrl: 'intformer/worker.js',
    wasmUrl: 'intformer/wasm/intformer_web_bg.wasm',
    decoderUrl: 'intformer/wasm/intformer_web_decoder_bg.wasm',
  });
  input.onchange = () => show(classifier, input.files[0]).catch(complain);
  input.disabled = false;
}

async function show(classifier, file) {
  const { classes, digest, exact } = await classifier.classify(file);
  const thread = classifier.threadNote ?? classifier.thread;
  output.value = `label: ${classes[0].label}\ndigest: ${digest}\nexact: ${exact}\nthread: ${thread}`;
}

function complain(error) {
  output.value = `${error.name}: ${error.message}`;
}

start().catch(complain);
