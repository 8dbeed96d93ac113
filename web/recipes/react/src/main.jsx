import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Classifier } from './classifier.jsx';

createRoot(document.querySelector('#root')).render(
  <StrictMode>
    <Classifier model={`${import.meta.env.BASE_URL}models/glyphs.safetensors`} />
  </StrictMode>,
);
