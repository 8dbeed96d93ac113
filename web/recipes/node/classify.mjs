// node classify.mjs MODEL IMAGE...
import { load } from 'intformer';

const [model, ...images] = process.argv.slice(2);
try {
  const classifier = await load(model);
  for (const image of images) {
    const { classes, digest, exact } = await classifier.classify(image);
    console.log(JSON.stringify({ image, label: classes[0].label, digest, exact, thread: classifier.thread }));
  }
  classifier.dispose();
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
