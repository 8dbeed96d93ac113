'use client';

import { useEffect, useState } from 'react';
import { load } from 'intformer';

/** A classifier for as long as the component is shown, null until it is loaded. */
function useClassifier(model, onError) {
  const [classifier, setClassifier] = useState(null);
  useEffect(() => {
    // A component that is gone before the model is here ends the load.
    const gone = new AbortController();
    let loaded = null;
    load(model, { signal: gone.signal }).then(
      (found) => setClassifier((loaded = found)),
      (error) => gone.signal.aborted || onError(error),
    );
    return () => {
      gone.abort();
      loaded?.dispose();
      setClassifier(null);
    };
  }, [model]);
  return classifier;
}

const MODEL = new URL('../models/glyphs.safetensors', import.meta.url).href;

export function Classifier() {
  const [text, setText] = useState('');
  const complain = (error) => setText(`${error.name}: ${error.message}`);
  const classifier = useClassifier(MODEL, complain);

  async function show(file) {
    const { classes, digest, exact } = await classifier.classify(file);
    const thread = classifier.threadNote ?? classifier.thread;
    setText(`label: ${classes[0].label}\ndigest: ${digest}\nexact: ${exact}\nthread: ${thread}`);
  }

  return (
    <>
      <input
        type="file"
        accept="image/*"
        aria-label="Image"
        disabled={classifier === null}
        onChange={({ target }) => show(target.files[0]).catch(complain)}
      />
      <pre>
        <output>{text}</output>
      </pre>
    </>
  );
}
