// Elements as tagged templates, and components.
import { h, Component, Fragment, render } from './vendor/preact.module.js';
import htm from './vendor/htm.module.js';

export const html = htm.bind(h);
export { Component, Fragment, render };
