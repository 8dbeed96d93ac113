// The site has the package's `dist` at this place; here are only its types.
export * from '../../../package/dist/index.js';
