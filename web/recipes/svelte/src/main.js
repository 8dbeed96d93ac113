import { mount } from 'svelte';
import Classifier from './Classifier.svelte';

const model = `${import.meta.env.BASE_URL}models/glyphs.safetensors`;
mount(Classifier, { target: document.querySelector('#root'), props: { model } });
